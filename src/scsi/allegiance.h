// Auto contingent allegiance (ACA, SAM-5 5.10) and queue error management (QERR, SPC-4 7.5.8): what a CHECK CONDITION does to the
// other commands of its task set, and who may do what until it is cleared.
#pragma once

#include "scsi/handling.h"
#include "scsi/nexus_impl.h"

namespace ashlar::scsi {

/// Decides on a command that came while an ACA condition stands, or with the ACA attribute: it runs at once or has ended.
void meet_allegiance(Handling handling);
/// What such a command of a nexus that is not the faulted one is told.
ScsiStatus refusal_in_allegiance(Handling handling);

enum class FaultOutcome : uint8_t {
  ends,     ///< it is answered now
  waits,    ///< Handling::post_end() comes when every shard has blocked or ended what the fault concerns
  blocked,  ///< another nexus's ACA condition came first: it waits for the end of that
};
/// A command is about to end with CHECK CONDITION.
FaultOutcome begin_fault(Handling handling);

/// Ends the ACA condition that this nexus has established, if any; `done` runs here, later, when every shard knows.
void end_allegiance(Domain::Impl& domain, LunState& lun, std::move_only_function<void()> done);
/// The nexus, or its mapping, goes: what still waits on it is ended by the caller, and no fault of it establishes anything.
void lose_allegiance(Domain::Impl& domain, LunState& lun);
/// The unit was reset, or the nexus preempted: every shard does the same for its own.
void reset_allegiance(LunState& lun);
/// A LUN that is new while the ACA condition of another nexus stands.
void join_allegiance(LunState& lun, const unit::Nexus& nexus);

/// SPC-4 5.13.11.2.6: the shared ACA condition ends with the preemption of who has established it. Its number; 0: none ends.
uint32_t preempted_allegiance(const UnitState& state, const unit::Reservations& before,
                              const unit::ReservationRequest& request,
                              const unit::ReservationOutcome& outcome);
/// PREEMPT AND ABORT of another nexus than the faulted one: it would end the ACA condition, or is answered with a conflict.
bool may_preempt_past_allegiance(Handling handling, const unit::ReservationRequest& request);

}  // namespace ashlar::scsi
