// Any bytes as YAML: no crash, no runaway, and what is taken as a configuration survives printing.
#include <cstdlib>

#include "base/bytes.h"
#include "convert/convert.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ashlar;
  const std::string_view text = text_of({data, size});
  if (const auto json = convert::parse_yaml(text); !json && json.error().message.empty()) std::abort();
  const auto parsed = convert::parse(text, convert::Format::yaml);
  if (!parsed) return 0;
  const auto printed = convert::print(*parsed, convert::Format::yaml);
  if (!printed) std::abort();
  const auto again = convert::parse(*printed, convert::Format::yaml);
  if (!again) std::abort();
  const auto same = convert::print(*again, convert::Format::yaml);
  if (!same || *same != *printed) std::abort();
  return 0;
}
