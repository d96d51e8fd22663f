// Chance that replays: xoshiro256** seeded by splitmix64 (Blackman and Vigna). Never for secrets.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <span>

#include "loop/time.h"

namespace ashlar::loop {

/// One step of splitmix64: spreads any 64 bits over all 64 bits.
constexpr uint64_t mix64(uint64_t value) {
  value += 0x9e3779b97f4a7c15;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
  value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
  return value ^ (value >> 31);
}

class SimRandom {
 public:
  explicit SimRandom(uint64_t seed) {
    for (uint64_t& word : state_) word = seed = mix64(seed);
  }
  uint64_t next() {
    const uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
    const uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = std::rotl(state_[3], 45);
    return result;
  }
  /// 0 to bound-1; 0 when bound is 0. The bias (bound / 2^64) does not matter to a simulation.
  uint64_t below(uint64_t bound) {
    return static_cast<uint64_t>(static_cast<unsigned __int128>(next()) * bound >> 64);
  }
  /// lowest to highest, both included.
  uint64_t between(uint64_t lowest, uint64_t highest) { return lowest + below(highest - lowest + 1); }
  Nanoseconds between(Nanoseconds lowest, Nanoseconds highest) {
    return Nanoseconds(lowest.count() +
                       static_cast<int64_t>(below(static_cast<uint64_t>((highest - lowest).count()) + 1)));
  }
  bool chance(double probability) { return static_cast<double>(next() >> 11) * 0x1.0p-53 < probability; }
  void fill(std::span<uint8_t> out) {
    for (uint8_t& byte : out) byte = static_cast<uint8_t>(next() >> 56);
  }
  /// An independent stream: draws of one concern then do not shift those of another.
  SimRandom fork(uint64_t label) { return SimRandom(next() ^ mix64(label)); }

 private:
  std::array<uint64_t, 4> state_;
};

}  // namespace ashlar::loop
