// The content of a simulated file: what readers see, what is on stable storage, and the changes between the two.
#pragma once

#include <array>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"
#include "loop/sim_random.h"

namespace ashlar::loop {

/// Sparse bytes with a size; what was never written reads as zeroes.
class SimImage {
 public:
  static constexpr uint64_t page_bytes = 4096;

  uint64_t size() const { return size_; }
  void resize(uint64_t bytes);
  void read(uint64_t offset, Bytes out) const;    ///< zeroes past the end
  void write(uint64_t offset, ConstBytes bytes);  ///< grows the size when it ends past it
  void zero(uint64_t offset, uint64_t length,
            bool deallocate);  ///< whole pages lose their space when `deallocate`
  void allocate(uint64_t offset, uint64_t length);
  bool allocated(uint64_t offset) const { return pages_.contains(offset / page_bytes); }
  uint64_t allocated_bytes() const { return pages_.size() * page_bytes; }
  /// How many more bytes of space a write to this range would take.
  uint64_t missing_bytes(uint64_t offset, uint64_t length) const;

 private:
  using Page = std::array<uint8_t, page_bytes>;
  uint64_t size_ = 0;
  std::unordered_map<uint64_t, Page> pages_;
};

/// A file with a volatile cache in front of stable storage, after dm-log-writes: changes wait in order until a sync makes
/// those that were complete stable. Losing the power keeps, loses or tears each waiting change independently.
class SimContent {
 public:
  static constexpr uint64_t sector_bytes = 512;  ///< the most that is never torn

  const SimImage& current() const { return current_; }
  /// Applies a change and returns its id; `durable` ones are stable at once.
  uint64_t write(uint64_t offset, ConstBytes bytes, bool durable);
  uint64_t zero(uint64_t offset, uint64_t length, bool deallocate);
  uint64_t resize(uint64_t bytes);
  void allocate(uint64_t offset, uint64_t length);
  /// The change's owner was told that it is over, at `sequence` (increasing over all calls).
  void completed(uint64_t id, uint64_t sequence);
  /// What completed at or before `cutoff` becomes stable; younger changes do or do not.
  void sync(uint64_t cutoff, SimRandom& random);
  /// A sync failed: each waiting change may have been dropped for ever, as Linux drops dirty pages after a failed write
  /// back. Readers go on seeing it until the power is lost.
  void sync_failed(SimRandom& random);
  void power_lost(SimRandom& random);
  size_t waiting() const { return log_.size(); }

 private:
  static constexpr size_t most_waiting = 512;
  enum class Kind : uint8_t { write, zero, punch, resize };
  struct Change {
    uint64_t id;
    Kind kind;
    uint64_t offset;
    uint64_t length;
    std::vector<uint8_t> bytes;
    bool stable = false;
    bool dropped = false;
    uint64_t completed = UINT64_MAX;
  };
  static void apply(SimImage& image, const Change& change, uint64_t from, uint64_t to);
  uint64_t append(Change change, bool durable);
  void settle();
  SimImage current_;
  SimImage stable_;
  std::vector<Change> log_;
  uint64_t next_id_ = 1;
};

}  // namespace ashlar::loop
