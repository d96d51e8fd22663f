#include "notify/channel_options.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

#include "base/address.h"
#include "json/fields.h"
#include "notify/clean_text.h"

namespace ashlar::notify {
namespace {

constexpr size_t most_option_bytes = 1024;

bool is_ipv6(const std::string& host) {
  in6_addr address{};
  return ::inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

bool is_host(const std::string& host) {
  if (is_ipv6(host)) return true;
  if (host.empty() || host.size() > 253 || host.front() == '-' || host.front() == '.') return false;
  return std::ranges::all_of(host, [](char each) {
    return (each >= 'a' && each <= 'z') || (each >= 'A' && each <= 'Z') || (each >= '0' && each <= '9') ||
           each == '.' || each == '-' || each == '_';
  });
}

std::string list_of(const std::vector<Scheme>& schemes) {
  std::vector<std::string> forms;
  for (const Scheme& scheme : schemes) {
    forms.push_back(
        fmt::format("{}{}host:{}", scheme.name, scheme.name.empty() ? "" : "://", scheme.default_port));
  }
  return fmt::format("{}", fmt::join(forms, ", "));
}

// "host", "host:25", "[::1]:25", "[::1]".
Result<void> read_host_and_port(std::string_view key, std::string_view text, ServerAddress& address) {
  size_t colon = text.rfind(':');
  if (text.starts_with('[')) {
    const size_t close = text.find(']');
    if (close == std::string_view::npos) return fail_option(key, "a [ without its ]");
    address.host = text.substr(1, close - 1);
    if (!is_ipv6(address.host))
      return fail_option(key, "between [ and ] must stand an IPv6 address, not \"{}\"", address.host);
    colon = close + 1 < text.size() ? close + 1 : std::string_view::npos;
    if (colon != std::string_view::npos && text[colon] != ':')
      return fail_option(key, "after ] only a port may stand: [::1]:{}", address.port);
  } else {
    address.host = text.substr(0, colon);
    if (address.host.contains(':'))
      return fail_option(key, "an IPv6 address stands between [ and ]: [2001:db8::1]:{}", address.port);
    if (!is_host(address.host))
      return fail_option(key, "\"{}\" is not the name or address of a host", address.host);
  }
  if (colon == std::string_view::npos) return {};
  const std::string_view digits = text.substr(colon + 1);
  const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), address.port);
  if (problem != std::errc() || end != digits.data() + digits.size() || address.port == 0)
    return fail_option(key, "\"{}\" is not a port: 1 to 65535", digits);
  return {};
}

}  // namespace

std::string ServerAddress::text() const { return print_address_and_port(host, port); }

bool ServerAddress::loopback() const {
  in_addr address{};
  if (::inet_pton(AF_INET, host.c_str(), &address) == 1) return (ntohl(address.s_addr) >> 24) == 127;
  in6_addr wide{};
  if (::inet_pton(AF_INET6, host.c_str(), &wide) == 1) return IN6_IS_ADDR_LOOPBACK(&wide);
  return host == "localhost";
}

Result<void> ChannelOptions::check(const std::vector<std::string_view>& known) const {
  for (const auto& [key, value] : options_) {
    const std::string shown = clean_line(key, 64);
    if (std::ranges::find(known, key) == known.end())
      return fail_option(shown, "unknown option{}", json::advice(shown, known));
    if (value.size() > most_option_bytes)
      return fail_option(key, "{} bytes; at most {}", value.size(), most_option_bytes);
    if (has_control_characters(value))
      return fail_option(key, "must be UTF-8 without line ends and control characters");
  }
  return {};
}

Result<std::string> ChannelOptions::required(const std::string& key) const {
  const auto found = options_.find(key);
  if (found == options_.end() || found->second.empty())
    return fail_option(key, "must be given; docs/alerts.md tells how");
  return found->second;
}

Result<std::string> ChannelOptions::choice(const std::string& key,
                                           const std::vector<std::string_view>& words) const {
  const auto found = options_.find(key);
  if (found == options_.end()) return std::string(words.front());
  if (std::ranges::find(words, found->second) != words.end()) return found->second;
  return fail_option(key, "\"{}\" is not known{}", found->second, json::advice(found->second, words));
}

Result<std::string> ChannelOptions::path(const std::string& key) const {
  const auto found = options_.find(key);
  if (found == options_.end()) return std::string();
  if (!found->second.starts_with('/')) return fail_option(key, "must be an absolute path: /etc/ssl/ca.pem");
  return found->second;
}

Result<ServerAddress> ChannelOptions::server(const std::string& key,
                                             const std::vector<Scheme>& schemes) const {
  TRY_ASSIGN(const std::string text, required(key));
  const size_t mark = text.find("://");
  const std::string scheme = mark == std::string::npos ? "" : text.substr(0, mark);
  const auto found = std::ranges::find(schemes, scheme, &Scheme::name);
  if (found == schemes.end()) return fail_option(key, "write it as one of: {}", list_of(schemes));
  ServerAddress address{.scheme = scheme, .host = "", .port = found->default_port};
  TRY(read_host_and_port(key, std::string_view(text).substr(mark == std::string::npos ? 0 : mark + 3),
                         address));
  return address;
}

Result<std::string> ChannelOptions::url(const std::string& key) const {
  const auto found = options_.find(key);
  if (found == options_.end()) return std::string();
  const std::string& text = found->second;
  const size_t mark = text.find("://");
  if (mark == std::string::npos || (text.substr(0, mark) != "http" && text.substr(0, mark) != "https"))
    return fail_option(key, "must begin with https:// or http://");
  if (!is_printable_ascii(text) || text.find_first_of(" \"<>\\^`{|}") != std::string::npos)
    return fail_option(key, "has a character that a URL must percent-encode (RFC 3986, 2)");
  if (text.contains('#')) return fail_option(key, "a fragment (#) is not sent: leave it out");
  const std::string_view rest = std::string_view(text).substr(mark + 3);
  const std::string_view authority = rest.substr(0, rest.find_first_of("/?"));
  // Options are shown to every viewer.
  if (authority.contains('@')) return fail_option(key, "must have no user or password in it");
  ServerAddress address{.scheme = "", .host = "", .port = 443};
  TRY(read_host_and_port(key, authority, address));
  return text;
}

}  // namespace ashlar::notify
