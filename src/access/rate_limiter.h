// How many requests one principal or address may make.
#pragma once

#include <mutex>
#include <string>

#include "access/recent_table.h"

namespace ashlar::access {

/// For each of them a bucket that holds `burst` requests (1 at least), full at first, and fills at `per_second`. Bounded:
/// 10,000 buckets, the one not used for the longest time goes first. Thread safe. Time in seconds, given, best from a
/// clock that is never set; when it goes back, nothing fills until it goes on.
class RateLimiter {
 public:
  RateLimiter(double per_second, double burst);
  RateLimiter(double per_second, double burst, size_t most);
  /// True: go on, one is taken. False: 429.
  bool allow(const std::string& who, double now);

 private:
  struct Bucket {
    bool used = false;
    double level = 0;
    double at = 0;
  };
  const double per_second_, burst_;
  std::mutex mutex_;
  RecentTable<Bucket> buckets_;
};

}  // namespace ashlar::access
