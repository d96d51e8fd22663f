#include "base/address_range.h"

#include <arpa/inet.h>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace ashlar {
namespace {

constexpr uint8_t mapped_bits = 96;  // ::ffff:0:0/96 holds IPv4

using Bytes16 = std::array<uint8_t, 16>;
constexpr Bytes16 mapped_base = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

struct Parsed {
  Bytes16 bytes{};
  bool is_ipv4 = false;
};

std::optional<Parsed> parse_literal(const std::string& text) {
  Parsed parsed;
  if (inet_pton(AF_INET6, text.c_str(), parsed.bytes.data()) == 1) return parsed;
  parsed.bytes = mapped_base;
  parsed.is_ipv4 = true;
  if (inet_pton(AF_INET, text.c_str(), parsed.bytes.data() + 12) == 1) return parsed;
  return std::nullopt;
}

Bytes16 cut(const Bytes16& bytes, uint8_t bits) {
  Bytes16 kept{};
  for (size_t i = 0; i < kept.size(); ++i) {
    const int left = std::clamp(static_cast<int>(bits) - static_cast<int>(i) * 8, 0, 8);
    kept[i] = static_cast<uint8_t>(bytes[i] & (0xff00 >> left));
  }
  return kept;
}

}  // namespace

Result<void> parse_address_and_port(std::string_view text, const std::string& place) {
  const size_t colon = text.rfind(':');
  std::string_view address = text.substr(0, colon);
  const bool in_brackets = address.starts_with('[') && address.ends_with(']');
  if (in_brackets) address = address.substr(1, address.size() - 2);
  const auto literal = parse_literal(std::string(address));
  const std::string_view digits = colon == std::string_view::npos ? "" : text.substr(colon + 1);
  uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  const bool good_port = error == std::errc() && end == digits.data() + digits.size() && port != 0;
  if (literal && good_port && in_brackets != literal->is_ipv4) return {};
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

Result<AddressRange> AddressRange::parse(std::string_view text, const std::string& place) {
  const size_t slash = text.find('/');
  const auto literal = parse_literal(std::string(text.substr(0, slash)));
  if (!literal) {
    return fail(ErrorCode::invalid_argument, place,
                "'{}' is no IPv4 or IPv6 address, nor a range of them such as 192.0.2.0/24", text);
  }
  AddressRange range;
  if (slash != std::string_view::npos) {
    const std::string_view digits = text.substr(slash + 1);
    const unsigned most = literal->is_ipv4 ? 32 : 128;
    unsigned bits = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
    if (error != std::errc() || end != digits.data() + digits.size() || digits.empty() || bits > most)
      return fail(ErrorCode::invalid_argument, place, "'{}': the part behind the slash is 0 to {}", text,
                  most);
    range.prefix_bits_ = static_cast<uint8_t>(bits + (literal->is_ipv4 ? mapped_bits : 0));
  }
  range.bytes_ = cut(literal->bytes, range.prefix_bits_);
  if (range.bytes_ != literal->bytes)
    return fail(ErrorCode::invalid_argument, place, "'{}' has bits set behind its prefix", text);
  return range;
}

bool AddressRange::contains(const std::string& address) const {
  const auto literal = parse_literal(address);
  return literal && cut(literal->bytes, prefix_bits_) == bytes_;
}

bool AddressRange::has_ipv4() const {
  const uint8_t bits = std::min(prefix_bits_, mapped_bits);
  return cut(mapped_base, bits) == cut(bytes_, bits);
}

bool AddressRange::has_ipv6() const { return prefix_bits_ < mapped_bits || !has_ipv4(); }

}  // namespace ashlar
