// What users and tokens have beside what every resource has: passwords, second factors, certificates, the token itself.
#include "agent/authentication.h"
#include "agent/call.h"
#include "agent/completion.h"
#include "agent/resource_json.h"
#include "api/lists.h"
#include "api/settings.h"
#include "http/certificates.h"
#include "http/client.h"

namespace ashlar::agent {
namespace {

using api::Configuration;
using api::Json;

http::Response nothing() { return {204, {}, {}, {}, {}}; }

/// A change of one user that is made as it stands: no dry run, no plan.
Answer change_user(Call& call, const std::string& comment, std::function<Result<void>(api::User&)> edit,
                   http::Response done) {
  const std::string name = call.name();
  Change change;
  change.author = call.principal.user;
  change.comment = comment;
  change.force = true;
  change.edit = [&](Configuration& next) -> Result<void> {
    api::User* user = api::find_named(next.users, name);
    if (user == nullptr) return fail(ErrorCode::not_found, "users/" + name, "there is no user '{}'", name);
    return edit(*user);
  };
  const auto outcome = call.service.array.change(change);
  if (!outcome) return std::unexpected(problem_of(outcome.error()));
  return done;
}

Answer set_password(Call& call) {
  const std::string name = call.name();
  const bool own = call.principal.user == name;
  // Whoever sits down at somebody's open session must not be able to keep the account.
  if (own && call.principal.role != access::Role::admin &&
      !call.service.authentication.password_is(name, call.body->value("old_password", ""))) {
    return std::unexpected(
        Problem({ErrorCode::permission_denied, "old_password", "is not the password that is set now"}));
  }
  const std::string password = call.body->value("password", "");
  Answer answer = change_user(
      call, "a new password",
      [&password](api::User& user) -> Result<void> {
        if (user.source != "local")
          return fail(ErrorCode::unsupported, "source", "the LDAP server keeps this user's password");
        user.password = password;
        return {};
      },
      nothing());
  // Other sessions of the user may be those of whoever knew the old one.
  if (answer && !own) call.service.authentication.sessions().end_all_of(name);
  return answer;
}

Answer begin_totp(Call& call) {
  const auto view = call.service.array.view();
  if (api::find_named(view->configuration.users, call.name()) == nullptr)
    return std::unexpected(Problem({ErrorCode::not_found, "users/" + call.name(), "there is no such user"}));
  const std::string secret = access::make_totp_secret();
  call.service.authentication.offer_totp(call.name(), secret);
  const std::string issuer = api::setting_text(view->configuration, "array.name");
  return json_response(200, {{"secret", secret}, {"uri", access::totp_uri(secret, call.name(), issuer)}});
}

Answer confirm_totp(Call& call) {
  ROUTE_TRY_ASSIGN(const std::string secret,
                   call.service.authentication.take_totp(call.name(), call.body->value("code", "")));
  return change_user(
      call, "a second factor",
      [&secret](api::User& user) -> Result<void> {
        user.totp_secret = secret;
        return {};
      },
      nothing());
}

Answer delete_totp(Call& call) {
  return change_user(
      call, "no second factor",
      [](api::User& user) -> Result<void> {
        user.totp_secret = std::string(no_secret);
        return {};
      },
      nothing());
}

Answer issue_certificate(Call& call) {
  const std::string name = call.name();
  const auto view = call.service.array.view();
  if (api::find_named(view->configuration.users, name) == nullptr)
    return std::unexpected(Problem({ErrorCode::not_found, "users/" + name, "there is no such user"}));
  ROUTE_TRY_ASSIGN(
      const http::IssuedCertificate issued,
      http::issue_client_certificate(call.service.certificates_folder, name, call.body->value("days", 90)));
  const http::Response done = json_response(201, {{"certificate_pem", issued.certificate_pem},
                                                  {"key_pem", issued.key_pem},
                                                  {"subject", issued.subject},
                                                  {"serial", issued.serial},
                                                  {"fingerprint", issued.fingerprint}});
  return change_user(
      call, "a certificate",
      [&issued](api::User& user) -> Result<void> {
        const bool known =
            std::ranges::find(user.certificate_subjects, issued.subject) != user.certificate_subjects.end();
        if (!known) user.certificate_subjects.push_back(issued.subject);
        return {};
      },
      done);
}

Answer revoke(Call& call) {
  ROUTE_TRY(http::revoke_certificate(call.service.certificates_folder, call.path.at("serial")));
  call.service.reload_certificates();
  return nothing();
}

// The token is told once, here; its hash is kept.
Answer create_token(Call& call) {
  ROUTE_TRY(may_create(call, "tokens", call.body->value("name", "")));
  const std::string token = access::make_token();
  Json body = *call.body;
  body["hash"] = access::hash_token(token);
  const std::string name = body.value("name", "");
  const api::Kind& kind = *api::find_kind("tokens");
  const auto edit = [&kind, name, body](Configuration& next) -> Result<void> {
    if (api::find_named(next.tokens, name) != nullptr)
      return fail(ErrorCode::already_exists, "tokens/" + name, "there is a token of this name already");
    return put_resource(next, kind, body);
  };
  return make_change(call, edit, [&](const Outcome& outcome) -> Answer {
    ROUTE_TRY_ASSIGN(Json made, find_resource(outcome.view->configuration, kind, name, api::Secrets::redact));
    made["token"] = token;
    http::Response response = json_response(201, made);
    response.headers.emplace_back("Location", "/api/v1/tokens/" + http::percent_encode(name));
    return response;
  });
}

}  // namespace

void add_user_routes(Routes& routes) {
  routes["setPassword"] = set_password;
  routes["beginTotp"] = begin_totp;
  routes["confirmTotp"] = confirm_totp;
  routes["deleteTotp"] = delete_totp;
  routes["issueCertificate"] = issue_certificate;
  routes["revokeCertificate"] = revoke;
  routes["createToken"] = create_token;
  // PUT of a token that is not there would make one whose secret nobody learns.
  const Route replace = routes.at("putToken");
  routes["putToken"] = [replace](Call& call) -> Answer {
    if (api::find_named(call.service.array.view()->configuration.tokens, call.name()) != nullptr)
      return replace(call);
    return std::unexpected(Problem({ErrorCode::not_found, "tokens/" + call.name(),
                                    "there is no such token: POST /api/v1/tokens makes one, and tells it"}));
  };
  // A user who goes takes the logins along.
  const Route erase = routes.at("deleteUser");
  routes["deleteUser"] = [erase](Call& call) {
    Answer answer = erase(call);
    if (answer && !call.flag("dry_run")) call.service.authentication.sessions().end_all_of(call.name());
    return answer;
  };
}

}  // namespace ashlar::agent
