// Tokens of programs: drawn once, shown once, kept as a hash.
#pragma once

#include <string>
#include <string_view>

#include "access/random.h"

namespace ashlar::access {

/// "ashlar_" and 43 characters of base64url (256 bits).
std::string make_token(const RandomSource& random = system_random);

/// SHA-256 in hex: what is kept, and what a token is looked up by. A plain hash is enough, since 256 random bits cannot be
/// guessed; and a lookup by hash tells no more by its timing than the hash of what was sent.
std::string hash_token(std::string_view token);

}  // namespace ashlar::access
