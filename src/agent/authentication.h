// From a request to who asks: unix socket, token, session, client certificate. And logins.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "access/access.h"
#include "agent/array.h"
#include "agent/problem.h"
#include "http/message.h"

namespace ashlar::agent {

struct LoginOutcome {
  std::string session, csrf, user;
  access::Role role = access::Role::none;
};

/// Any thread.
class Authentication {
 public:
  /// `lockout` is told when a series of failures begins a lock-out: who, and from where.
  Authentication(Array& array, std::function<int64_t()> now,
                 std::function<void(std::string, std::string)> lockout);

  /// unauthenticated: no credentials, or ones that do not count. A credential that is there but wrong is never overlooked in
  /// favour of another. `changes`: a request that changes something needs the CSRF token when a cookie says who it is.
  std::expected<access::Principal, Problem> identify(const http::Request& request, bool changes);
  std::expected<LoginOutcome, Problem> login(const std::string& user, const std::string& password,
                                             const std::string& totp, const std::string& address);
  bool logout(const http::Request& request);
  access::Sessions& sessions() { return *sessions_; }
  /// The session that a request came with; empty: none.
  static std::string session_of(const http::Request& request);
  /// A user's password is right (for changing it).
  bool password_is(const std::string& user, const std::string& password);
  access::Lockouts& lockouts() { return lockouts_; }
  /// A second factor that a user is enrolling: it counts when a code of it has been said.
  void offer_totp(const std::string& user, const std::string& secret);
  Result<std::string> take_totp(const std::string& user, const std::string& code);

 private:
  std::expected<access::Principal, Problem> by_token(const std::string& token);
  std::expected<access::Principal, Problem> by_session(const http::Request& request, const std::string& id,
                                                       bool cookie, bool changes);
  std::expected<access::Principal, Problem> by_certificate(const std::string& subject);
  std::expected<access::Principal, Problem> principal_of(const std::string& user, std::string credential);
  Result<access::Role> check_login(const std::string& user, const std::string& password);
  Result<void> check_totp(const api::User& user, const std::string& code);
  Result<void> use_up(const std::string& user, const std::string& reference);
  std::shared_ptr<const std::map<std::string, std::string>> token_index();

  Array& array_;
  std::function<int64_t()> now_;
  std::function<void(std::string, std::string)> lockout_;
  access::Lockouts lockouts_;
  std::unique_ptr<access::Sessions> sessions_;
  std::mutex mutex_;
  std::map<std::string, access::Role> ldap_roles_;  // of users that LDAP alone knows, as of their login
  std::map<std::string, int64_t> totp_steps_;
  std::map<std::string, std::string> totp_offers_;  // by user
  uint64_t indexed_generation_ = UINT64_MAX;
  std::shared_ptr<const std::map<std::string, std::string>> tokens_;  // hash to name
};

/// Marks the hash of a password that counts once.
constexpr std::string_view one_time_mark = "once:";

}  // namespace ashlar::agent
