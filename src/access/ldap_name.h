// Names in a directory: what a person typed, made harmless in a distinguished name (DN) and in a search filter.
#pragma once

#include <string>
#include <string_view>

namespace ashlar::access {

/// `value` as the value of an attribute in a DN (RFC 4514, 2.4): all but letters, digits, '.', '_', '-' and '@' becomes
/// "\XX", which is right for any byte; so that it cannot end its value or begin another.
std::string escape_dn_value(std::string_view value);

/// `value` as an assertion value in a filter (RFC 4515, 3): "*()\", NUL and what is not printable ASCII becomes "\xx".
std::string escape_filter_value(std::string_view value);

/// A DN in a form that can be compared: small letters, no blanks that do not count, one way of escaping. Attributes that are
/// given by number are not made names. Empty: not a DN.
std::string normal_dn(std::string_view dn);

}  // namespace ashlar::access
