// ROD tokens of ODX (SPC-4 5.17.6): what stands for ranges of a unit until it expires, and works on every shard for whoever has it.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/result.h"
#include "loop/loop.h"
#include "scsi/unit_state.h"
#include "unit/logical_unit.h"
#include "wire/scsi_copy.h"

namespace ashlar::scsi {

/// The one type that is made: the bytes are those that the unit holds when the token is used, not when it was made. No
/// snapshot stands behind it, so that a point in time is not promised.
constexpr uint32_t access_upon_reference_rod = 0x00010000;
/// Nobody makes it, everybody has it: it writes zeroes (SBC-3 4.7.4).
constexpr uint32_t block_zero_rod = 0xffff0001;

constexpr uint32_t default_token_inactivity_seconds = 60;
constexpr uint32_t max_token_inactivity_seconds = 300;
constexpr uint32_t max_token_lifetime_seconds = 900;
constexpr uint64_t max_token_bytes = 256ull << 20;
constexpr uint64_t optimal_token_bytes = 64ull << 20;

struct RodToken {
  std::array<uint8_t, wire::scsi::rod_token_bytes> bytes{};
  uint64_t number = 0;  ///< COPY MANAGER ROD TOKEN IDENTIFIER
  unit::NexusName creator;
  std::string volume;
  std::shared_ptr<UnitState> state;
  std::vector<std::weak_ptr<unit::LogicalUnit>> unit_on_shard;
  uint32_t block_bytes = 512;
  std::vector<wire::scsi::BlockDeviceRange> ranges;
  uint64_t length = 0;  ///< bytes
  loop::Nanoseconds inactivity{};
  loop::Instant expires, dies;        ///< of RodTokens alone
  std::atomic<bool> revoked = false;  ///< its creator lost the mapping
};

/// All tokens of the array; any thread. They are in memory alone: none outlives the engine. Bounded.
class RodTokens {
 public:
  static constexpr size_t most = 1024;
  static constexpr size_t most_of_creator = 128;
  enum class Finding : uint8_t { valid, unknown, revoked };

  /// Gives it its number, its bytes (see below) and its time; false: no room. `secret` comes from the loop's chance.
  [[nodiscard]] bool add(const std::shared_ptr<RodToken>& token, const std::array<uint8_t, 64>& secret,
                         loop::Instant now);
  /// Every use prolongs it, up to its lifetime. Who has not all 512 bytes learns nothing: expired, deleted and never made are
  /// one answer.
  Finding use(ConstBytes bytes, loop::Instant now, std::shared_ptr<RodToken>& token);
  void remove(const RodToken& token);
  /// A host lost a unit: nothing that it had made of it is of use any more.
  void revoke(const unit::NexusName& creator, const std::string& volume);
  /// Those that `creator` made of `volume`, and no others: the bytes are all that it takes to read.
  std::vector<std::shared_ptr<RodToken>> of(const unit::NexusName& creator, const std::string& volume,
                                            loop::Instant now);

 private:
  void forget_expired(loop::Instant now);
  std::mutex mutex_;
  std::map<uint64_t, std::shared_ptr<RodToken>> tokens_;
  uint64_t last_number_ = 0;
};

}  // namespace ashlar::scsi
