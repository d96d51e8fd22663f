#include "agent/authentication.h"

#include <unistd.h>

#include <algorithm>

#include "agent/clock.h"
#include "agent/first_start.h"
#include "api/lists.h"
#include "api/settings.h"
#include "base/log.h"

namespace ashlar::agent {
namespace {

constexpr std::string_view cookie_name = "ashlar_session=";
constexpr std::string_view bearer = "Bearer ";
constexpr size_t most_sessions = 1000;

Problem unknown(std::string message) {
  Problem problem({ErrorCode::unauthenticated, "", std::move(message)});
  problem.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"ashlar\"");
  return problem;
}

std::string cookie_of(const http::Request& request) {
  for (const auto& [name, value] : request.headers) {
    if (name.size() != 6 ||
        !std::ranges::equal(name, std::string_view("cookie"), {}, [](char c) { return std::tolower(c); }))
      continue;
    const size_t at = value.find(cookie_name);
    if (at == std::string::npos || (at > 0 && value[at - 1] != ' ' && value[at - 1] != ';')) continue;
    const size_t begin = at + cookie_name.size();
    return value.substr(begin, value.find(';', begin) - begin);
  }
  return "";
}

access::Role role_named(const std::string& name) {
  return access::parse_role(name, "role").value_or(access::Role::none);
}

access::LdapSettings ldap_settings(const api::Configuration& configuration) {
  access::LdapSettings settings;
  settings.url = api::setting_text(configuration, "ldap.url");
  settings.user_template = api::setting_text(configuration, "ldap.user_template");
  settings.base = api::setting_text(configuration, "ldap.base");
  settings.ca_file = api::setting_text(configuration, "ldap.ca_file");
  settings.start_tls = api::setting_boolean(configuration, "ldap.start_tls");
  for (const std::string& each : api::setting_list(configuration, "ldap.group_roles")) {
    const size_t equals = each.find('=');
    if (equals != std::string::npos) settings.group_roles[each.substr(equals + 1)] = each.substr(0, equals);
  }
  return settings;
}

}  // namespace

Authentication::Authentication(Array& array, std::function<int64_t()> now,
                               std::function<void(std::string, std::string)> lockout)
    : array_(array), now_(std::move(now)), lockout_(std::move(lockout)) {
  const api::Configuration& configuration = array_.view()->configuration;
  sessions_ = std::make_unique<access::Sessions>(
      60 * api::setting_number(configuration, "api.login_minutes"),
      3600 * api::setting_number(configuration, "api.login_longest_hours"), most_sessions);
}

std::string Authentication::session_of(const http::Request& request) {
  if (const std::string* header = http::find_header(request.headers, "Authorization")) {
    return header->starts_with(bearer) ? header->substr(bearer.size()) : "";
  }
  return cookie_of(request);
}

std::expected<access::Principal, Problem> Authentication::identify(const http::Request& request,
                                                                   bool changes) {
  if (const std::string* header = http::find_header(request.headers, "Authorization")) {
    if (!header->starts_with(bearer))
      return std::unexpected(unknown("only \"Authorization: Bearer ...\" is taken"));
    const std::string credential = header->substr(bearer.size());
    return credential.starts_with("ashlar_") ? by_token(credential)
                                             : by_session(request, credential, false, changes);
  }
  if (const std::string id = cookie_of(request); !id.empty()) return by_session(request, id, true, changes);
  if (!request.peer.certificate_subject.empty()) return by_certificate(request.peer.certificate_subject);
  if (request.peer.local && request.peer.user_id == 0)
    return access::Principal{"root", "unix socket", access::Role::admin, {}, false};
  return std::unexpected(
      unknown("log in (POST /api/v1/login), or send a token: \"Authorization: Bearer ashlar_...\""));
}

std::expected<access::Principal, Problem> Authentication::principal_of(const std::string& name,
                                                                       std::string credential) {
  const auto view = array_.view();
  if (const api::User* user = api::find_named(view->configuration.users, name)) {
    if (user->disabled) return std::unexpected(unknown(fmt::format("user {} is disabled", name)));
    return access::Principal{name, std::move(credential), role_named(user->role), user->grants, false};
  }
  const std::lock_guard lock(mutex_);
  const auto known = ldap_roles_.find(name);
  if (known == ldap_roles_.end())
    return std::unexpected(unknown(fmt::format("there is no user {} any more", name)));
  return access::Principal{name, std::move(credential), known->second, {}, false};
}

