#include "agent/secret_fields.h"

#include <map>

#include "agent/completion.h"
#include "base/dhchap_key.h"
#include "base/tls_psk.h"
#include "state/secrets.h"

namespace ashlar::agent {
namespace {

// RFC 7143 12.1.4 asks for 96 bits at least; 255 bytes is the most that a CHAP response may cover.
constexpr size_t shortest_chap = 12;
constexpr size_t longest_secret = 255;

void visit_chap(const std::string& path, std::optional<api::Chap>& chap, const SecretVisitor& visit) {
  if (!chap) return;
  visit(path + "/secret", SecretKind::chap, chap->secret);
  visit(path + "/mutual_secret", SecretKind::chap, chap->mutual_secret);
}

// Of who proves itself over both protocols: a host to us, or we to another array.
template <typename Resource>
void visit_proofs(const std::string& path, Resource& each, const SecretVisitor& visit) {
  visit_chap(path + "/chap", each.chap, visit);
  visit(path + "/tls_key", SecretKind::tls_key, each.tls_key);
  if (!each.dhchap) return;
  visit(path + "/dhchap/key", SecretKind::dhchap, each.dhchap->key);
  visit(path + "/dhchap/controller_key", SecretKind::dhchap, each.dhchap->controller_key);
}

Result<void> check_plain(SecretKind kind, const std::string& path, const std::string& value) {
  if (value.starts_with("secret:"))
    return fail(ErrorCode::invalid_argument, path,
                "must not begin with \"secret:\", which marks a kept secret");
  if (value.size() > longest_secret && kind != SecretKind::password)
    return fail(ErrorCode::invalid_argument, path, "at most {} bytes, not {}", longest_secret, value.size());
  if (kind == SecretKind::chap && value.size() < shortest_chap)
    return fail(ErrorCode::invalid_argument, path, "a CHAP secret has {} to {} bytes, not {}", shortest_chap,
                longest_secret, value.size());
  if (kind == SecretKind::tls_key) TRY(parse_tls_key(value, path));
  if (kind == SecretKind::dhchap) TRY(parse_dhchap_key(value, path));
  return {};
}

}  // namespace

void for_each_secret(api::Configuration& configuration, const SecretVisitor& visit) {
  for (api::Host& each : configuration.hosts) visit_proofs("hosts/" + each.name, each, visit);
  for (api::Pool& each : configuration.pools) visit_proofs("pools/" + each.name, each, visit);
  for (api::Portal& each : configuration.portals)
    visit_chap(fmt::format("portals/{}/discovery_chap", each.name), each.discovery_chap, visit);
  for (api::User& each : configuration.users) {
    visit(fmt::format("users/{}/password", each.name), SecretKind::password, each.password);
    visit(fmt::format("users/{}/totp_secret", each.name), SecretKind::totp, each.totp_secret);
  }
  for (api::Token& each : configuration.tokens)
    visit(fmt::format("tokens/{}/hash", each.name), SecretKind::token, each.hash);
  for (api::AlertChannel& each : configuration.alert_channels) {
    visit(fmt::format("alert-channels/{}/secret", each.name), SecretKind::channel, each.secret);
    visit(fmt::format("alert-channels/{}/second_secret", each.name), SecretKind::channel, each.second_secret);
  }
}

std::set<std::string> secret_references(const api::Configuration& configuration) {
  std::set<std::string> references;
  api::Configuration copy = configuration;
  for_each_secret(copy, [&references](const std::string&, SecretKind, std::string& value) {
    if (!value.empty()) references.insert(value);
  });
  return references;
}

Result<void> take_in_secrets(api::Configuration& next, const api::Configuration& before,
                             const KeepSecret& keep, const IsKept& is_kept) {
  std::map<std::string, std::string> known;
  std::set<std::string> references;
  api::Configuration copy = before;
  for_each_secret(copy, [&](const std::string& path, SecretKind, std::string& value) {
    known[path] = value;
    references.insert(value);
  });
  Result<void> outcome;
  for_each_secret(next, [&](const std::string& path, SecretKind kind, std::string& value) {
    if (!outcome || value.empty() || references.contains(value)) return;
    if (kind == SecretKind::totp && value == no_secret) return;
    if (is_kept && is_kept(value)) return;
    if (value == api::redacted) {
      const auto kept = known.find(path);
      if (kept == known.end() || kept->second.empty()) {
        outcome = fail(ErrorCode::invalid_argument, path,
                       "\"(redacted)\" keeps a secret, and there is none: say the secret itself");
        return;
      }
      value = kept->second;
      return;
    }
    outcome = check_plain(kind, path, value);
    if (!outcome) return;
    Result<std::string> reference = keep(kind, path, value, known[path]);
    if (!reference) {
      outcome = std::unexpected(std::move(reference).error());
      return;
    }
    value = std::move(*reference);
  });
  return outcome;
}

}  // namespace ashlar::agent
