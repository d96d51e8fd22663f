// Who is here: login, logout, whoami, and the logins of others.
#include "agent/authentication.h"
#include "agent/call.h"
#include "agent/clock.h"

namespace ashlar::agent {
namespace {

using api::Json;

Answer login(Call& call) {
  const Json& body = *call.body;
  auto outcome = call.service.authentication.login(body.value("user", ""), body.value("password", ""),
                                                   body.value("totp", ""), call.request.peer.address);
  if (!outcome) return std::unexpected(outcome.error());
  call.principal.user = outcome->user;  // for the audit log
  call.service.events.tell("logins", "begun", outcome->user, outcome->user,
                           {{"address", call.request.peer.address}});
  http::Response response = json_response(200, {{"session", outcome->session},
                                                {"csrf", outcome->csrf},
                                                {"role", name_of(outcome->role)},
                                                {"user", outcome->user}});
  response.headers.emplace_back(
      "Set-Cookie",
      fmt::format("ashlar_session={}; Path=/; Secure; HttpOnly; SameSite=Strict", outcome->session));
  return response;
}

Answer logout(Call& call) {
  call.service.authentication.logout(call.request);
  http::Response response{204, {}, {}, {}, {}};
  response.headers.emplace_back("Set-Cookie",
                                "ashlar_session=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0");
  return response;
}

Answer whoami(Call& call) {
  Json grants = Json::array();
  for (const api::Grant& each : call.principal.grants)
    grants.push_back({{"kind", each.kind}, {"name", each.name}, {"role", each.role}});
  Json body = {{"user", call.principal.user},
               {"role", name_of(call.principal.role)},
               {"credential", call.principal.credential},
               {"grants", std::move(grants)},
               {"only_grants", call.principal.only_grants}};
  const auto session = call.service.authentication.sessions().find(Authentication::session_of(call.request),
                                                                   call.service.now());
  if (session) body["csrf"] = session->csrf;
  return json_response(200, body);
}

Answer list_logins(Call& call) {
  const auto own = call.service.authentication.sessions().find(Authentication::session_of(call.request),
                                                               call.service.now());
  std::vector<Json> items;
  for (const access::Session& each : call.service.authentication.sessions().list()) {
    items.push_back({{"id", each.id_hash},
                     {"user", each.user},
                     {"address", each.address},
                     {"created_at", rfc3339(each.created)},
                     {"last_used_at", rfc3339(each.last_used)},
                     {"current", own && own->id_hash == each.id_hash}});
  }
  return list_page(call, std::move(items));
}

Answer end_login(Call& call) {
  const std::string& id = call.path.at("id");
  if (!call.service.authentication.sessions().end_hashed(id))
    return std::unexpected(Problem({ErrorCode::not_found, "logins/" + id, "there is no such login"}));
  return http::Response{204, {}, {}, {}, {}};
}

}  // namespace

void add_login_routes(Routes& routes) {
  routes["login"] = login;
  routes["logout"] = logout;
  routes["whoAmI"] = whoami;
  routes["listLogins"] = list_logins;
  routes["endLogin"] = end_login;
}

}  // namespace ashlar::agent
