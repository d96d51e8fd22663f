#include "access/totp.h"

#include <liboath/oath.h>
#include <openssl/crypto.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>
#include <optional>

#include "base/check.h"
#include "base/percent_encoding.h"

namespace ashlar::access {
namespace {

constexpr int64_t step_seconds = 30;
constexpr size_t code_digits = 6;
constexpr size_t secret_bytes = 20;
constexpr size_t min_secret_bytes = 10;
constexpr size_t max_secret_characters = 256;
/// Past this the arithmetic below would overflow; it is some 100,000 years ahead.
constexpr int64_t latest_seconds = int64_t{1} << 41;

struct Free {
  void operator()(char* memory) const { std::free(memory); }
};
using OathText = std::unique_ptr<char, Free>;

void prepare_oath() {
  static const int status = ::oath_init();
  CHECK(status == OATH_OK, "liboath: {}", ::oath_strerror(status));
}

std::optional<std::string> decode_base32(std::string_view text) {
  char* out = nullptr;
  size_t size = 0;
  if (::oath_base32_decode(text.data(), text.size(), &out, &size) != OATH_OK) return std::nullopt;
  const OathText owner(out);
  return std::string(out, size);
}

std::string label_part(std::string_view text) {
  std::string part(text);
  std::ranges::replace(part, ':', '.');
  return percent_encode(part);
}

}  // namespace

std::string make_totp_secret(const RandomSource& random) {
  prepare_oath();
  std::array<uint8_t, secret_bytes> key{};
  random(key);
  char* out = nullptr;
  size_t size = 0;
  const std::string_view bytes = text_of(key);
  const int status = ::oath_base32_encode(bytes.data(), bytes.size(), &out, &size);
  CHECK(status == OATH_OK, "base32: {}", ::oath_strerror(status));
  const OathText owner(out);
  return std::string(out, size);
}

std::string totp_uri(std::string_view secret, std::string_view user, std::string_view issuer) {
  const std::string by = label_part(issuer);
  return fmt::format("otpauth://totp/{}:{}?secret={}&issuer={}&algorithm=SHA1&digits={}&period={}", by,
                     label_part(user), percent_encode(secret), by, code_digits, step_seconds);
}

bool verify_totp(std::string_view secret, std::string_view code, int64_t now_seconds, int64_t& last_step) {
  prepare_oath();
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (code.size() != code_digits || !std::ranges::all_of(code, is_digit)) return false;
  if (now_seconds < 0 || now_seconds > latest_seconds || secret.size() > max_secret_characters) return false;
  const std::optional<std::string> key = decode_base32(secret);
  if (!key || key->size() < min_secret_bytes) return false;
  const int64_t now_step = now_seconds / step_seconds;
  std::optional<int64_t> taken;
  // All three are tried, so that the time does not tell which one fits. The latest counts: were a code the same in two
  // steps, it could otherwise be used twice.
  for (int64_t step = std::max<int64_t>(now_step - 1, 0); step <= now_step + 1; ++step) {
    std::array<char, code_digits + 1> expected{};
    const int status = ::oath_totp_generate(key->data(), key->size(), step * step_seconds, step_seconds,
                                            OATH_TOTP_DEFAULT_START_TIME, code_digits, expected.data());
    if (status != OATH_OK) return false;
    if (::CRYPTO_memcmp(expected.data(), code.data(), code_digits) == 0 && step > last_step) taken = step;
  }
  if (taken) last_step = *taken;
  return taken.has_value();
}

}  // namespace ashlar::access
