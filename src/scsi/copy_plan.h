// From an EXTENDED COPY parameter list to units and byte ranges: everything is looked up and checked before the first byte moves.
#pragma once

#include <expected>
#include <vector>

#include "scsi/copy_operation.h"
#include "wire/scsi_copy.h"

namespace ashlar::scsi {

struct PlannedSegment {
  uint16_t number = 0;  ///< of the segment descriptor
  size_t source = 0;    ///< into CopyPlan::units
  size_t destination = 0;
  uint64_t source_offset = 0, destination_offset = 0, bytes = 0;  ///< bytes 0: nothing to copy
};
struct CopyPlan {
  std::vector<CopyUnit> units;
  std::vector<PlannedSegment> segments;
};

/// CSCD descriptors are looked for among the units that the nexus of `handling` maps, and nowhere else: of others a host must
/// learn nothing, not even that they are there. The sense says what is wrong, and with which segment.
std::expected<CopyPlan, Sense> plan_copy(Handling handling, const wire::scsi::CopyList& list);

/// The sense of a parameter list that cannot be understood.
Sense sense_of(const wire::scsi::CopyListProblem& problem);

}  // namespace ashlar::scsi
