#include "wire/iscsi_text.h"

#include <algorithm>
#include <charconv>

#include "base/base64.h"
#include "base/identity.h"

namespace ashlar::wire::iscsi {
namespace {

constexpr std::string_view base64_alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

bool is_key_character(char c) { return c > 0x20 && c < 0x7f && c != '='; }

// One code point's length at the front of `text`, or 0 when it is not well-formed UTF-8 (RFC 3629 section 4).
size_t code_point_bytes(std::string_view text) {
  const auto byte = [&](size_t i) { return i < text.size() ? static_cast<uint8_t>(text[i]) : uint8_t{0}; };
  const auto continues = [&](size_t i) { return (byte(i) & 0xc0) == 0x80; };
  const uint8_t lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead <= 0xdf) return continues(1) ? 2 : 0;
  if (lead >= 0xe0 && lead <= 0xef) {
    const bool overlong = lead == 0xe0 && byte(1) < 0xa0;
    const bool surrogate = lead == 0xed && byte(1) > 0x9f;
    return continues(1) && continues(2) && !overlong && !surrogate ? 3 : 0;
  }
  if (lead >= 0xf0 && lead <= 0xf4) {
    const bool outside = (lead == 0xf0 && byte(1) < 0x90) || (lead == 0xf4 && byte(1) > 0x8f);
    return continues(1) && continues(2) && continues(3) && !outside ? 4 : 0;
  }
  return 0;
}

bool is_value_text(std::string_view value) {
  while (!value.empty()) {
    const auto first = static_cast<uint8_t>(value[0]);
    if (first < 0x20 || first == 0x7f) return false;
    const size_t length = code_point_bytes(value);
    if (length == 0) return false;
    value.remove_prefix(length);
  }
  return true;
}

Result<TextPair> parse_pair(std::string_view piece) {
  const size_t equals = piece.find('=');
  const std::string_view key = piece.substr(0, equals);
  if (key.empty() || key.size() > max_text_key_bytes ||
      !std::all_of(key.begin(), key.end(), is_key_character)) {
    return fail(ErrorCode::protocol_error, "text",
                "a key of {} bytes is not 1 to {} printable ASCII characters", key.size(),
                max_text_key_bytes);
  }
  if (equals == std::string_view::npos)
    return fail(ErrorCode::protocol_error, std::string(key), "has no '='");
  const std::string_view value = piece.substr(equals + 1);
  if (value.size() > max_text_value_bytes) {
    return fail(ErrorCode::exhausted, std::string(key), "value has {} bytes, at most {} are taken",
                value.size(), max_text_value_bytes);
  }
  if (!is_value_text(value))
    return fail(ErrorCode::protocol_error, std::string(key), "value is not UTF-8 text");
  return TextPair{key, value};
}

Result<std::vector<uint8_t>> decode_base64(std::string_view key, std::string_view digits) {
  for (int i = 0; i < 2 && digits.ends_with('='); ++i) digits.remove_suffix(1);
  if (digits.size() % 4 == 1) return fail(ErrorCode::protocol_error, std::string(key), "base64 is cut short");
  std::vector<uint8_t> bytes;
  bytes.reserve(digits.size() * 3 / 4);
  uint32_t bits = 0;
  int count = 0;
  for (const char c : digits) {
    const size_t value = base64_alphabet.find(c);
    if (value == std::string_view::npos)
      return fail(ErrorCode::protocol_error, std::string(key), "not base64");
    bits = bits << 6 | static_cast<uint32_t>(value);
    count += 6;
    if (count >= 8) {
      count -= 8;
      bytes.push_back(static_cast<uint8_t>(bits >> count));
    }
  }
  return bytes;
}

}  // namespace

bool is_text_answer_only(std::string_view value) {
  return value == text_reject || value == text_irrelevant || value == text_not_understood;
}

std::string_view shortened(std::string_view text, size_t bytes) {
  if (text.size() <= bytes) return text;
  while (bytes > 0 && (static_cast<uint8_t>(text[bytes]) & 0xc0) == 0x80) --bytes;
  return text.substr(0, bytes);
}

Result<TextPairs> parse_text(std::string_view text) {
  if (text.size() > max_text_bytes)
    return fail(ErrorCode::exhausted, "text", "{} bytes, at most {} are taken", text.size(), max_text_bytes);
  TextPairs pairs;
  while (!text.empty()) {
    const size_t end = text.find('\0');
    if (end == std::string_view::npos)
      return fail(ErrorCode::protocol_error, "text", "the last pair is not ended by a NUL");
    const std::string_view piece = text.substr(0, end);
    text.remove_prefix(end + 1);
    if (piece.empty()) continue;
    if (pairs.size() == max_text_pairs)
      return fail(ErrorCode::exhausted, "text", "more than {} keys", max_text_pairs);
    TRY_ASSIGN(const TextPair pair, parse_pair(piece));
    pairs.push_back(pair);
  }
  return pairs;
}

