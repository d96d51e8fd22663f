#include "access/rate_limiter.h"

#include <algorithm>

namespace ashlar::access {

RateLimiter::RateLimiter(double per_second, double burst) : RateLimiter(per_second, burst, 10'000) {}

RateLimiter::RateLimiter(double per_second, double burst, size_t most)
    : per_second_(std::max(0.0, per_second)), burst_(std::max(1.0, burst)), buckets_(most) {}

bool RateLimiter::allow(const std::string& who, double now) {
  const std::scoped_lock lock(mutex_);
  Bucket& bucket = buckets_.touch(who);
  if (!bucket.used) {
    bucket = {true, burst_, now};
  } else {
    bucket.level = std::min(burst_, bucket.level + std::max(0.0, now - bucket.at) * per_second_);
    bucket.at = now;
  }
  if (bucket.level < 1) return false;
  bucket.level -= 1;
  return true;
}

}  // namespace ashlar::access