std::expected<access::Principal, Problem> Authentication::by_session(const http::Request& request,
                                                                     const std::string& id, bool cookie,
                                                                     bool changes) {
  const auto session = sessions_->find(id, now_());
  if (!session) return std::unexpected(unknown("the session has ended: log in again"));
  if (cookie && changes) {
    const std::string* token = http::find_header(request.headers, "X-CSRF-Token");
    if (token == nullptr || !access::is_csrf_of(*session, *token)) {
      return std::unexpected(Problem({ErrorCode::permission_denied, "X-CSRF-Token",
                                      "a change by a cookie's session needs the token that the login gave"}));
    }
  }
  return principal_of(session->user, "session");
}

std::shared_ptr<const std::map<std::string, std::string>> Authentication::token_index() {
  const auto view = array_.view();
  const std::lock_guard lock(mutex_);
  if (tokens_ && indexed_generation_ == view->generation.number) return tokens_;
  auto index = std::make_shared<std::map<std::string, std::string>>();
  for (const api::Token& each : view->configuration.tokens) {
    if (const auto hash = array_.secret(each.hash)) (*index)[*hash] = each.name;
  }
  tokens_ = index;
  indexed_generation_ = view->generation.number;
  return tokens_;
}

std::expected<access::Principal, Problem> Authentication::by_token(const std::string& text) {
  const auto index = token_index();
  const auto found = index->find(access::hash_token(text));
  const auto view = array_.view();
  const api::Token* token =
      found == index->end() ? nullptr : api::find_named(view->configuration.tokens, found->second);
  if (token == nullptr)
    return std::unexpected(unknown("the token is not known: it was revoked, or is of another array"));
  if (!token->expires_at.empty()) {
    const auto end = parse_rfc3339(token->expires_at);
    if (!end || *end <= now_())
      return std::unexpected(unknown(fmt::format("token {} has expired: make a new one", token->name)));
  }
  auto principal = principal_of(token->user, "token " + token->name);
  if (!principal) return principal;
  const access::Role most = role_named(token->role);
  principal->role = std::min(principal->role, most);
  if (token->grants.empty()) {
    for (api::Grant& each : principal->grants) each.role = name_of(std::min(role_named(each.role), most));
    return principal;
  }
  principal->grants = token->grants;
  principal->only_grants = true;
  return principal;
}

std::expected<access::Principal, Problem> Authentication::by_certificate(const std::string& subject) {
  const auto view = array_.view();
  for (const api::User& each : view->configuration.users) {
    if (std::ranges::find(each.certificate_subjects, subject) != each.certificate_subjects.end())
      return principal_of(each.name, "certificate " + subject);
  }
  return std::unexpected(unknown(fmt::format("the certificate of {} is ours, but no user's", subject)));
}

bool Authentication::password_is(const std::string& name, const std::string& password) {
  const auto view = array_.view();
  const api::User* user = api::find_named(view->configuration.users, name);
  if (user == nullptr || user->password.empty()) return false;
  const auto hash = array_.secret(user->password);
  if (!hash) return false;
  const std::string_view kept = *hash;
  return access::verify_password(password,
                                 kept.starts_with(one_time_mark) ? kept.substr(one_time_mark.size()) : kept);
}

Result<access::Role> Authentication::check_login(const std::string& name, const std::string& password) {
  const auto view = array_.view();
  const api::User* user = api::find_named(view->configuration.users, name);
  const access::LdapSettings ldap = ldap_settings(view->configuration);
  if (user == nullptr ? !ldap.url.empty() : user->source == "ldap") {
    if (ldap.url.empty()) return fail(ErrorCode::permission_denied, "user", "no LDAP server is set");
    TRY_ASSIGN(const access::Role role, access::ldap_login(ldap, name, password));
    if (user != nullptr) return role_named(user->role);
    const std::lock_guard lock(mutex_);
    ldap_roles_[name] = role;
    return role;
  }
  if (user == nullptr || user->password.empty()) {
    access::pretend_to_verify(password);
    return fail(ErrorCode::permission_denied, "", "the user or the password is wrong");
  }
  if (!password_is(name, password) || user->disabled)
    return fail(ErrorCode::permission_denied, "", "the user or the password is wrong");
  return role_named(user->role);
}

