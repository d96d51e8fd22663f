#include "cli/access_commands.h"

#include <map>
#include <set>

#include "cli/output.h"
#include "cli/resource_commands.h"
#include "cli/table.h"
#include "cli/text_lines.h"

namespace ashlar::cli {
namespace {

std::string text_at(const Json& json, std::string_view pointer) {
  const Json& value = value_at(json, pointer);
  return value.is_string() ? value.get<std::string>() : "";
}

// The only target there is; more than one must be chosen from.
Result<std::string> only_target(Invocation& invocation) {
  TRY_ASSIGN(const Json targets, fetch_all(invocation, path_of("/targets")));
  if (targets.size() == 1) return text_at(targets.front(), "/name");
  if (targets.empty())
    return invocation.usage("--target", "there is no target yet: ashlar target create NAME");
  std::vector<std::string> names;
  names.reserve(targets.size());
  for (const Json& target : targets) names.push_back(printable(text_at(target, "/name")));
  return invocation.usage("--target", fmt::format("say which: {}", fmt::join(names, ", ")));
}

constexpr Column discovered_columns[] = {{"INITIATOR", "/initiator"}, {"PEER", "/peer"}, {"SEEN", "/seen"}};

}  // namespace

Result<void> discover_hosts(Invocation& invocation) {
  TRY_ASSIGN(const Json hosts, fetch_all(invocation, path_of("/hosts")));
  TRY_ASSIGN(const Json sessions, fetch_all(invocation, path_of("/sessions")));
  TRY_ASSIGN(const Answer events, invocation.get(path_of("/events") + "?limit=1000"));
  std::set<std::string> known;
  for (const Json& host : hosts) {
    for (const Json& name : value_at(host, "/initiators")) {
      if (name.is_string()) known.insert(name.get<std::string>());
    }
  }
  std::map<std::string, Json> found;
  const auto see = [&](const std::string& initiator, const std::string& peer, const std::string& seen) {
    if (initiator.empty() || known.contains(initiator)) return;
    found[initiator] = Json::object({{"initiator", initiator}, {"peer", peer}, {"seen", seen}});
  };
  // Refused logins are told by events alone.
  for (const Json& event : items_of(events.body)) {
    see(text_at(event, "/data/initiator"), text_at(event, "/data/peer"),
        fmt::format("{} {}", cell_of(value_at(event, "/time"), Shown::time), text_at(event, "/action")));
  }
  for (const Json& session : sessions) {
    see(text_at(session, "/initiator"), text_at(session, "/peer_address"), "logged in");
  }
  Json items = Json::array();
  for (const auto& [initiator, item] : found) items.push_back(item);
  show_items(invocation, discovered_columns, items);
  if (!found.empty()) invocation.talk("take one in: ashlar host add NAME --initiator INITIATOR\n");
  return {};
}

Result<void> create_map(Invocation& invocation) {
  if (invocation.has("--host") == invocation.has("--host-group")) {
    return invocation.usage("--host", "say either --host or --host-group");
  }
  TRY_ASSIGN(Json body, create_body(invocation));
  if (!body.contains("target")) {
    TRY_ASSIGN(std::string target, only_target(invocation));
    body["target"] = std::move(target);
  }
  const std::string whom = invocation.text("--host", invocation.text("--host-group"));
  return send_create(invocation, std::move(body),
                     invocation.text("--name", invocation.text("VOLUME") + "." + whom));
}

Result<void> list_sessions_of_hosts(Invocation& invocation) {
  std::string filter = invocation.options.filter;
  if (invocation.has("--host")) {
    filter += fmt::format("{}host=={}", filter.empty() ? "" : ",", invocation.text("--host"));
  }
  TRY_ASSIGN(const Json items, fetch_items(invocation, invocation.noun, filter));
  show_items(invocation, invocation.noun.columns, items);
  return {};
}

Result<void> drop_session_of_host(Invocation& invocation) {
  const std::string id = invocation.text("ID");
  const std::string path = path_of("/sessions", {id});
  if (!invocation.options.dry_run) TRY(invocation.confirm(fmt::format("End session {}?", printable(id))));
  TRY(invocation.act("DELETE", path));
  invocation.talk(fmt::format("session {} is dropped\n", printable(id)));
  return {};
}

Result<void> show_connect(Invocation& invocation) {
  const std::string path = path_of("/volumes", {invocation.text("VOLUME"), "connect"});
  TRY_ASSIGN(const Answer answer,
             invocation.get(with_query(
                 path, {{"host", invocation.text("--host")}, {"format", invocation.text("--format")}})));
  if (show_as_data(invocation, answer.body)) return {};
  const Json& text = value_at(answer.body, "/text");
  invocation.data(printable_lines(text.is_string() ? text.get_ref<const std::string&>() : answer.text));
  return {};
}

}  // namespace ashlar::cli