const std::string_view* find_value(const TextPairs& pairs, std::string_view key) {
  const auto found =
      std::find_if(pairs.begin(), pairs.end(), [&](const TextPair& pair) { return pair.key == key; });
  return found == pairs.end() ? nullptr : &found->value;
}

void TextWriter::add(std::string_view key, std::string_view value) {
  text_.append(key);
  text_ += '=';
  text_.append(value);
  text_ += '\0';
}

void TextWriter::add(std::string_view key, uint64_t value) {
  add(key, std::string_view(std::to_string(value)));
}

Result<std::vector<std::string_view>> parse_list(std::string_view key, std::string_view value) {
  std::vector<std::string_view> items;
  while (true) {
    const size_t comma = value.find(',');
    const std::string_view item = value.substr(0, comma);
    if (item.empty())
      return fail(ErrorCode::protocol_error, std::string(key), "an item of the list is empty");
    if (items.size() == max_text_list_items) {
      return fail(ErrorCode::exhausted, std::string(key), "more than {} items in the list",
                  max_text_list_items);
    }
    items.push_back(item);
    if (comma == std::string_view::npos) return items;
    value.remove_prefix(comma + 1);
  }
}

Result<uint64_t> parse_number(std::string_view key, std::string_view value) {
  const bool hexadecimal = value.starts_with("0x") || value.starts_with("0X");
  const std::string_view digits = hexadecimal ? value.substr(2) : value;
  const bool leading_zero = !hexadecimal && digits.size() > 1 && digits[0] == '0';
  uint64_t number = 0;
  const auto [end, problem] =
      std::from_chars(digits.data(), digits.data() + digits.size(), number, hexadecimal ? 16 : 10);
  // from_chars takes a '-' only for signed types and never a '+', so what it read is digits.
  if (problem != std::errc() || end != digits.data() + digits.size() || leading_zero) {
    return fail(ErrorCode::invalid_argument, std::string(key), "'{}' is not a number", shortened(value));
  }
  return number;
}

Result<bool> parse_boolean(std::string_view key, std::string_view value) {
  if (value == "Yes") return true;
  if (value == "No") return false;
  return fail(ErrorCode::invalid_argument, std::string(key), "'{}' is not Yes or No", shortened(value));
}

Result<std::vector<uint8_t>> parse_binary(std::string_view key, std::string_view value, size_t max_bytes) {
  const std::string_view prefix = value.substr(0, 2);
  const std::string_view digits = value.substr(prefix.size());
  const bool hexadecimal = prefix == "0x" || prefix == "0X";
  if (!hexadecimal && prefix != "0b" && prefix != "0B") {
    return fail(ErrorCode::protocol_error, std::string(key), "a binary value begins with 0x or 0b");
  }
  // Judged before a byte is made: oversized CHAP values overran peers (edk2 bug 3356).
  const size_t size = hexadecimal ? digits.size() / 2 : digits.size() * 3 / 4;
  if (digits.empty() || size > max_bytes + 2) {
    return fail(ErrorCode::out_of_range, std::string(key), "a binary value has 1 to {} bytes, this one {}",
                max_bytes, size);
  }
  std::vector<uint8_t> bytes(hexadecimal ? size : 0);
  if (hexadecimal) {
    // Four bits for each digit, leading zeroes included (RFC 7143 6.1): an odd number of them is no bytes.
    if (digits.size() % 2 != 0)
      return fail(ErrorCode::protocol_error, std::string(key), "an odd number of hex digits");
    for (const char c : digits) {
      if (std::string_view("0123456789abcdefABCDEF").find(c) == std::string_view::npos) {
        return fail(ErrorCode::protocol_error, std::string(key), "not hexadecimal");
      }
    }
    TRY(parse_hex(digits, bytes, key));
  } else {
    TRY_ASSIGN(bytes, decode_base64(key, digits));
  }
  if (bytes.empty() || bytes.size() > max_bytes) {
    return fail(ErrorCode::out_of_range, std::string(key), "a binary value has 1 to {} bytes, this one {}",
                max_bytes, bytes.size());
  }
  return bytes;
}

std::string binary_as_hex(ConstBytes bytes) { return "0x" + hex_of(bytes); }

std::string binary_as_base64(ConstBytes bytes) { return "0b" + base64_of(bytes); }

}  // namespace ashlar::wire::iscsi
