#include "base/identity.h"

#include <algorithm>
#include <cctype>

namespace ashlar {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == ':' ||
         static_cast<uint8_t>(c) >= 0x80;
}

}  // namespace

std::string hex_of(ConstBytes bytes) {
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const uint8_t byte : bytes) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

Result<void> parse_hex(std::string_view text, Bytes out, std::string_view place) {
  for (const std::string_view prefix : {"0x", "0X", "naa.", "eui."}) {
    if (text.starts_with(prefix)) {
      text.remove_prefix(prefix.size());
      break;
    }
  }
  if (text.size() != out.size() * 2) {
    return fail(ErrorCode::invalid_argument, std::string(place), "needs {} hex digits, got {}",
                out.size() * 2, text.size());
  }
  for (size_t i = 0; i < out.size(); ++i) {
    const int high = hex_digit(text[2 * i]);
    const int low = hex_digit(text[2 * i + 1]);
    if (high < 0 || low < 0) {
      return fail(ErrorCode::invalid_argument, std::string(place), "'{}' is not a hex digit",
                  text[high < 0 ? 2 * i : 2 * i + 1]);
    }
    out[i] = static_cast<uint8_t>(high << 4 | low);
  }
  return {};
}

Naa make_naa(const Uuid& seed) {
  Naa naa;
  std::copy_n(seed.begin(), naa.size(), naa.begin());
  naa[0] = static_cast<uint8_t>(0x30 | (naa[0] & 0x0f));
  return naa;
}

Eui64 make_eui64(const Uuid& seed) {
  Eui64 eui;
  std::copy_n(seed.begin() + 8, eui.size(), eui.begin());
  eui[0] = static_cast<uint8_t>((eui[0] & 0xfc) | 0x02);  // locally administered, individual
  return eui;
}

std::string make_serial(const Uuid& seed) { return hex_of(ConstBytes(seed).first(8)); }

Uuid make_uuid(const Uuid& seed) {
  Uuid uuid = seed;
  uuid[6] = static_cast<uint8_t>((uuid[6] & 0x0f) | 0x40);
  uuid[8] = static_cast<uint8_t>((uuid[8] & 0x3f) | 0x80);
  return uuid;
}

std::string uuid_text(const Uuid& uuid) {
  std::string text = hex_of(uuid);
  for (const size_t at : {20, 16, 12, 8}) text.insert(at, 1, '-');
  return text;
}

Result<Uuid> parse_uuid(std::string_view text, std::string_view place) {
  std::string digits(text);
  // RFC 4122's form, or the digits alone.
  if (digits.size() == 36) {
    for (const size_t at : {23, 18, 13, 8}) {
      if (digits[at] == '-') digits.erase(at, 1);
    }
  }
  const bool plain = std::all_of(digits.begin(), digits.end(), [](char c) { return hex_digit(c) >= 0; });
  if (!plain || digits.size() != 32) {
    return fail(ErrorCode::invalid_argument, std::string(place),
                "'{}' is not a UUID (for example 6fa459ea-ee8a-4ca4-894e-db77e160355e)", text);
  }
  Uuid uuid;
  TRY(parse_hex(digits, uuid, place));
  return uuid;
}

Result<NaaName> NaaName::parse(std::string_view text, std::string_view place) {
  const std::string where(place);
  NaaName name;
  size_t digits = text.size();
  for (const std::string_view prefix : {"0x", "0X", "naa."}) {
    if (text.starts_with(prefix)) digits -= prefix.size();
  }
  const bool extended = digits == 2 * name.bytes_.size();
  name.length_ = extended ? name.bytes_.size() : std::tuple_size_v<Naa>;
  if (!extended && digits != 2 * name.length_) {
    return fail(ErrorCode::invalid_argument, where,
                "needs 16 hex digits (or 32, when the first is 6), got {}", digits);
  }
  TRY(parse_hex(text, Bytes(name.bytes_).first(name.length_), place));
  const int type = name.bytes_[0] >> 4;
  if (extended ? type == 6 : type == 2 || type == 3 || type == 5) return name;
  return fail(ErrorCode::invalid_argument, where,
              "a NAA of {} bytes begins with {} (SPC-4 7.8.6.6), not {:x}", name.length_,
              extended ? "6" : "2, 3 or 5", type);
}

Result<std::string> parse_iscsi_name(std::string_view text, std::string_view place) {
  const std::string where(place);
  if (text.empty()) return fail(ErrorCode::invalid_argument, where, "an iSCSI name is missing");
  if (text.size() > 223)
    return fail(ErrorCode::invalid_argument, where, "an iSCSI name has at most 223 bytes, this one {}",
                text.size());
  std::string name(text);
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  // RFC 7143 4.2.7.4 and 4.2.7.5: an EUI-64 is 16 hexadecimal digits, an NAA identifier 16 or 32.
  const bool eui = name.starts_with("eui."), naa = name.starts_with("naa.");
  if (eui || naa) {
    const auto is_digit = [](unsigned char c) { return std::isxdigit(c) != 0; };
    const bool length_fits = name.size() == 20 || (naa && name.size() == 36);
    if (!length_fits || !std::all_of(name.begin() + 4, name.end(), is_digit)) {
      return fail(ErrorCode::invalid_argument, where, "'{}' must have {} hexadecimal digits behind '{}'",
                  text, eui ? "16" : "16 or 32", name.substr(0, 4));
    }
    return name;
  }
  if (!name.starts_with("iqn.") || name.size() < 5) {
    return fail(ErrorCode::invalid_argument, where,
                "'{}' must begin with iqn., eui. or naa. (for example iqn.2026-11.com.example:host1)", text);
  }
  for (const char c : name) {
    if (!is_name_character(c))
      return fail(ErrorCode::invalid_argument, where, "'{}' may not hold the character '{}'", text, c);
  }
  return name;
}

Result<std::string> parse_resource_name(std::string_view text, std::string_view place) {
  const auto allowed = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '_' || c == '-';
  };
  const bool begins_well = !text.empty() && std::isalnum(static_cast<unsigned char>(text[0]));
  const bool good = begins_well && text.size() <= 63 && std::all_of(text.begin(), text.end(), allowed);
  if (!good) {
    return fail(
        ErrorCode::invalid_argument, std::string(place),
        "'{}' is not a name: use 1 to 63 letters, digits, '.', '_' or '-', beginning with a letter or digit",
        text);
  }
  return std::string(text);
}

}  // namespace ashlar
