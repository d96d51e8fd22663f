#include "base/address_range.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace ashlar {
namespace {

constexpr uint8_t mapped_bits = 96;  // ::ffff:0:0/96 holds IPv4

constexpr AddressBytes mapped_base = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

struct Parsed {
  AddressBytes bytes{};
  bool is_ipv4 = false;
};

std::optional<Parsed> parse_literal(const std::string& text) {
  const auto bytes = address_bytes(text);
  if (!bytes) return std::nullopt;
  return Parsed{*bytes, !text.contains(':')};
}

AddressBytes cut(const AddressBytes& bytes, uint8_t bits) {
  AddressBytes kept{};
  for (size_t i = 0; i < kept.size(); ++i) {
    const int left = std::clamp(static_cast<int>(bits) - static_cast<int>(i) * 8, 0, 8);
    kept[i] = static_cast<uint8_t>(bytes[i] & (0xff00 >> left));
  }
  return kept;
}

}  // namespace

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
