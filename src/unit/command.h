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

  /// Fills `request` for bytes [offset, offset + length); the caller adds done, parts and what else there is to it.
  block::Request& prepare(block::Operation operation, uint64_t offset, uint64_t length) {
    request.operation = operation;
    request.durable = request.may_discard = request.atomic = false;
    request.offset = offset;
    request.length = length;
    request.parts = {};
    return request;
  }
  /// Ends `request` without the unit, as aborted: it came before a rewriting of the medium, and may not be seen after it.
  void refuse() {
    request.begin();
    request.complete(block::Status::aborted);
  }
};
using CommandList = IntrusiveList<Command, UnitCommandTag>;

}  // namespace ashlar::unit
