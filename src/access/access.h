// Who may do what: passwords, sessions, tokens, certificates, roles, lock-outs. Pure but for time and randomness, which the
// caller gives; what is slow (argon2id, LDAP) is in files of its own.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "api/configuration.h"
#include "base/result.h"

namespace ashlar::access {

enum class Role : uint8_t { none, viewer, operator_, admin };
Result<Role> parse_role(std::string_view name, std::string_view place);
std::string_view name_of(Role role);

/// Who asks, once that is settled.
struct Principal {
  std::string user;        ///< "alice"; "root" for uid 0 on the unix socket
  std::string credential;  ///< "session", "token ansible", "certificate CN=...", "unix socket"
  Role role = Role::none;  ///< of the whole array
  std::vector<api::Grant> grants;
  bool only_grants = false;  ///< a token whose scopes are listed: nothing but these
};

/// The least role that an operation asks for; deny by default. `kind` is the API's plural.
struct Need {
  Role role = Role::admin;
  std::string kind, name;
};
/// permission_denied with a sentence that names the role that is missing.
Result<void> allow(const Principal& principal, const Need& need);
/// May this one see a resource (lists leave out what may not be seen)?
bool may_see(const Principal& principal, std::string_view kind, std::string_view name);

/// "$argon2id$v=19$m=19456,t=2,p=1$..." (OWASP's parameters). Slow by intent: some 30 ms.
Result<std::string> hash_password(std::string_view password);
bool verify_password(std::string_view password, std::string_view hash);
/// 12 characters at least, not the user's name, not one of the most used.
Result<void> check_password(std::string_view password, std::string_view user, std::string_view place);

/// RFC 6238: SHA-1, 6 digits, 30 s, one step either way. A code counts once: `last_step` is updated.
std::string make_totp_secret();  ///< base32, 160 bits
std::string totp_uri(std::string_view secret, std::string_view user, std::string_view issuer);
bool verify_totp(std::string_view secret, std::string_view code, int64_t now_seconds, int64_t& last_step);

/// "ashlar_" and 43 characters of base64url (256 bits); kept as its SHA-256 in hex.
std::string make_token();
std::string hash_token(std::string_view token);

/// Bind as the user. `url` "ldaps://dc1", `user_template` "uid={},ou=people,dc=example,dc=org" (escaped as RFC 4514 asks),
/// `group_roles` maps a group's DN to a role, by a search for memberOf or member. permission_denied: wrong password.
struct LdapSettings {
  std::string url, user_template, base, ca_file;
  bool start_tls = false;
  std::map<std::string, std::string> group_roles;
  uint32_t timeout_seconds = 5;
};
Result<Role> ldap_login(const LdapSettings& settings, std::string_view user, std::string_view password);

/// Tries that failed, by user and by address: after 5 within 15 minutes the next must wait, twice as long each time, 1 s to
/// 15 minutes. Bounded: 10,000 entries, oldest go first. Thread safe. Time in seconds, given.
class Lockouts {
 public:
  /// Seconds to wait still; 0: may try.
  uint32_t wait_seconds(const std::string& user, const std::string& address, int64_t now) const;
  /// True when this failure began a lock-out (alarm).
  bool failed(const std::string& user, const std::string& address, int64_t now);
  void succeeded(const std::string& user, const std::string& address);
};

/// Requests of one principal or address: a bucket of `burst` that fills at `per_second`. Bounded, thread safe.
class RateLimiter {
 public:
  RateLimiter(double per_second, double burst);
  bool allow(const std::string& who, double now);
};

/// Sessions of people: random 256-bit ids, kept hashed, in memory only (a restart asks for the password again).
struct Session {
  std::string id_hash, user, address, csrf;
  int64_t created = 0, last_used = 0;
};
class Sessions {
 public:
  Sessions(int64_t idle_seconds, int64_t longest_seconds, size_t most);
  /// The id (for the cookie or the Authorization header) and its CSRF token.
  std::pair<std::string, std::string> begin(const std::string& user, const std::string& address, int64_t now);
  std::optional<Session> find(std::string_view id, int64_t now);
  bool end(std::string_view id);
  size_t end_all_of(const std::string& user);
  std::vector<Session> list() const;
};

}  // namespace ashlar::access
