// Errors of the unit and its device as NVMe says them: the one place where they are translated.
#pragma once

#include "block/request.h"
#include "unit/access.h"
#include "unit/governor.h"
#include "unit/reservations.h"
#include "wire/nvme_log.h"
#include "wire/nvme_reservation.h"
#include "wire/nvme_status.h"

namespace ashlar::nvme {

using wire::nvme::Outcome;
using wire::nvme::refusal;
using wire::nvme::Status;

/// Of a request that has ended; `writing`: it was to change the medium.
Outcome outcome_of(block::Status status, bool writing);
/// The medium or the device has failed, whatever the host asked for: such errors are counted.
bool is_device_error(const Outcome& outcome);
/// Of a command that an access state does not let through (NVMe base 2.0 8.1).
Outcome outcome_of(unit::AccessState state);
Outcome outcome_of(unit::ReservationStatus status);
/// Of a command that needs the medium while that is rewritten, or after that failed.
Outcome rewrite_outcome(const unit::UnitRules& rules);

wire::nvme::AccessGroupState group_state_of(unit::AccessState state);
wire::nvme::ReservationKind kind_of(unit::ReservationType type);
/// none for numbers that are not there.
unit::ReservationType type_of(uint8_t kind);

}  // namespace ashlar::nvme
