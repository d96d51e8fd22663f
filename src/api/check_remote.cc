// What a pool of units of other arrays says of how it logs in there.
#include <algorithm>

#include "api/examination.h"
#include "base/identity.h"
#include "base/nqn.h"

namespace ashlar::api {
namespace {

constexpr std::string_view iscsi_scheme = "iscsi://", nvme_scheme = "nvme-tcp://";

bool comes_by(const Pool& pool, std::string_view scheme) {
  return std::ranges::any_of(pool.devices,
                             [scheme](const std::string& each) { return each.contains(scheme); });
}

struct Field {
  const char* name;
  bool given;
  std::string_view scheme;
};
std::vector<Field> fields_of(const Pool& pool) {
  return {{"initiator", !pool.initiator.empty(), iscsi_scheme},
          {"host_nqn", !pool.host_nqn.empty(), nvme_scheme},
          {"chap", pool.chap.has_value(), iscsi_scheme},
          {"dhchap", pool.dhchap.has_value(), nvme_scheme},
          {"tls_key", !pool.tls_key.empty(), nvme_scheme}};
}

Result<void> check_iscsi_name(const std::string& name, const std::string& place) {
  TRY_ASSIGN(const std::string canonical, parse_iscsi_name(name, place));
  if (canonical == name) return {};
  return fail(ErrorCode::invalid_argument, place, "must be in lower case: \"{}\"", canonical);
}

}  // namespace

Result<void> Examination::remote(const Pool& each, const std::string& place) {
  for (const Field& field : fields_of(each)) {
    if (!field.given) continue;
    const std::string where = fmt::format("{}/{}", place, field.name);
    if (each.kind != "remote")
      return fail(ErrorCode::invalid_argument, where, "is for pools of kind remote only");
    if (!comes_by(each, field.scheme))
      return fail(ErrorCode::invalid_argument, where, "says nothing: no device of the pool is reached by {}",
                  field.scheme);
  }
  if (each.kind != "remote") return {};
  if (!each.initiator.empty()) TRY(check_iscsi_name(each.initiator, place + "/initiator"));
  if (!each.host_nqn.empty()) TRY(parse_nqn(each.host_nqn, place + "/host_nqn"));
  if (each.chap) TRY(chap(*each.chap, place + "/chap"));
  return each.dhchap ? dhchap(*each.dhchap, place + "/dhchap") : Result<void>{};
}

}  // namespace ashlar::api
