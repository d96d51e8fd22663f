#include "access/random.h"

#include <sys/random.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "base/check.h"

namespace ashlar::access {
namespace {

std::string base64url_of(ConstBytes bytes) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string text;
  text.reserve((bytes.size() * 4 + 2) / 3);
  uint32_t kept = 0;
  uint32_t bits = 0;
  for (const uint8_t byte : bytes) {
    kept = (kept << 8 | byte) & 0xffff;
    for (bits += 8; bits >= 6; bits -= 6) text += digits[kept >> (bits - 6) & 63];
  }
  if (bits > 0) text += digits[kept << (6 - bits) & 63];
  return text;
}

}  // namespace

void system_random(Bytes out) {
  while (!out.empty()) {
    const ssize_t got = ::getrandom(out.data(), out.size(), 0);
    // Never go on with bytes that could be guessed. The kernels that we support have the call.
    CHECK(got > 0 || errno == EINTR, "getrandom: {}", std::strerror(errno));
    if (got > 0) out = out.subspan(static_cast<size_t>(got));
  }
}

std::string random_text(size_t count, const RandomSource& random) {
  std::vector<uint8_t> bytes(count);
  random(bytes);
  return base64url_of(bytes);
}

}  // namespace ashlar::access
