#include "access/password.h"

#include <argon2.h>

#include <array>
#include <charconv>
#include <cstdint>
#include <optional>

#include "base/log.h"

namespace ashlar::access {
namespace {

struct Cost {
  uint32_t memory_kib, passes, lanes;
};
constexpr Cost our_cost{19456, 2, 1};
constexpr Cost highest_cost{256 * 1024, 16, 4};
constexpr uint32_t salt_bytes = 16;
constexpr uint32_t digest_bytes = 32;
constexpr size_t max_hash_bytes = 512;

/// Takes `prefix` and a number off the front of `rest`.
std::optional<uint32_t> take_number(std::string_view& rest, std::string_view prefix) {
  if (!rest.starts_with(prefix)) return std::nullopt;
  rest.remove_prefix(prefix.size());
  uint32_t number = 0;
  const auto [end, problem] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
  if (problem != std::errc()) return std::nullopt;
  rest.remove_prefix(static_cast<size_t>(end - rest.data()));
  return number;
}

/// libargon2 would take as much memory and time as a hash asks for: that is bounded here, before it is called.
bool is_affordable(std::string_view hash) {
  const std::optional<uint32_t> memory = take_number(hash, "$argon2id$v=19$m=");
  const std::optional<uint32_t> passes = take_number(hash, ",t=");
  const std::optional<uint32_t> lanes = take_number(hash, ",p=");
  return memory && passes && lanes && hash.starts_with('$') && *memory <= highest_cost.memory_kib &&
         *passes <= highest_cost.passes && *lanes <= highest_cost.lanes;
}

}  // namespace

Result<std::string> hash_password(std::string_view password, const RandomSource& random) {
  if (password.empty() || password.size() > max_password_bytes) {
    return fail(ErrorCode::invalid_argument, "password", "a password has 1 to {} bytes; this has {}",
                max_password_bytes, password.size());
  }
  std::array<uint8_t, salt_bytes> salt{};
  random(salt);
  // Its size counts the NUL at the end.
  std::string encoded(::argon2_encodedlen(our_cost.passes, our_cost.memory_kib, our_cost.lanes, salt_bytes,
                                          digest_bytes, Argon2_id),
                      '\0');
  const int status = ::argon2id_hash_encoded(our_cost.passes, our_cost.memory_kib, our_cost.lanes,
                                             password.data(), password.size(), salt.data(), salt.size(),
                                             digest_bytes, encoded.data(), encoded.size());
  if (status != ARGON2_OK) {
    return fail(ErrorCode::exhausted, "password", "cannot be hashed: {}", ::argon2_error_message(status));
  }
  encoded.resize(encoded.find('\0'));
  return encoded;
}

bool verify_password(std::string_view password, std::string_view hash) {
  if (password.empty() || password.size() > max_password_bytes) return false;
  if (hash.size() > max_hash_bytes || !is_affordable(hash)) {
    pretend_to_verify(password);
    return false;
  }
  const int status = ::argon2id_verify(std::string(hash).c_str(), password.data(), password.size());
  if (status == ARGON2_OK) return true;
  if (status != ARGON2_VERIFY_MISMATCH) {
    log_warning("access", "a kept password hash cannot be used ({}): set that user's password anew",
                ::argon2_error_message(status));
    pretend_to_verify(password);
  }
  return false;
}

void pretend_to_verify(std::string_view password) {
  constexpr std::array<uint8_t, salt_bytes> salt{};
  std::array<uint8_t, digest_bytes> digest{};
  const std::string_view some = password.substr(0, max_password_bytes);
  const int status = ::argon2id_hash_raw(our_cost.passes, our_cost.memory_kib, our_cost.lanes, some.data(),
                                         some.size(), salt.data(), salt.size(), digest.data(), digest.size());
  if (status != ARGON2_OK) {
    log_warning("access", "cannot hash a password: {}", ::argon2_error_message(status));
  }
}

}  // namespace ashlar::access
