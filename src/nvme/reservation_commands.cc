// Reservation Register, Acquire, Release and Report (NVMe base 2.0 7.2 to 7.5) on the one state machine of the unit. A
// registrant is a host, by whichever of its controllers.
#include <algorithm>

#include "nvme/domain.h"
#include "nvme/handlers.h"
#include "wire/nvme_reservation.h"

namespace ashlar::nvme {
namespace {

using unit::ReservationAction;
using unit::ReservationRequest;
using unit::ReservationStatus;

// CDW10: action in bits 2:0, IEKEY in 3, type in 15:8.
uint8_t action_of(const Submission& entry) { return entry.word(10) & 7; }
bool ignores_key(const Submission& entry) { return (entry.word(10) & 8) != 0; }

unit::NexusName asker(Handling handling) { return unit::name_of(handling.queue().controller().nexus); }

struct Keys {
  uint64_t current = 0, other = 0;  ///< CRKEY; NRKEY or PRKEY
};
Keys keys_of(const Buffer& buffer) {
  uint8_t bytes[16] = {};
  buffer.copy_out(0, Bytes(bytes).first(std::min<size_t>(sizeof bytes, buffer.size())));
  return {load_le64(bytes), load_le64(bytes + 8)};
}

// A request, or why there is none.
struct Translated {
  Outcome refusal;
  bool done = false;  ///< nothing is to be changed, and that is a success
  ReservationRequest request;
};
Translated refuse_request(Status status) { return {refusal(status), false, {}}; }

Translated register_request(Handling handling, const Keys& keys) {
  const Submission& entry = handling.entry();
  const auto now = handling.space().rules->reservations();
  const unit::Registration* own = now->find(asker(handling));
  const uint32_t persistence = entry.word(10) >> 30;  // CPTPL
  if (persistence == 1 || (persistence == 3 && !handling.queue().domain().governor().keeps()))
    return refuse_request(Status::invalid_field);
  Translated translated;
  ReservationRequest& request = translated.request;
  request.nexus = asker(handling);
  request.persist = persistence == 0 ? now->persist : persistence == 3;
  switch (action_of(entry)) {
    case 0:  // register: a second time only with the same key
      if (keys.other == 0) return refuse_request(Status::invalid_field);
      if (own != nullptr && own->key != keys.other) return refuse_request(Status::reservation_conflict);
      request.key = own == nullptr ? 0 : own->key;
      request.new_key = keys.other;
      break;
    case 1:  // unregister
      if (own == nullptr) return refuse_request(Status::reservation_conflict);
      request.key = keys.current;
      break;
    case 2:  // replace
      if (own == nullptr) return refuse_request(Status::reservation_conflict);
      if (keys.other == 0) return refuse_request(Status::invalid_field);
      request.key = keys.current;
      request.new_key = keys.other;
      break;
    default: return refuse_request(Status::invalid_field);
  }
  request.action = ignores_key(entry) && action_of(entry) != 0
                       ? ReservationAction::register_and_ignore_existing_key
                       : ReservationAction::register_key;
  return translated;
}

// IEKEY of Acquire and Release must be zero since 2.0; earlier hosts that set it mean their own key.
void take_own_key(Handling handling, ReservationRequest& request) {
  if (!ignores_key(handling.entry())) return;
  const auto now = handling.space().rules->reservations();
  if (const unit::Registration* own = now->find(request.nexus)) request.key = own->key;
}

Translated acquire_request(Handling handling, const Keys& keys) {
  const Submission& entry = handling.entry();
  Translated translated;
  ReservationRequest& request = translated.request;
  request.nexus = asker(handling);
  request.key = keys.current;
  request.type = type_of(static_cast<uint8_t>(entry.word(10) >> 8 & 0xff));
  if (request.type == unit::ReservationType::none) return refuse_request(Status::invalid_field);
  switch (action_of(entry)) {
    case 0: request.action = ReservationAction::reserve; break;
    case 1: request.action = ReservationAction::preempt; break;
    case 2: request.action = ReservationAction::preempt_and_abort; break;
    default: return refuse_request(Status::invalid_field);
  }
  request.new_key = keys.other;
  take_own_key(handling, request);
  return translated;
}

Translated release_request(Handling handling, const Keys& keys) {
  const Submission& entry = handling.entry();
  Translated translated;
  ReservationRequest& request = translated.request;
  request.nexus = asker(handling);
  request.key = keys.current;
  switch (action_of(entry)) {
    case 0:
      request.action = ReservationAction::release;
      request.type = type_of(static_cast<uint8_t>(entry.word(10) >> 8 & 0xff));
      break;
    case 1: request.action = ReservationAction::clear; break;
    default: return refuse_request(Status::invalid_field);
  }
  take_own_key(handling, request);
  return translated;
}

using Translate = Translated (*)(Handling, const Keys&);

loop::Task<void> reservation_story(Handling handling, Translate translate) {
  DataOut data(handling);
  const bool arrived = co_await data;
  if (!arrived) {
    handling.end();
    co_return;
  }
  Translated translated = translate(handling, keys_of(handling.command().buffer));
  if (!translated.refusal.ok()) {
    handling.fail(translated.refusal);
    co_return;
  }
  auto changing = handling.queue().domain().governor().change_reservations(
      handling.space().rules, handling.space().volume, std::move(translated.request));
  const ReservationStatus status = co_await changing;
  handling.finish(outcome_of(status));
}

void change(Handling handling, uint32_t data_bytes, Translate translate) {
  if (handling.expect(data_bytes)) reservation_story(handling, translate).detach();
}

}  // namespace

void reservation_register(Handling handling) { change(handling, 16, register_request); }
void reservation_acquire(Handling handling) { change(handling, 16, acquire_request); }
void reservation_release(Handling handling) { change(handling, 8, release_request); }

void reservation_report(Handling handling) {
  const auto now = handling.space().rules->reservations();
  wire::nvme::ReservationReport report;
  report.generation = now->generation;
  report.kind = kind_of(now->type);
  report.persists = now->persist;
  const auto controllers =
      handling.queue().domain().controllers().of_subsystem(handling.queue().controller().facts.subsystem);
  for (const unit::Registration& each : now->registrations) {
    wire::nvme::Registrant registrant;
    registrant.host_id = host_id_of(each.nexus.initiator_port);
    registrant.holds = now->holds(each.nexus);
    registrant.key = each.key;
    for (const auto& controller : controllers) {
      if (unit::name_of(controller->nexus) == each.nexus) registrant.controller_id = controller->facts.id;
    }
    report.registrants.push_back(registrant);
  }
  const bool extended = (handling.entry().word(11) & 1) != 0;
  // Host identifiers of 64 bits are not ours: EXHID is always enabled (8.19.5).
  if (!extended) return handling.fail(Status::host_identifier_inconsistent);
  std::vector<uint8_t> data = encode(report, extended);
  const uint64_t wanted = (uint64_t{handling.entry().word(10)} + 1) * 4;
  data.resize(std::min<uint64_t>(wanted, handling.entry().data().length));
  handling.reply(data);
}

}  // namespace ashlar::nvme
