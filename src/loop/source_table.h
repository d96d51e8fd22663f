// What is remembered of the addresses that connections come from: logins under way, and proofs that failed, whatever the protocol.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "loop/time.h"

namespace ashlar::loop {

/// One per shard; failures are told to all shards. Pure: time comes from the caller. Bounded: past `capacity` sources the one
/// that failed the longest ago is forgotten.
class SourceTable {
 public:
  static constexpr size_t capacity = 4096;
  /// Proofs that may fail before a source has to wait: a secret that was mistyped is tried again by hand.
  static constexpr uint32_t free_failures = 5;
  static constexpr Nanoseconds first_wait = seconds(1);
  static constexpr Nanoseconds longest_wait = seconds(60);
  static constexpr Nanoseconds memory = seconds(600);  ///< after which failures are forgotten

  /// The key of an address: an IPv4 address itself, the first 64 bits of an IPv6 one, as a host has all of these.
  static std::string source_of(const std::string& address);

  void login_began(const std::string& source) { ++entries_[source].half_open; }
  void login_over(const std::string& source);
  uint32_t half_open(const std::string& source) const;
  /// Logins under way of the source that has the most.
  uint32_t most_half_open() const;

  void proof_failed(const std::string& source, Instant now);
  void proof_succeeded(const std::string& source);
  bool has_failures(const std::string& source) const;
  /// How long the source must still wait before it may try a proof; 0: not at all.
  Nanoseconds held_back(const std::string& source, Instant now) const;
  size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    uint32_t half_open = 0;
    uint32_t failures = 0;
    Instant last_failure;
  };
  void make_room();
  std::map<std::string, Entry> entries_;
};

}  // namespace ashlar::loop
