#include "initiator/url.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "base/identity.h"
#include "base/nqn.h"
#include "base/percent_encoding.h"
#include "loop/socket_address.h"

namespace ashlar::initiator {
namespace {

constexpr std::array protocols = {Protocol::iscsi, Protocol::nvme_tcp};

class UrlReader {
 public:
  UrlReader(std::string_view rest, std::string_view place) : rest_(rest), place_(place) {}

  Result<void> read(UrlPart least) {
    TRY(check_letters());
    TRY(read_scheme());
    const std::string_view authority = take_until('/');
    TRY(read_authority(authority));
    TRY(read_target(least));
    return read_unit(least);
  }
  Url take() { return std::move(url_); }

 private:
  std::string place_of(std::string_view part) const { return fmt::format("{}.{}", place_, part); }
  template <typename... Arguments>
  std::unexpected<Error> wrong(std::string_view part, fmt::format_string<Arguments...> format,
                               Arguments&&... arguments) const {
    return fail(ErrorCode::invalid_argument, place_of(part), format, std::forward<Arguments>(arguments)...);
  }

  /// The piece before the next `end`, or all of it; both are taken.
  std::string_view take_until(char end) {
    const std::string_view piece = rest_.substr(0, rest_.find(end));
    more_ = piece.size() < rest_.size();
    rest_.remove_prefix(std::min(piece.size() + 1, rest_.size()));
    return piece;
  }

  Result<std::string> decode(std::string_view part, std::string_view text) const {
    auto decoded = percent_decode(text);
    if (!decoded) return wrong(part, "{}", decoded.error().message);
    const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
    if (std::ranges::any_of(*decoded, control)) return wrong(part, "has a control character");
    return std::move(*decoded);
  }

  Result<uint32_t> number(std::string_view part, std::string_view text, uint32_t least, uint32_t most) const {
    uint32_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value < least || value > most)
      return wrong(part, "'{}': a number from {} to {} is wanted", text, least, most);
    return value;
  }

  Result<void> check_letters() const {
    const auto outside = [](char c) { return static_cast<unsigned char>(c) <= 0x20 || c >= 0x7f || c < 0; };
    if (rest_.size() > Url::max_bytes || std::ranges::any_of(rest_, outside)) {
      return fail(ErrorCode::invalid_argument, std::string(place_),
                  "a URL has at most {} letters, all of printable ASCII; others are percent-encoded",
                  Url::max_bytes);
    }
    if (rest_.find_first_of("?#") != std::string_view::npos) {
      return fail(ErrorCode::invalid_argument, std::string(place_),
                  "nothing is known that could stand behind ? or #");
    }
    return {};
  }

  Result<void> read_scheme() {
    for (const Protocol protocol : protocols) {
      const std::string scheme = fmt::format("{}://", name_of(protocol));
      if (!rest_.starts_with(scheme)) continue;
      url_.protocol = protocol;
      rest_.remove_prefix(scheme.size());
      return {};
    }
    return wrong("scheme", "'{}' is not iscsi:// or nvme-tcp://", rest_.substr(0, rest_.find('/')));
  }

  Result<void> read_authority(std::string_view text) {
    if (const size_t at = text.rfind('@'); at != std::string_view::npos) {
      TRY(read_user(text.substr(0, at)));
      text.remove_prefix(at + 1);
    }
    std::string_view host = text;
    std::string_view port;
    bool has_port = false;
    if (text.starts_with('[')) {
      const size_t close = text.find(']');
      if (close == std::string_view::npos) return wrong("host", "[ without ]");
      host = text.substr(1, close - 1);
      const std::string_view behind = text.substr(close + 1);
      has_port = behind.starts_with(':');
      if (!behind.empty() && !has_port) return wrong("host", "'{}' behind ]", behind);
      if (!host.contains(':')) return wrong("host", "'{}' in brackets is no IPv6 address", host);
      if (has_port) port = behind.substr(1);
    } else if (const size_t colon = text.find(':'); colon != std::string_view::npos) {
      if (text.find(':', colon + 1) != std::string_view::npos)
        return wrong("host", "an IPv6 address stands in brackets: [{}]", text);
      host = text.substr(0, colon);
      port = text.substr(colon + 1);
      has_port = true;
    }
    url_.endpoint.port = default_port(url_.protocol);
    if (has_port) {
      TRY_ASSIGN(const uint32_t given, number("port", port, 1, 65535));
      url_.endpoint.port = static_cast<uint16_t>(given);
    }
    return read_host(host);
  }

