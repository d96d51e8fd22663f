// One connection to a directory, as far as logins need it: encrypted, bounded in time, errors as values.
#pragma once

#include <ldap.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "access/ldap_url.h"
#include "access/ldap_watch.h"
#include "base/result.h"

namespace ashlar::access {

/// What a search found: the entry's DN and the values of the one attribute that was asked for.
struct LdapEntry {
  std::string dn;
  std::vector<std::string> values;
};

/// Used by one thread at a time. `timeout_seconds` for the connect, and again for all that follows it.
class LdapConnection {
 public:
  /// The network is not touched before the first bind, unless StartTLS is asked for.
  static Result<LdapConnection> open(const LdapUrl& url, const std::string& ca_file,
                                     uint32_t timeout_seconds);

  /// permission_denied: the server says no to this user. Everything else is not about the user.
  Result<void> bind(const std::string& dn, std::string_view password);
  /// At most 1000 entries; nothing when the base does not exist or may not be read.
  Result<std::vector<LdapEntry>> search(const std::string& base, int scope, const std::string& filter,
                                        const std::string& attribute);

 private:
  struct Unbind {
    void operator()(LDAP* handle) const { ::ldap_unbind_ext_s(handle, nullptr, nullptr); }
  };
  using Handle = std::unique_ptr<LDAP, Unbind>;
  LdapConnection(Handle handle, const LdapUrl& url, uint32_t timeout_seconds)
      : watch_(std::make_unique<LdapWatch>(std::chrono::seconds(timeout_seconds))),
        handle_(std::move(handle)),
        url_(url),
        timeout_seconds_(timeout_seconds) {}
  Result<void> set_limits();
  Result<void> set_encryption(const std::string& ca_file);
  Result<void> start_tls();
  Result<void> check_encrypted() const;
  std::unexpected<Error> failure(int status, std::string_view what) const;

  std::unique_ptr<LdapWatch> watch_;  // outlives the handle, which calls it
  Handle handle_;
  LdapUrl url_;
  uint32_t timeout_seconds_;
};

}  // namespace ashlar::access
