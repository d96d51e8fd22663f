#include "initiator/remote_url.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "initiator/multipath_state.h"

namespace ashlar::initiator {

namespace {

constexpr std::string_view iscsi_scheme = "iscsi://", nvme_scheme = "nvme-tcp://";
constexpr uint16_t iscsi_port = 3260, nvme_port = 4420;
constexpr size_t most_name_bytes = 223;  // of an IQN (RFC 7143 4.2.7.2) and of an NQN (NVMe base 2.0 4.5)
constexpr uint32_t last_lun = 16383;

template <typename Number>
Result<Number> number_of(std::string_view text, std::string_view what, Number least, Number most,
                         const std::string& place) {
  Number value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || stop != text.data() + text.size() || value < least ||
      value > most)
    return fail(ErrorCode::invalid_argument, place, "'{}' is no {}: it must be {} to {}", text, what, least,
                most);
  return value;
}

/// "192.0.2.7", "192.0.2.7:3260", "[2001:db8::7]:3260"
Result<loop::Endpoint> endpoint_of(std::string_view text, uint16_t usual_port, const std::string& place) {
  loop::Endpoint endpoint{"", usual_port};
  std::string_view port;
  if (text.starts_with('[')) {
    const size_t end = text.find(']');
    if (end == std::string_view::npos)
      return fail(ErrorCode::invalid_argument, place, "the ']' of the address is missing");
    endpoint.address = text.substr(1, end - 1);
    port = text.substr(end + 1);
    if (!port.empty() && !port.starts_with(':'))
      return fail(ErrorCode::invalid_argument, place, "'{}' follows the address: a ':' and a port may", port);
  } else {
    const size_t colon = std::min(text.find(':'), text.size());
    endpoint.address = text.substr(0, colon);
    port = text.substr(colon);
  }
  const bool ipv4 =
      !endpoint.address.empty() && endpoint.address.find_first_not_of("0123456789.") == std::string::npos;
  const bool ipv6 = endpoint.address.find(':') != std::string::npos &&
                    endpoint.address.find_first_not_of("0123456789abcdefABCDEF:.") == std::string::npos;
  if (!ipv4 && !ipv6)
    return fail(
        ErrorCode::invalid_argument, place,
        "'{}' is no IPv4 address and no [IPv6 address]: names are not looked up, so that a path does not "
        "depend on a name server",
        endpoint.address);
  if (!port.empty()) {
    TRY_ASSIGN(endpoint.port, number_of<uint16_t>(port.substr(1), "port", 1, 65535, place));
  }
  return endpoint;
}

Result<void> take_target(std::string_view text, RemoteUrl& url, const std::string& place) {
  const size_t slash = std::min(text.find('/'), text.size());
  url.target = text.substr(0, slash);
  const bool nvme = url.protocol == RemoteUrl::Protocol::nvme_tcp;
  const bool known = nvme ? url.target.starts_with("nqn.")
                          : url.target.starts_with("iqn.") || url.target.starts_with("eui.") ||
                                url.target.starts_with("naa.");
  if (!known || url.target.size() > most_name_bytes)
    return fail(ErrorCode::invalid_argument, place, "'{}' is no {} name", url.target,
                nvme ? "NVMe qualified (nqn...)" : "iSCSI (iqn..., eui..., naa...)");
  if (slash == text.size()) return {};
  url.has_unit = true;
  TRY_ASSIGN(url.unit, nvme ? number_of<uint32_t>(text.substr(slash + 1), "namespace", 1, 0xfffffffe, place)
                            : number_of<uint32_t>(text.substr(slash + 1), "LUN", 0, last_lun, place));
  return {};
}

}  // namespace

std::string RemoteUrl::text() const {
  const bool nvme = protocol == Protocol::nvme_tcp;
  std::string text = fmt::format("{}{}", nvme ? nvme_scheme : iscsi_scheme, endpoint.text());
  if (!target.empty()) text += "/" + target;
  if (has_unit) text += fmt::format("/{}", unit);
  return text;
}

Result<RemoteUrl> parse_remote_url(std::string_view text, const std::string& place) {
  RemoteUrl url;
  std::string_view rest = text;
  if (rest.starts_with(iscsi_scheme)) {
    rest.remove_prefix(iscsi_scheme.size());
  } else if (rest.starts_with(nvme_scheme)) {
    rest.remove_prefix(nvme_scheme.size());
    url.protocol = RemoteUrl::Protocol::nvme_tcp;
  } else {
    return fail(
        ErrorCode::invalid_argument, place,
        "'{}' must begin with {} or {}, for example iscsi://192.0.2.7/iqn.2026-01.com.example:array/0", text,
        iscsi_scheme, nvme_scheme);
  }
  const std::string_view authority = rest.substr(0, rest.find('/'));
  std::string_view host = authority;
  if (const size_t at = authority.rfind('@'); at != std::string_view::npos) {
    url.user = authority.substr(0, at);
    host = authority.substr(at + 1);
    if (url.user.empty() || url.user.find(':') != std::string::npos)
      return fail(ErrorCode::invalid_argument, place,
                  "what stands before '@' is the CHAP name alone; a secret has no place in a URL");
  }
  const bool nvme = url.protocol == RemoteUrl::Protocol::nvme_tcp;
  if (nvme && !url.user.empty())
    return fail(ErrorCode::invalid_argument, place, "NVMe/TCP knows no CHAP name: leave '{}@' out", url.user);
  TRY_ASSIGN(url.endpoint, endpoint_of(host, nvme ? nvme_port : iscsi_port, place));
  rest.remove_prefix(authority.size());
  if (rest.starts_with('/')) rest.remove_prefix(1);
  if (!rest.empty()) TRY(take_target(rest, url, place));
  return url;
}

Result<std::vector<RemoteUrl>> parse_remote_urls(std::string_view text, const std::string& place) {
  std::vector<RemoteUrl> urls;
  while (true) {
    const size_t begin = text.find_first_not_of(", \t\n");
    if (begin == std::string_view::npos) break;
    text.remove_prefix(begin);
    const size_t end = std::min(text.find_first_of(", \t\n"), text.size());
    TRY_ASSIGN(RemoteUrl url, parse_remote_url(text.substr(0, end), place));
    text.remove_prefix(end);
    if (!url.has_unit)
      return fail(ErrorCode::invalid_argument, place, "{} names no {} of the target", url.text(),
                  url.protocol == RemoteUrl::Protocol::iscsi ? "LUN" : "namespace");
    const bool twice =
        std::ranges::any_of(urls, [&](const RemoteUrl& other) { return other.text() == url.text(); });
    if (twice) return fail(ErrorCode::invalid_argument, place, "{} stands there twice", url.text());
    urls.push_back(std::move(url));
  }
  if (urls.empty() || urls.size() > MultipathState::max_paths)
    return fail(ErrorCode::invalid_argument, place, "{} paths: 1 to {} are needed", urls.size(),
                MultipathState::max_paths);
  return urls;
}

}  // namespace ashlar::initiator