  Result<void> read_user(std::string_view text) {
    if (text.contains(':')) return wrong("user", "a secret does not belong into a URL: give it in a file");
    TRY_ASSIGN(url_.user, decode("user", text));
    if (url_.user.empty() || url_.user.size() > Url::max_user_bytes)
      return wrong("user", "1 to {} bytes are wanted before @", Url::max_user_bytes);
    return {};
  }

  /// The scope of a link-local address comes as %25eth0 (RFC 6874).
  Result<void> read_host(std::string_view text) {
    TRY_ASSIGN(url_.endpoint.address, decode("host", text));
    if (url_.endpoint.is_unix() || !loop::parse_address(url_.endpoint)) {
      return wrong("host", "'{}' is no IPv4 address and no IPv6 address in brackets; names are not looked up",
                   url_.endpoint.address);
    }
    return {};
  }

  Result<void> read_target(UrlPart least) {
    const std::string_view text = take_until('/');
    if (text.empty()) {
      if (more_ || least >= UrlPart::target)
        return wrong("target", "missing: {}://HOST/{} is wanted", name_of(url_.protocol), wanted_path());
      return {};
    }
    TRY_ASSIGN(const std::string name, decode("target", text));
    const std::string place = place_of("target");
    auto parsed = url_.protocol == Protocol::iscsi ? parse_iscsi_name(name, place) : parse_nqn(name, place);
    if (!parsed) return std::unexpected(std::move(parsed).error());
    url_.target = std::move(*parsed);
    return {};
  }

  Result<void> read_unit(UrlPart least) {
    const bool iscsi = url_.protocol == Protocol::iscsi;
    const std::string_view part = iscsi ? "lun" : "nsid";
    if (rest_.empty()) {
      if (more_ || least == UrlPart::unit)
        return wrong(part, "missing: {}://HOST/{} is wanted", name_of(url_.protocol), wanted_path());
      return {};
    }
    TRY_ASSIGN(const std::string text, decode(part, rest_));
    TRY_ASSIGN(url_.unit, number(part, text, iscsi ? 0 : 1, iscsi ? Url::max_lun : Url::max_nsid));
    return {};
  }

  std::string_view wanted_path() const { return url_.protocol == Protocol::iscsi ? "IQN/LUN" : "NQN/NSID"; }

  std::string_view rest_;
  std::string_view place_;
  bool more_ = false;  // a '/' stood behind the piece taken last
  Url url_;
};

}  // namespace

std::string_view name_of(Protocol protocol) { return protocol == Protocol::iscsi ? "iscsi" : "nvme-tcp"; }

uint16_t default_port(Protocol protocol) { return protocol == Protocol::iscsi ? 3260 : 4420; }

Result<Url> parse_url(std::string_view text, std::string_view place, UrlPart least) {
  UrlReader reader(text, place);
  TRY(reader.read(least));
  return reader.take();
}

std::string Url::text() const {
  std::string text = fmt::format("{}://", name_of(protocol));
  if (!user.empty()) text += percent_encode(user) + "@";
  const std::string& address = endpoint.address;
  if (address.contains(':')) {
    const size_t scope = std::min(address.find('%'), address.size());
    text += "[" + address.substr(0, scope);
    if (scope < address.size()) text += "%25" + percent_encode(std::string_view(address).substr(scope + 1));
    text += "]";
  } else {
    text += address;
  }
  text += fmt::format(":{}", endpoint.port);
  if (target.empty()) return text;
  text += "/";
  // A colon may stand in a path as it is (RFC 3986 3.3), and does in every such name.
  for (const char letter : target) text += letter == ':' ? ":" : percent_encode({&letter, 1});
  if (unit) text += fmt::format("/{}", *unit);
  return text;
}

}  // namespace ashlar::initiator
