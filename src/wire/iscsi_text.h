// Text of Login and Text PDUs: "key=value" pairs, each ended by a NUL (RFC 7143 section 6.1). Bounded in every direction.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace ashlar::wire::iscsi {

constexpr size_t max_text_pairs = 256;
constexpr size_t max_text_key_bytes = 63;  ///< RFC 7143 6.1
constexpr size_t max_text_value_bytes = 8192;
constexpr size_t max_text_list_items = 64;
/// Text of one negotiation step over all PDUs with the C bit, and how many of those (each side).
constexpr size_t max_text_bytes = 65536;
constexpr size_t max_text_pdus = 16;

/// Answers that are no values (RFC 7143 6.2). Every key may get one of them.
constexpr std::string_view text_reject = "Reject";
constexpr std::string_view text_irrelevant = "Irrelevant";
constexpr std::string_view text_not_understood = "NotUnderstood";
bool is_text_answer_only(std::string_view value);

/// At most `bytes` bytes of `text`, cut before a code point that does not fit: for showing what a stranger sent.
std::string_view shortened(std::string_view text, size_t bytes = 64);

/// Views into the text that was parsed.
struct TextPair {
  std::string_view key;
  std::string_view value;
  bool operator==(const TextPair&) const = default;
};
using TextPairs = std::vector<TextPair>;

/// Splits `text`; the pairs live as long as its bytes. Keys are printable ASCII without '=', values valid UTF-8 without control
/// characters (they reach logs and JSON). Additional NULs between pairs are skipped; a last pair without NUL is an error.
/// Errors: protocol_error with the key as place (or "text" when there is none), exhausted past a bound.
Result<TextPairs> parse_text(std::string_view text);

/// The value of the first pair of that key, or null.
const std::string_view* find_value(const TextPairs& pairs, std::string_view key);

/// Collects pairs for sending. Grows on the control path; the caller bounds what it adds.
class TextWriter {
 public:
  void add(std::string_view key, std::string_view value);
  void add(std::string_view key, uint64_t value);
  void add(std::string_view key, bool value) {
    add(key, value ? std::string_view("Yes") : std::string_view("No"));
  }
  void add(std::string_view key, const char* value) { add(key, std::string_view(value)); }
  /// Text that another writer made.
  void append(std::string_view text) { text_.append(text); }
  const std::string& text() const { return text_; }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

/// The items of "a,b,c"; empty items and more than max_text_list_items of them are an error with `key` as place.
Result<std::vector<std::string_view>> parse_list(std::string_view key, std::string_view value);
/// Decimal without leading zeroes, or hexadecimal with 0x; at most 64 bits.
Result<uint64_t> parse_number(std::string_view key, std::string_view value);
Result<bool> parse_boolean(std::string_view key, std::string_view value);
/// A binary value: "0x" and an even number of hex digits, or "0b" and base64. 1 to `max_bytes` bytes.
Result<std::vector<uint8_t>> parse_binary(std::string_view key, std::string_view value, size_t max_bytes);
std::string binary_as_hex(ConstBytes bytes);
std::string binary_as_base64(ConstBytes bytes);

}  // namespace ashlar::wire::iscsi
