// Passwords of people: how they are kept, verified and judged. Any thread; each hash takes 19 MiB and some 30 ms.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "access/random.h"
#include "base/result.h"

namespace ashlar::access {

constexpr size_t max_password_bytes = 1024;
constexpr size_t min_password_characters = 12;

/// "$argon2id$v=19$m=19456,t=2,p=1$..." (OWASP's parameters, RFC 9106), with a salt of 16 bytes. invalid_argument: empty or
/// longer than max_password_bytes; exhausted: no memory.
Result<std::string> hash_password(std::string_view password, const RandomSource& random = system_random);

/// Compares in constant time. A hash that is empty, malformed or asks for more than 256 MiB, 16 passes or 4 lanes fits no
/// password, and takes as long as one that does not fit.
bool verify_password(std::string_view password, std::string_view hash);

/// Takes as long as verify_password(). For users that do not exist, so that the time of a refusal does not tell who does.
void pretend_to_verify(std::string_view password);

/// 12 characters at least, not the user's name, not one of the most used, no sequence. invalid_argument at `place` with
/// what to do; out_of_range: longer than max_password_bytes.
Result<void> check_password(std::string_view password, std::string_view user, std::string_view place);

}  // namespace ashlar::access
