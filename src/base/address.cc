#include "base/address.h"

#include <arpa/inet.h>

#include <algorithm>
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

Result<void> check_referrals(const std::vector<std::string>& referrals, const std::string& place) {
  if (referrals.size() > max_referrals)
    return fail(ErrorCode::out_of_range, place, "at most {} of them", max_referrals);
  for (size_t i = 0; i < referrals.size(); ++i) {
    const std::string where = fmt::format("{}[{}]", place, i);
    TRY(parse_address_and_port(referrals[i], where));
    const std::string address = address_and_port_of(referrals[i]).address;
    if (address == "0.0.0.0" || address == "::")
      return fail(ErrorCode::invalid_argument, where, "'{}' is nowhere", referrals[i]);
    if (std::find(referrals.begin(), referrals.begin() + static_cast<std::ptrdiff_t>(i), referrals[i]) !=
        referrals.begin() + static_cast<std::ptrdiff_t>(i))
      return fail(ErrorCode::already_exists, where, "'{}' stands twice in the list", referrals[i]);
  }
  return {};
}

AddressAndPort address_and_port_of(std::string_view text) {
  const size_t colon = text.rfind(':');
  std::string_view address = text.substr(0, colon);
  if (address.starts_with('[')) address = address.substr(1, address.size() - 2);
  AddressAndPort found{std::string(address), 0};
  const std::string_view digits = text.substr(colon + 1);
  std::from_chars(digits.data(), digits.data() + digits.size(), found.port);
  return found;
}

std::string print_address_and_port(const std::string& address, uint16_t port) {
  return address.contains(':') ? fmt::format("[{}]:{}", address, port) : fmt::format("{}:{}", address, port);
}

}  // namespace ashlar