Result<void> Authentication::check_totp(const api::User& user, const std::string& code) {
  if (user.totp_secret.empty()) return {};
  if (code.empty())
    return fail(ErrorCode::unauthenticated, "totp", "say the six digits of the authenticator, too");
  TRY_ASSIGN(const std::string secret, array_.secret(user.totp_secret));
  const std::lock_guard lock(mutex_);
  if (access::verify_totp(secret, code, now_(), totp_steps_[user.name])) return {};
  return fail(ErrorCode::permission_denied, "totp", "the code is wrong, or was used already");
}

// A password that counts once is replaced by one that nobody knows. Of two who say it at the same time, one comes too late.
Result<void> Authentication::use_up(const std::string& name, const std::string& reference) {
  const auto hash = array_.secret(reference);
  if (!hash || !hash->starts_with(one_time_mark)) return {};
  Change change;
  change.author = name;
  change.comment = "the one-time password was used";
  change.force = true;
  change.edit = [&](api::Configuration& next) -> Result<void> {
    api::User* user = api::find_named(next.users, name);
    if (user == nullptr || user->password != reference)
      return fail(ErrorCode::permission_denied, "", "the user or the password is wrong");
    user->password = access::make_token();
    return {};
  };
  const auto changed = array_.change(change);
  if (!changed && changed.error().error.code == ErrorCode::permission_denied)
    return std::unexpected(changed.error().error);
  ::unlink(first_password_file);
  if (!changed)
    log_error("agent", "the one-time password of {} can be used again: {}", name,
              changed.error().error.text());
  return {};
}

std::expected<LoginOutcome, Problem> Authentication::login(const std::string& name,
                                                           const std::string& password,
                                                           const std::string& totp,
                                                           const std::string& address) {
  if (const uint32_t seconds = lockouts_.wait_seconds(name, address, now_()); seconds > 0) {
    Problem problem(
        {ErrorCode::exhausted, "user", fmt::format("too many failed logins: try again in {} s", seconds)});
    problem.headers.emplace_back("Retry-After", std::to_string(seconds));
    return std::unexpected(problem);
  }
  const auto view = array_.view();
  const api::User* user = api::find_named(view->configuration.users, name);
  Result<access::Role> role = check_login(name, password);
  if (role && user != nullptr) {
    if (const auto code = check_totp(*user, totp); !code) role = std::unexpected(code.error());
  }
  if (!role) {
    // A server that is away, or a code that was not yet asked for, is no failed try.
    const ErrorCode code = role.error().code;
    if (code == ErrorCode::permission_denied && lockouts_.failed(name, address, now_()))
      lockout_(name, address);
    if (code == ErrorCode::permission_denied) return std::unexpected(Problem(role.error(), 401));
    return std::unexpected(Problem(role.error()));
  }
  lockouts_.succeeded(name, address);
  if (user != nullptr && user->source == "local") {
    if (const auto used = use_up(name, user->password); !used)
      return std::unexpected(Problem(used.error(), 401));
  }
  auto [id, csrf] = sessions_->begin(name, address, now_());
  return LoginOutcome{std::move(id), std::move(csrf), name, *role};
}

void Authentication::offer_totp(const std::string& user, const std::string& secret) {
  const std::lock_guard lock(mutex_);
  totp_offers_[user] = secret;
}

Result<std::string> Authentication::take_totp(const std::string& user, const std::string& code) {
  const std::lock_guard lock(mutex_);
  const auto offer = totp_offers_.find(user);
  if (offer == totp_offers_.end())
    return fail(ErrorCode::not_found, "totp", "no enrolment was begun: POST /users/{}/totp", user);
  int64_t step = 0;
  if (!access::verify_totp(offer->second, code, now_(), step))
    return fail(ErrorCode::invalid_argument, "code",
                "is not what the authenticator shows now: check its clock");
  totp_steps_[user] = step;
  std::string secret = std::move(offer->second);
  totp_offers_.erase(offer);
  return secret;
}

bool Authentication::logout(const http::Request& request) { return sessions_->end(session_of(request)); }

}  // namespace ashlar::agent
