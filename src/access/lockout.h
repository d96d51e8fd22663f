// Tries that failed, by user and by address: guessing gets slower with each of them.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>

#include "access/recent_table.h"

namespace ashlar::access {

/// After 5 failures, none of them 15 minutes after the one before, the next try must wait: 1 s, and twice as long after each
/// further one, up to 15 minutes. 15 minutes without a failure (after the wait, if there was one) forget all.
/// Users are counted apart from addresses, and the longer wait counts. Capital letters of users make no difference, nor do
/// the last 64 bits of an IPv6 address, which a host chooses as it likes. Bounded: 10,000 users and 10,000 addresses, those
/// whose last failure is oldest go first. Thread safe. Time in seconds, given; when it is set back no wait gets longer than
/// it was at first.
class Lockouts {
 public:
  explicit Lockouts(size_t most = 10'000) : by_user_(most), by_address_(most) {}
  /// Seconds to wait still; 0: may try. Ask before the password is looked at, and do not count a try that must wait.
  uint32_t wait_seconds(const std::string& user, const std::string& address, int64_t now) const;
  /// True when this failure began a lock-out (alarm); not for those that make it longer.
  bool failed(const std::string& user, const std::string& address, int64_t now);
  /// Forgets the user's failures, and takes as many off the address: not those of others, or one good account would pay for
  /// guessing at all the rest.
  void succeeded(const std::string& user, const std::string& address);

 private:
  struct Failures {
    uint32_t count = 0;
    int64_t last = 0;
  };
  static uint32_t wait_after(uint32_t failures);
  static bool is_forgotten(const Failures& failures, int64_t now);
  static uint32_t wait_left(const Failures* failures, int64_t now);
  static bool count_one(Failures& failures, int64_t now);

  mutable std::mutex mutex_;
  RecentTable<Failures> by_user_, by_address_;
};

}  // namespace ashlar::access
