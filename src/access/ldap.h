// Users of a directory (LDAPv3, OpenLDAP's library): the password by a bind as the user, the role by the user's groups.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "access/role.h"
#include "base/result.h"

namespace ashlar::access {

struct LdapSettings {
  /// "ldaps://dc1.example.org", or several with blanks between, tried in turn. "ldap://" asks for start_tls, unless it goes
  /// to this machine (localhost, 127.0.0.0/8, [::1]); "ldapi://" is a unix socket.
  std::string url;
  /// "uid={},ou=people,dc=example,dc=org": a DN with one "{}", where the name goes, escaped as RFC 4514 asks.
  std::string user_template;
  /// Where groups are looked for by their `member` or `uniqueMember`; empty: only the user's `memberOf` counts.
  std::string base;
  /// PEM file with the certificates that sign the server's; empty: those of the system.
  std::string ca_file;
  bool start_tls = false;
  std::map<std::string, std::string>
      group_roles;               ///< a group's DN to a role; the highest of a user's groups counts
  uint32_t timeout_seconds = 5;  ///< of each URL: for the connect, and again for all the rest; 1-60
};

/// permission_denied: user or password wrong, or in no group that has a role. invalid_argument: the settings are wrong (place
/// "ldap.FIELD"). timed_out, io_error, protocol_error: the server is away, or is not who it should be; this is not a denial.
/// Nothing is sent in the clear, and nothing at all for an empty password, which servers take for an anonymous bind (RFC
/// 4513, 5.1.2). Follows no referrals. Blocks; any thread. The process must ignore SIGPIPE. Looking up a host by its name
/// takes what the resolver allows.
/// The directory does not tell "Alice" from "alice": fold names before they are compared with others.
Result<Role> ldap_login(const LdapSettings& settings, std::string_view user, std::string_view password);

}  // namespace ashlar::access
