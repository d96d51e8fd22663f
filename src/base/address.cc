#include "base/address.h"

#include <arpa/inet.h>

#include <charconv>

namespace ashlar {

std::optional<AddressBytes> address_bytes(const std::string& literal) {
  AddressBytes bytes{};
  if (inet_pton(AF_INET6, literal.c_str(), bytes.data()) == 1) return bytes;
  bytes = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (inet_pton(AF_INET, literal.c_str(), bytes.data() + 12) == 1) return bytes;
  return {};
}

Result<void> parse_address_and_port(std::string_view text, const std::string& place) {
  const size_t colon = text.rfind(':');
  std::string_view address = text.substr(0, colon);
  const bool in_brackets = address.starts_with('[') && address.ends_with(']');
  if (in_brackets) address = address.substr(1, address.size() - 2);
  const std::string literal(address);
  const std::string_view digits = colon == std::string_view::npos ? "" : text.substr(colon + 1);
  uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  const bool good_port = error == std::errc() && end == digits.data() + digits.size() && port != 0;
  if (address_bytes(literal) && good_port && in_brackets == literal.contains(':')) return {};
  return fail(ErrorCode::invalid_argument, place,
              "'{}' is no address and port such as 192.0.2.9:3260 or [2001:db8::9]:3260", text);
}

std::string print_address_and_port(const std::string& address, uint16_t port) {
  return address.contains(':') ? fmt::format("[{}]:{}", address, port) : fmt::format("{}:{}", address, port);
}

}  // namespace ashlar
