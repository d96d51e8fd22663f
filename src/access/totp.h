// One-time codes of authenticator apps (RFC 6238): SHA-1, 6 digits, 30 s, one step either way. Pure, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "access/random.h"

namespace ashlar::access {

/// 160 bits in base32: 32 characters.
std::string make_totp_secret(const RandomSource& random = system_random);

/// "otpauth://totp/ISSUER:USER?secret=..." (Google's Key Uri Format), for a QR code. A colon would end the issuer, so that
/// '.' stands for it.
std::string totp_uri(std::string_view secret, std::string_view user, std::string_view issuer);

/// A code counts once: `last_step` (0 at the start) is that of the code that was taken last, and must be kept with the user.
/// Codes of that step and those before it are refused, also after the clock was set back. `now_seconds` since 1970.
/// A secret that is not base32 or has under 80 bits fits no code.
bool verify_totp(std::string_view secret, std::string_view code, int64_t now_seconds, int64_t& last_step);

}  // namespace ashlar::access
