#include "access/ldap_name.h"

#include <fmt/format.h>
#include <ldap.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <memory>
#include <vector>

namespace ashlar::access {
namespace {

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

struct FreeDn {
  void operator()(LDAPRDN* dn) const { ::ldap_dnfree(dn); }
};

/// RFC 4518, 2.6.1 in short: case and the number of blanks do not count.
std::string folded(std::string_view text) {
  std::string result;
  bool blank = false;
  for (const char c : text) {
    if (c == ' ') {
      blank = !result.empty();
      continue;
    }
    if (blank) result += ' ';
    blank = false;
    result += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return result;
}

std::string_view text_of_berval(const berval& value) { return {value.bv_val, value.bv_len}; }

}  // namespace

std::string escape_dn_value(std::string_view value) {
  std::string result;
  for (const char c : value) {
    if (is_letter_or_digit(c) || c == '.' || c == '_' || c == '-' || c == '@') {
      result += c;
    } else {
      fmt::format_to(std::back_inserter(result), "\\{:02X}", static_cast<uint8_t>(c));
    }
  }
  return result;
}

std::string escape_filter_value(std::string_view value) {
  std::string result;
  for (const char c : value) {
    if (c >= ' ' && c <= '~' && c != '*' && c != '(' && c != ')' && c != '\\') {
      result += c;
    } else {
      fmt::format_to(std::back_inserter(result), "\\{:02x}", static_cast<uint8_t>(c));
    }
  }
  return result;
}

std::string normal_dn(std::string_view dn) {
  LDAPDN parsed = nullptr;
  if (dn.find('\0') != std::string_view::npos) return {};
  if (::ldap_str2dn(std::string(dn).c_str(), &parsed, LDAP_DN_FORMAT_LDAPV3) != LDAP_SUCCESS) return {};
  if (parsed == nullptr) return {};
  const std::unique_ptr<LDAPRDN, FreeDn> owner(parsed);
  std::string result;
  for (LDAPRDN* part = parsed; *part != nullptr; ++part) {
    std::vector<std::string> pairs;
    for (LDAPAVA** pair = *part; *pair != nullptr; ++pair) {
      pairs.push_back(folded(text_of_berval((*pair)->la_attr)) + "=" +
                      escape_dn_value(folded(text_of_berval((*pair)->la_value))));
    }
    std::ranges::sort(pairs);
    if (!result.empty()) result += ',';
    result += fmt::format("{}", fmt::join(pairs, "+"));
  }
  return result;
}

}  // namespace ashlar::access
