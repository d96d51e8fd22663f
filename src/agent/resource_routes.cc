// The routes that every kind of resource has: list, get, create, put, patch, delete.
#include "access/access.h"
#include "agent/call.h"
#include "agent/resource_json.h"
#include "agent/resource_status.h"
#include "api/lists.h"
#include "http/client.h"

namespace ashlar::agent {
namespace {

using api::Json;
using api::Kind;

Answer show(Call& call, const Kind& kind, const std::string& name, int status, const View& view) {
  ROUTE_TRY_ASSIGN(Json resource, find_resource(view.configuration, kind, name, api::Secrets::redact));
  ResourceStatus(call.service, kind, name).add(resource);
  http::Response response = json_response(status, resource);
  if (const auto kept = find_resource(view.configuration, kind, name, api::Secrets::show))
    response.headers.emplace_back("ETag", etag_of(*kept));
  return response;
}

Answer list(Call& call, const Kind& kind) {
  const auto view = call.service.array.view();
  std::vector<Json> items = list_resources(view->configuration, kind);
  std::erase_if(items,
                [&](const Json& each) { return !call.sees(kind.path, each["name"].get<std::string>()); });
  ResourceStatus status(call.service, kind);
  for (Json& each : items) status.add(each);
  Answer answer = list_page(call, std::move(items));
  if (answer) answer->headers.emplace_back("ETag", fmt::format("\"g{}\"", view->generation.number));
  return answer;
}

// A map may leave its name out.
void name_map(const Kind& kind, Json& body) {
  if (kind.member != "maps" || !body.value("name", "").empty()) return;
  const std::string host = body.value("host", "");
  body["name"] =
      fmt::format("{}.{}", body.value("volume", ""), host.empty() ? body.value("host_group", "") : host);
}

Answer create(Call& call, const Kind& kind) {
  Json body = *call.body;
  name_map(kind, body);
  const std::string name = body.value("name", "");
  ROUTE_TRY(may_create(call, kind.path, name));
  const auto edit = [&kind, name, body](api::Configuration& next) -> Result<void> {
    if (find_resource(next, kind, name, api::Secrets::redact) && kind.member != "settings")
      return fail(ErrorCode::already_exists, fmt::format("{}/{}", kind.path, name),
                  "there is a {} of this name already", kind.singular);
    return put_resource(next, kind, body);
  };
  return make_change(call, edit, [&call, &kind, name](const Outcome& outcome) -> Answer {
    Answer answer = show(call, kind, name, 201, *outcome.view);
    if (answer)
      answer->headers.emplace_back("Location",
                                   fmt::format("/api/v1/{}/{}", kind.path, http::percent_encode(name)));
    return answer;
  });
}

Answer without_match(const Kind& kind, const std::string& name) {
  return std::unexpected(
      Problem({ErrorCode::invalid_argument, "If-Match",
               fmt::format("{}/{} is there: say which one you mean to replace, by its ETag or \"*\"",
                           kind.path, name)},
              428));
}

// Checked here for the answer, and once more under the array's lock, where nobody can come between.
Answer refuse_stale(Call& call, const Kind& kind, const std::string& name, const Json& wish,
                    const Error& error) {
  Problem problem(error);
  const auto view = call.service.array.view();
  if (const auto now = find_resource(view->configuration, kind, name, api::Secrets::redact)) {
    for (const auto& [key, value] : now->items()) {
      if (wish.contains(key) && wish[key] != value && value != api::redacted)
        problem.differences.push_back({fmt::format("{}/{}/{}", kind.path, name, key), value, wish[key]});
    }
  }
  return std::unexpected(problem);
}

Answer replace(Call& call, const Kind& kind, bool patch) {
  const std::string name = call.name();
  Json body = *call.body;
  // A patch with null would take the name away: it stays what the path says.
  if (patch && body.contains("name") && body["name"].is_null()) body.erase("name");
  if (!patch && !body.contains("name")) body["name"] = name;
  if (body.value("name", name) != name) {
    return std::unexpected(
        Problem({ErrorCode::invalid_argument, "name",
                 fmt::format("is '{}' in the body and '{}' in the path: a name cannot be changed",
                             body.value("name", ""), name)}));
  }
  const std::string* if_match = http::find_header(call.request.headers, "If-Match");
  const auto before = find_resource(call.service.array.view()->configuration, kind, name, api::Secrets::show);
  if (!before && patch) return std::unexpected(Problem(before.error()));
  if (before && if_match == nullptr && kind.member != "settings") return without_match(kind, name);
  const std::string match = if_match == nullptr ? "*" : *if_match;
  if (!before && match != "*") {
    // What the caller has read and means to replace was deleted: to make it again is another wish.
    return std::unexpected(
        Problem({ErrorCode::stale, fmt::format("{}/{}", kind.path, name), "is not there (any more)"}));
  }
  if (before) {
    if (const auto fresh = check_match(match, *before, fmt::format("{}/{}", kind.path, name)); !fresh)
      return refuse_stale(call, kind, name, body, fresh.error());
  }
  const auto edit = [&kind, name, body, match, patch,
                     existed = before.has_value()](api::Configuration& next) -> Result<void> {
    const std::string place = fmt::format("{}/{}", kind.path, name);
    auto now = find_resource(next, kind, name, api::Secrets::show);
    if (now) {
      TRY(check_match(match, *now, place));
    } else if (existed) {
      return fail(ErrorCode::stale, place, "was deleted meanwhile");
    }
    if (!patch) return put_resource(next, kind, body);
    merge_patch(*now, body);
    return put_resource(next, kind, *now);
  };
  const int status = before ? 200 : 201;
  return make_change(call, edit, [&call, &kind, name, status](const Outcome& outcome) {
    return show(call, kind, name, status, *outcome.view);
  });
}

Answer erase(Call& call, const Kind& kind) {
  const std::string name = call.name();
  const std::string* if_match = http::find_header(call.request.headers, "If-Match");
  const std::string match = if_match == nullptr ? "*" : *if_match;
  const auto edit = [&kind, name, match](api::Configuration& next) -> Result<void> {
    TRY_ASSIGN(const Json now, find_resource(next, kind, name, api::Secrets::show));
    TRY(check_match(match, now, fmt::format("{}/{}", kind.path, name)));
    TRY(check_unused(next, kind, name));
    remove_resource(next, kind, name);
    return {};
  };
  return make_change(call, edit, [](const Outcome& outcome) -> Answer { return plan_response(outcome); });
}

struct Words {
  const char* path;
  const char* one;
  const char* many;
};
constexpr Words words[] = {{"pools", "Pool", "Pools"},
                           {"volumes", "Volume", "Volumes"},
                           {"snapshots", "Snapshot", "Snapshots"},
                           {"hosts", "Host", "Hosts"},
                           {"host-groups", "HostGroup", "HostGroups"},
                           {"portals", "Portal", "Portals"},
                           {"targets", "Target", "Targets"},
                           {"maps", "Map", "Maps"},
                           {"groups", "Group", "Groups"},
                           {"isns-servers", "IsnsServer", "IsnsServers"},
                           {"users", "User", "Users"},
                           {"tokens", "Token", "Tokens"},
                           {"alert-channels", "AlertChannel", "AlertChannels"},
                           {"alert-rules", "AlertRule", "AlertRules"},
                           {"settings", "Setting", "Settings"},
                           {"recycle-bin", "DeletedVolume", "DeletedVolumes"}};

}  // namespace

void add_resource_routes(Routes& routes) {
  for (const Words& each : words) {
    const Kind& kind = *api::find_kind(each.path);
    const std::string one = each.one;
    routes["list" + std::string(each.many)] = [&kind](Call& call) { return list(call, kind); };
    routes["get" + one] = [&kind](Call& call) {
      return show(call, kind, call.name(), 200, *call.service.array.view());
    };
    routes["put" + one] = [&kind](Call& call) { return replace(call, kind, false); };
    if (kind.member == "recycle_bin") continue;
    routes["delete" + one] = [&kind](Call& call) { return erase(call, kind); };
    if (kind.member == "settings") continue;
    routes["create" + one] = [&kind](Call& call) { return create(call, kind); };
    routes["patch" + one] = [&kind](Call& call) { return replace(call, kind, true); };
  }
  routes.erase("putDeletedVolume");
}

}  // namespace ashlar::agent
