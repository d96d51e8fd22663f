// Bytes that nobody can guess: keys, salts, ids.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "base/bytes.h"

namespace ashlar::access {

/// Fills all of `out`. Tests give one of their own; everybody else system_random.
using RandomSource = std::function<void(Bytes out)>;

/// getrandom(2): the kernel's generator. Waits only while a machine that has just booted gathers its first entropy.
void system_random(Bytes out);

/// `count` random bytes in base64url without padding (RFC 4648, 5): 32 bytes are 43 characters.
std::string random_text(size_t count, const RandomSource& random);

}  // namespace ashlar::access
