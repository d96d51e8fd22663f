// A command to a logical unit, whatever protocol brought it.
#pragma once

#include <cstdint>

#include "base/intrusive_list.h"
#include "block/request.h"
#include "unit/nexus.h"

namespace ashlar::unit {

struct UnitCommandTag;

/// Lives in the protocol's pooled command. The unit checks access, read-only and range locks, then hands `request` to the
/// device; it calls request.begin() itself. `request.done` is called exactly once from the ready list, whatever happens
/// (also for refusals, with the status that says why). Offsets and lengths are bytes.
struct Command : ListNode<UnitCommandTag> {
  const Nexus* nexus = nullptr;
  bool mapping_read_only = false;  ///< this host may not write, whatever the unit says
  uint64_t range_lock =
      0;  ///< RangeLock::id of the lock that its own story holds and this write goes under; 0: none
  block::Request request;
};
using CommandList = IntrusiveList<Command, UnitCommandTag>;

}  // namespace ashlar::unit
