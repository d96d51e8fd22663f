// Which importer is whose.
#include "convert/draft.h"

namespace ashlar::convert {

Result<Source> parse_source(std::string_view name) {
  if (name == "targetcli") return Source::targetcli;
  if (name == "scst") return Source::scst;
  if (name == "nvmet") return Source::nvmet;
  if (name == "tgt") return Source::tgt;
  return fail(ErrorCode::invalid_argument, "source", "'{}' is not known: targetcli, scst, nvmet or tgt",
              name);
}

Result<Import> import(std::string_view text, Source source) {
  switch (source) {
    case Source::targetcli: return import_targetcli(text);
    case Source::scst: return import_scst(text);
    case Source::nvmet: return import_nvmet(text);
    case Source::tgt: break;
  }
  return import_tgt(text);
}

}  // namespace ashlar::convert
