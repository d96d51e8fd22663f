// PERSISTENT RESERVE IN and OUT (SPC-4 6.15, 6.16), RESERVE and RELEASE (SPC-2 7.21 to 7.24) as commands.
#include "scsi/allegiance.h"
#include "scsi/handlers.h"
#include "scsi/nexus_impl.h"
#include "scsi/persistent_reserve.h"

namespace ashlar::scsi {
namespace {

// 24 bytes and, with SPEC_I_PT, a TransportID for each of some thirty ports.
constexpr uint32_t max_list_bytes = 8192;

// RESERVATION CONFLICT is a status of its own; the rest is ILLEGAL REQUEST.
void finish(Handling handling, unit::ReservationStatus status) {
  using Status = unit::ReservationStatus;
  switch (status) {
    case Status::good: return handling.good();
    case Status::conflict: return handling.fail_status(ScsiStatus::reservation_conflict);
    case Status::invalid_request: return handling.fail(Sense::invalid_cdb_field(1, 4));
    case Status::invalid_key: return handling.fail(Sense::invalid_parameter_field(8, -1));
    case Status::invalid_destination: return handling.fail(Sense::invalid_parameter_field(24, -1));
    case Status::invalid_release: return handling.fail(Sense::of(SenseKey::illegal_request, 0x2604));
    case Status::not_kept: return handling.fail(Sense::of(SenseKey::hardware_error, 0x4400));
    case Status::insufficient_resources: return handling.fail(Sense::of(SenseKey::illegal_request, 0x5504));
  }
}

loop::Task<void> ask(Handling handling, unit::ReservationRequest request) {
  Domain& domain = handling.nexus().domain();
  const std::shared_ptr<UnitState> state = handling.lun().state;
  const std::string volume = handling.lun().volume;
  auto changing = change_reservations(domain, state, volume, request);
  const unit::ReservationStatus status = co_await changing;
  if (!handling.interrupted()) {
    finish(handling, status);
    co_return;
  }
  // The nexus goes, or was reset, and does not know what it holds.
  if (request.action == unit::ReservationAction::reserve_unit) {
    request.action = unit::ReservationAction::end_unit_reservation;
    auto ending = change_reservations(domain, state, volume, request);
    co_await ending;
  }
  handling.end();
}

loop::Task<void> reserve(Handling handling, uint32_t list_bytes) {
  DataOut data(handling);
  const bool arrived = co_await data;
  if (!arrived) {
    handling.end();
    co_return;
  }
  std::vector<uint8_t> list(list_bytes);
  handling.task().buffer.copy_out(0, list);
  NexusState& nexus = handling.nexus();
  const ReserveOutContext context{.nexus = unit::name_of(nexus.nexus()),
                                  .target_ports = nexus.impl().view->target_ports,
                                  .keeps = nexus.domain().impl().keeps()};
  auto request = parse_reserve_out(handling.cdb(), list, context);
  if (!request) {
    handling.fail(request.error());
    co_return;
  }
  std::vector<std::string> nodes = named_nodes(*request);
  if (!nodes.empty()) {
    auto looking = known_ports(nexus.domain(), handling.lun().volume, std::move(nodes));
    const auto ports = co_await looking;
    if (handling.interrupted()) {
      handling.end();
      co_return;
    }
    if (!put_ports(*request, ports)) {
      handling.fail(Sense::invalid_parameter_field(24));
      co_return;
    }
  }
  if (handling.lun().allegiance == Allegiance::of_another &&
      !may_preempt_past_allegiance(handling, *request)) {
    handling.fail_status(refusal_in_allegiance(handling));
    co_return;
  }
  auto asking = ask(handling, *request);
  co_await asking;
}

unit::ReservationRequest of_unit(Handling handling, unit::ReservationAction action) {
  unit::ReservationRequest request;
  request.action = action;
  request.nexus = unit::name_of(handling.nexus().nexus());
  return request;
}

}  // namespace

void persistent_reserve_in(Handling handling) {
  const auto action = static_cast<ReserveIn>(handling.cdb()[1] & 0x1f);
  const bool keeps = handling.nexus().domain().impl().keeps();
  handling.reply(reserve_in_data(action, *handling.state().reservations(), keeps),
                 load_be16(handling.cdb() + 7));
}

void persistent_reserve_out(Handling handling) {
  const uint32_t list_bytes = load_be32(handling.cdb() + 5);
  if (list_bytes == 0) return handling.fail(Sense::parameter_list_length_error());
  if (handling.expect_list(list_bytes, max_list_bytes)) reserve(handling, list_bytes).detach();
}

void reserve_unit(Handling handling) {
  ask(handling, of_unit(handling, unit::ReservationAction::reserve_unit)).detach();
}

void release_unit(Handling handling) {
  ask(handling, of_unit(handling, unit::ReservationAction::release_unit)).detach();
}

bool refuse_reserved(Handling handling) {
  if (!handling.lun().kept_from_writing) return false;
  handling.fail_status(ScsiStatus::reservation_conflict);
  return true;
}

}  // namespace ashlar::scsi
