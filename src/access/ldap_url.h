// Where a directory is, and how passwords get there without being read on their way.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace ashlar::access {

struct LdapUrl {
  enum class Encryption : uint8_t {
    none,        ///< a unix socket, or this machine
    from_start,  ///< ldaps
    by_command   ///< StartTLS (RFC 4511, 4.14)
  };
  std::string text;
  Encryption encryption = Encryption::none;
};

/// The URLs of a list (blanks or commas between). invalid_argument at "ldap.url" when there is none, when one is not
/// understood, or when one would send passwords in the clear to another machine.
Result<std::vector<LdapUrl>> parse_ldap_urls(const std::string& list, bool start_tls);

}  // namespace ashlar::access
