#include "nvme/status.h"

namespace ashlar::nvme {

using unit::AccessState;
using unit::ReservationType;
using wire::nvme::AccessGroupState;
using wire::nvme::ReservationKind;

Outcome outcome_of(block::Status status, bool writing) {
  switch (status) {
    case block::Status::ok: return {};
    case block::Status::medium_error:
      return {writing ? Status::write_fault : Status::unrecovered_read_error, false};
    case block::Status::device_failed: return {Status::internal_error, false};
    case block::Status::no_space: return refusal(Status::capacity_exceeded);
    case block::Status::out_of_range: return refusal(Status::lba_out_of_range);
    case block::Status::read_only: return refusal(Status::namespace_write_protected);
    case block::Status::misaligned:
    case block::Status::unsupported: return refusal(Status::invalid_field);
    case block::Status::aborted: return {Status::namespace_not_ready, false};  // the unit is being closed
  }
  return {Status::internal_error, false};
}

bool is_device_error(const Outcome& outcome) {
  return outcome.status == Status::write_fault || outcome.status == Status::unrecovered_read_error ||
         outcome.status == Status::internal_error;
}

Outcome outcome_of(AccessState state) {
  switch (state) {
    case AccessState::transitioning: return {Status::access_transition, false};
    case AccessState::offline: return {Status::access_persistent_loss, false};
    default: return {Status::access_inaccessible, false};
  }
}

Outcome outcome_of(unit::ReservationStatus status) {
  switch (status) {
    case unit::ReservationStatus::good: return {};
    case unit::ReservationStatus::conflict: return refusal(Status::reservation_conflict);
    case unit::ReservationStatus::not_kept:
    case unit::ReservationStatus::insufficient_resources: return {Status::internal_error, false};
    default: return refusal(Status::invalid_field);
  }
}

Outcome rewrite_outcome(const unit::UnitRules& rules) {
  using Phase = unit::Rewriting::Phase;
  switch (rules.rewrite.phase()) {
    case Phase::formatting: return {Status::format_in_progress, false};
    case Phase::sanitize_failed:
    case Phase::sanitize_failed_restricted: return refusal(Status::sanitize_failed);
    case Phase::format_corrupt: return refusal(Status::namespace_not_ready);  // it is to be formatted again
    case Phase::sanitizing:
    case Phase::idle: break;  // it has just ended
  }
  return {Status::sanitize_in_progress, false};
}

AccessGroupState group_state_of(AccessState state) {
  switch (state) {
    case AccessState::active_optimized: return AccessGroupState::optimized;
    case AccessState::active_non_optimized: return AccessGroupState::non_optimized;
    case AccessState::offline: return AccessGroupState::persistent_loss;
    case AccessState::transitioning: return AccessGroupState::change;
    default: return AccessGroupState::inaccessible;  // standby, unavailable
  }
}

ReservationKind kind_of(ReservationType type) {
  switch (type) {
    case ReservationType::none: return ReservationKind::none;
    case ReservationType::write_exclusive: return ReservationKind::write_exclusive;
    case ReservationType::exclusive_access: return ReservationKind::exclusive_access;
    case ReservationType::write_exclusive_registrants_only:
      return ReservationKind::write_exclusive_registrants_only;
    case ReservationType::exclusive_access_registrants_only:
      return ReservationKind::exclusive_access_registrants_only;
    case ReservationType::write_exclusive_all_registrants:
      return ReservationKind::write_exclusive_all_registrants;
    case ReservationType::exclusive_access_all_registrants:
      return ReservationKind::exclusive_access_all_registrants;
  }
  return ReservationKind::none;
}

ReservationType type_of(uint8_t kind) {
  switch (static_cast<ReservationKind>(kind)) {
    case ReservationKind::write_exclusive: return ReservationType::write_exclusive;
    case ReservationKind::exclusive_access: return ReservationType::exclusive_access;
    case ReservationKind::write_exclusive_registrants_only:
      return ReservationType::write_exclusive_registrants_only;
    case ReservationKind::exclusive_access_registrants_only:
      return ReservationType::exclusive_access_registrants_only;
    case ReservationKind::write_exclusive_all_registrants:
      return ReservationType::write_exclusive_all_registrants;
    case ReservationKind::exclusive_access_all_registrants:
      return ReservationType::exclusive_access_all_registrants;
    default: return ReservationType::none;
  }
}

}  // namespace ashlar::nvme
