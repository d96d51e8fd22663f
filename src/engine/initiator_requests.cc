#include "engine/initiator_requests.h"

#include <algorithm>

#include "base/dhchap_key.h"
#include "initiator/inspection.h"
#include "initiator/remote_store.h"
#include "initiator/url_fault.h"

namespace ashlar::engine {

using json::Json;

namespace {

std::string every_group() {
  std::string names;
  for (const DhchapGroup group : all_dhchap_groups) names += (names.empty() ? "" : ",") + name_of(group);
  return names;
}

/// A proof that no path asks for is a mistake of who gave it.
Result<void> check_use(const initiator::RemoteOptions& options) {
  const auto goes_by = [&options](initiator::Protocol protocol) {
    return std::ranges::any_of(options.urls,
                               [protocol](const auto& url) { return url.protocol == protocol; });
  };
  const initiator::RemoteCredentials& given = options.credentials;
  if (given.chap && !goes_by(initiator::Protocol::iscsi))
    return fail(ErrorCode::invalid_argument, "secret", "CHAP is of iSCSI, and no path is by that");
  if ((given.proof || given.tls_key) && !goes_by(initiator::Protocol::nvme_tcp))
    return fail(ErrorCode::invalid_argument, given.proof ? "dhchap_key" : "tls_key",
                "is of NVMe/TCP, and no path is by that");
  return {};
}

Result<initiator::RemoteOptions> options_of(const rpc::InitiatorParams& params, const std::string& urls) {
  std::map<std::string, std::string> options = {{"urls", urls}};
  const auto add = [&options](const char* name, const std::string& value) {
    if (!value.empty()) options[name] = value;
  };
  add("user", params.user);
  add("secret", params.secret);
  add("mutual_user", params.mutual_user);
  add("mutual_secret", params.mutual_secret);
  add("dhchap_key", params.dhchap_key);
  add("dhchap_controller_key", params.dhchap_controller_key);
  add("tls_key", params.tls_key);
  // To look at it once any group will do, as hosts take any.
  if (!params.dhchap_key.empty()) options["dhchap_groups"] = every_group();
  add("initiator", params.initiator);
  add("host_nqn", params.host_nqn);
  TRY_ASSIGN(initiator::RemoteOptions read, initiator::remote_options_of(options));
  TRY(check_use(read));
  return read;
}

Json json_of(const initiator::Inspection& inspection) {
  const initiator::Findings& found = inspection.findings;
  Json paths = Json::array();
  for (const initiator::PathReport& path : inspection.paths) {
    Json each = {{"url", path.url}, {"state", path.up ? "up" : "down"}};
    if (path.up) each["access"] = initiator::name_of(path.access);
    if (!path.error.empty()) each["error"] = path.error;
    paths.push_back(std::move(each));
  }
  Json names = Json::object();
  for (const auto& [kind, name] : found.names) names[kind] = name;
  return {{"identity", initiator::name_of(found)},
          {"names", std::move(names)},
          {"vendor", found.vendor},
          {"product", found.product},
          {"revision", found.revision},
          {"size_bytes", found.size_bytes()},
          {"block_bytes", found.block_bytes},
          {"physical_block_bytes", found.physical_block_bytes},
          {"write_cache", found.write_cache},
          {"force_unit_access", found.force_unit_access},
          {"discard", found.most_discard_blocks != 0},
          {"write_zeroes", found.most_zeroes_blocks > found.most_transfer_blocks},
          {"write_protected", found.write_protected},
          {"rotational", found.rotational},
          {"access_group", found.access_group},
          {"paths", std::move(paths)}};
}

}  // namespace

bool is_initiator_method(std::string_view method) {
  return method == rpc::method::initiator_discover || method == rpc::method::initiator_inspect;
}

loop::Task<Result<Json>> answer_as_initiator(std::string method, rpc::InitiatorParams params) {
  loop::Loop& loop = loop::Loop::current();
  if (method == rpc::method::initiator_inspect) {
    CO_TRY_ASSIGN(initiator::RemoteOptions options, options_of(params, params.urls));
    auto inspecting = initiator::inspect(loop, std::move(options));
    const Result<initiator::Inspection> inspection = co_await inspecting;
    CO_TRY(inspection);
    co_return json_of(*inspection);
  }
  CO_TRY_ASSIGN(initiator::RemoteUrl url,
                initiator::parse_remote_url(params.urls, "urls", initiator::UrlPart::portal));
  // The options want a unit, which discovery is to find.
  const bool nvme = url.protocol == initiator::Protocol::nvme_tcp;
  if (params.user.empty()) params.user = params.secret.empty() ? "" : url.user;
  CO_TRY_ASSIGN(initiator::RemoteOptions options,
                options_of(params, nvme ? "nvme-tcp://127.0.0.1/nqn.2014-08.org.nvmexpress:any/1"
                                        : "iscsi://127.0.0.1/iqn.x/0"));
  auto discovering = initiator::targets_of(loop, url, std::move(options));
  const Result<std::vector<initiator::ReachableTarget>> targets = co_await discovering;
  if (!targets)
    co_return std::unexpected(initiator::fault_of_url(targets.error(), url.protocol, url.endpoint, "urls"));
  Json list = Json::array();
  for (const initiator::ReachableTarget& target : *targets)
    list.push_back({{"name", target.name}, {"portals", target.portals}});
  co_return Json{{"targets", std::move(list)}};
}

}  // namespace ashlar::engine
