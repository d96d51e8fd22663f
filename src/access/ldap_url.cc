#include "access/ldap_url.h"

#include <arpa/inet.h>
#include <ldap.h>
#include <netinet/in.h>

#include <algorithm>
#include <memory>
#include <string_view>

namespace ashlar::access {
namespace {

constexpr size_t most_urls = 16;

struct FreeUrl {
  void operator()(LDAPURLDesc* url) const { ::ldap_free_urldesc(url); }
};

bool is_this_machine(std::string_view host) {
  const bool bracketed = host.size() > 2 && host.starts_with('[') && host.ends_with(']');
  const std::string text(bracketed ? host.substr(1, host.size() - 2) : host);
  in_addr four{};
  if (::inet_pton(AF_INET, text.c_str(), &four) == 1) return ntohl(four.s_addr) >> 24 == 127;
  in6_addr six{};
  if (::inet_pton(AF_INET6, text.c_str(), &six) == 1) return IN6_IS_ADDR_LOOPBACK(&six);
  return text == "localhost";
}

Result<LdapUrl> parse_one(const std::string& text, bool start_tls) {
  LDAPURLDesc* parsed = nullptr;
  if (::ldap_url_parse(text.c_str(), &parsed) != LDAP_URL_SUCCESS) {
    return fail(ErrorCode::invalid_argument, "ldap.url",
                "'{}' is not a URL of a directory; write for example ldaps://dc1.example.org", text);
  }
  const std::unique_ptr<LDAPURLDesc, FreeUrl> owner(parsed);
  const std::string_view scheme = parsed->lud_scheme;
  const std::string_view host = parsed->lud_host == nullptr ? "" : parsed->lud_host;
  if (scheme == "ldaps") return LdapUrl{text, LdapUrl::Encryption::from_start};
  if (scheme == "ldapi") return LdapUrl{text, LdapUrl::Encryption::none};
  if (scheme != "ldap") {
    return fail(ErrorCode::invalid_argument, "ldap.url", "'{}' is not supported; write ldaps, ldap or ldapi",
                scheme);
  }
  if (start_tls) return LdapUrl{text, LdapUrl::Encryption::by_command};
  if (is_this_machine(host)) return LdapUrl{text, LdapUrl::Encryption::none};
  return fail(ErrorCode::invalid_argument, "ldap.url",
              "passwords would go to '{}' in the clear: write ldaps:// or set start_tls", host);
}

}  // namespace

Result<std::vector<LdapUrl>> parse_ldap_urls(const std::string& list, bool start_tls) {
  constexpr const char* between = ", ";
  std::vector<LdapUrl> urls;
  for (size_t at = list.find_first_not_of(between); at != std::string::npos;) {
    const size_t end = std::min(list.find_first_of(between, at), list.size());
    TRY_ASSIGN(LdapUrl url, parse_one(list.substr(at, end - at), start_tls));
    urls.push_back(std::move(url));
    at = list.find_first_not_of(between, end);
  }
  if (urls.empty())
    return fail(ErrorCode::invalid_argument, "ldap.url", "is empty; name the directory's server");
  if (urls.size() > most_urls) {
    return fail(ErrorCode::out_of_range, "ldap.url", "has {} URLs; at most {}", urls.size(), most_urls);
  }
  return urls;
}

}  // namespace ashlar::access
