// What all copies of one shard may take together, so that no host's copies starve another's, or plain reads and writes.
#pragma once

#include <cstdint>
#include <map>

#include "unit/nexus.h"

namespace ashlar::unit {

/// One a shard, for all protocols. Every copy that was admitted leaves once.
class CopyBudget {
 public:
  static constexpr uint32_t most_copies = 64;
  static constexpr uint32_t most_copies_of_nexus = 16;
  /// Lanes beyond each copy's first one; those are larger and only speed it up.
  static constexpr uint32_t most_extra_lanes = 32;

  /// False: too many run already, of the shard or of this nexus.
  [[nodiscard]] bool admit(const Nexus& nexus);
  void leave(const Nexus& nexus);
  [[nodiscard]] bool take_lane();
  void give_lane();
  uint32_t copies() const { return copies_; }

 private:
  std::map<const Nexus*, uint32_t> of_nexus_;
  uint32_t copies_ = 0;
  uint32_t extra_lanes_ = 0;
};

}  // namespace ashlar::unit
