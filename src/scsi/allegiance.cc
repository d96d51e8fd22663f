#include "scsi/allegiance.h"

#include <algorithm>

namespace ashlar::scsi {
namespace {

using ReservationAction = unit::ReservationAction;

bool is_preempt_and_abort(const uint8_t* cdb) {
  return cdb[0] == 0x5f && (cdb[1] & 0x1f) == static_cast<uint8_t>(ReservationAction::preempt_and_abort);
}

bool has_other_aca_task(Handling handling) {
  const auto is_other = [&handling](Task& each) {
    return &each != &handling.task() && each.attribute == TaskAttribute::aca;
  };
  for (Task& each : handling.lun().tasks.tasks()) {
    if (is_other(each)) return true;
  }
  return false;
}

// SAM-5 5.10.4: of the faulted nexus one task with the ACA attribute at a time.
bool may_run(Handling handling) {
  const bool aca = handling.task().attribute == TaskAttribute::aca;
  if (handling.lun().is_faulted()) return aca && !has_other_aca_task(handling);
  return !aca && is_preempt_and_abort(handling.cdb());
}

// What was blocked is answered. One of them may end with CHECK CONDITION and establish the next condition: then the rest waits again.
void answer_blocked(LunState& lun) {
  lun.allegiance = Allegiance::none;
  lun.allegiance_number = 0;
  lun.tasks.thaw();
  while (Task* task = lun.tasks.next_blocked()) Handling(*task).end();
}

void start_again(LunState& lun) {
  answer_blocked(lun);
  NexusState::Impl::start_waiting(lun);
}

// What a fault ends of one LUN: not what has its answer already, as the faulted command has.
void collect_doomed(LunState& lun, bool own, Doomed& doomed) {
  const bool tell = !own && lun.state->task_aborted_status.load(std::memory_order_relaxed);
  std::vector<Task*>& doom = tell ? doomed.told : doomed.tasks;
  const size_t before = doom.size();
  for (Task& task : lun.tasks.tasks()) {
    if (!Handling(task).completing()) doom.push_back(&task);
  }
  if (!own && !tell && doom.size() > before) lun.attentions.raise(unit::Attention::commands_cleared);
}

// Blocks the task set of this nexus at once, and that of all others when take_fault() reaches them. False: the condition of another
// nexus came first, and has not been told here yet.
bool establish(LunState& lun, const unit::Nexus& nexus, Fault& fault) {
  if (!fault.shared) {
    lun.freeze(Allegiance::of_nexus, 0);
    return true;
  }
  const SharedAllegiance stands = lun.state->begin_allegiance(nexus);
  const bool own = stands.faulted == &nexus;
  fault.allegiance_number = stands.number;
  lun.freeze(own ? Allegiance::of_set : Allegiance::of_another, stands.number);
  return own;
}

// Then it is answered.
void spread(Handling handling, const Fault& fault, bool ends) {
  Domain::Impl& domain = handling.nexus().domain().impl();
  LunState& lun = handling.lun();
  auto settled = [handling, ends, &domain, &lun] {
    if (!ends) return handling.post_end();
    end_allegiance(domain, lun, [handling] { handling.post_end(); });
  };
  Domain::Impl::Part part = [volume = lun.volume, fault](Domain::Impl& there,
                                                         std::move_only_function<void()> through) {
    there.take_fault(volume, fault, std::move(through));
  };
  if (fault.shared) return domain.everywhere(part, std::move(settled));
  post_function(domain.self.loop(),
                [part = std::move(part), &domain, settled = std::move(settled)]() mutable {
                  part(domain, std::move(settled));
                });
}

}  // namespace

// SAM-5 5.10.5: BUSY lets a host that does not know of ACA conditions come again.
ScsiStatus refusal_in_allegiance(Handling handling) {
  if (handling.lun().is_faulted() || handling.task().attribute == TaskAttribute::aca)
    return ScsiStatus::aca_active;
  return asks_for_allegiance(handling.cdb()) ? ScsiStatus::aca_active : ScsiStatus::busy;
}

void meet_allegiance(Handling handling) {
  if (handling.lun().unit == nullptr) return dispatch(handling);
  if (handling.lun().allegiance == Allegiance::none)  // SAM-5 8.6.4: INVALID MESSAGE ERROR
    return handling.fail(Sense::of(SenseKey::illegal_request, 0x4900));
  const bool runs = may_run(handling);
  handling.pass();
  if (!runs) return handling.fail_status(refusal_in_allegiance(handling));
  dispatch(handling);
}

FaultOutcome begin_fault(Handling handling) {
  LunState& lun = handling.lun();
  if (lun.unit == nullptr || lun.leaving || lun.allegiance == Allegiance::of_another)
    return FaultOutcome::ends;
  UnitState& state = *lun.state;
  const unit::Nexus& nexus = handling.nexus().nexus();
  // Of a device that is passed through NORMACA is zero: NACA is refused, and its refusal establishes nothing.
  const bool asks = !lun.is_device && asks_for_allegiance(handling.cdb());
  // SAM-5 5.10.6: that of its own ACA command ends the condition, or goes on with it.
  const bool ends = lun.is_faulted() && !asks;
  Fault fault{.nexus = &nexus,
              .queue_errors = state.queue_errors.load(std::memory_order_relaxed),
              .establishes = asks && !lun.is_faulted(),
              .shared = !state.separate_task_sets.load(std::memory_order_relaxed)};
  if (!fault.establishes && !ends && fault.queue_errors == QueueErrors::ignored) return FaultOutcome::ends;
  if (fault.establishes && !establish(lun, nexus, fault)) {
    lun.tasks.block(handling.task());
    return FaultOutcome::blocked;
  }
  spread(handling, fault, ends);
  return FaultOutcome::waits;
}

void Domain::Impl::take_fault(const std::string& volume, const Fault& fault,
                              std::move_only_function<void()> done) {
  Doomed doomed;
  for (NexusState& nexus : nexuses) {
    const bool own = &nexus.nexus() == fault.nexus;
    if (!own && !fault.shared) continue;
    for (auto& [number, lun] : nexus.impl().luns) {
      if (lun->volume != volume) continue;
      const std::optional<SharedAllegiance> stands = lun->state->allegiance();  // it may be over already
      if (fault.establishes && fault.shared && stands && stands->number == fault.allegiance_number)
        lun->freeze(own ? Allegiance::of_set : Allegiance::of_another, stands->number);
      const bool ends = fault.queue_errors == QueueErrors::abort_all ||
                        (fault.queue_errors == QueueErrors::abort_own && own);
      if (ends) collect_doomed(*lun, own, doomed);
    }
  }
  abort(doomed, std::move(done));
}

void Domain::Impl::thaw(const std::string& volume, uint32_t allegiance_number) {
  for (NexusState& nexus : nexuses) {
    for (auto& [number, lun] : nexus.impl().luns) {
      if (lun->volume == volume && lun->allegiance_number == allegiance_number) start_again(*lun);
    }
  }
}

void end_allegiance(Domain::Impl& domain, LunState& lun, std::move_only_function<void()> done) {
  if (lun.allegiance == Allegiance::of_set) {
    const uint32_t number = lun.allegiance_number;
    lun.state->end_allegiance(number);
    domain.everywhere(
        [volume = lun.volume, number](Domain::Impl& there, std::move_only_function<void()> through) {
          there.thaw(volume, number);
          through();
        },
        std::move(done));
    return;
  }
  if (lun.allegiance == Allegiance::of_nexus) start_again(lun);
  post_function(domain.self.loop(), std::move(done));
}

void lose_allegiance(Domain::Impl& domain, LunState& lun) {
  lun.leaving = true;
  if (lun.allegiance == Allegiance::of_set) end_allegiance(domain, lun, [] {});
  if (lun.allegiance != Allegiance::none) answer_blocked(lun);
}

void reset_allegiance(LunState& lun) {
  if (lun.allegiance == Allegiance::none) return;
  lun.state->end_allegiance(lun.allegiance_number);
  start_again(lun);
}

void join_allegiance(LunState& lun, const unit::Nexus& nexus) {
  const std::optional<SharedAllegiance> stands = lun.state->allegiance();
  if (!stands) return;
  lun.freeze(stands->faulted == &nexus ? Allegiance::of_set : Allegiance::of_another, stands->number);
}

uint32_t preempted_allegiance(const UnitState& state, const unit::Reservations& before,
                              const unit::ReservationRequest& request,
                              const unit::ReservationOutcome& outcome) {
  if (request.action != ReservationAction::preempt_and_abort) return 0;
  const std::optional<SharedAllegiance> stands = state.allegiance();
  if (!stands || outcome.status != unit::ReservationStatus::good) return 0;
  const bool of_all = unit::all_registrants(before.type) && request.new_key == 0;
  const bool preempted = std::ranges::find(outcome.abort, stands->name) != outcome.abort.end();
  return of_all || preempted ? stands->number : 0;
}

bool may_preempt_past_allegiance(Handling handling, const unit::ReservationRequest& request) {
  const std::shared_ptr<const unit::Reservations> now = handling.state().reservations();
  if (unit::all_registrants(now->type)) return true;
  const unit::ReservationOutcome outcome = unit::apply(*now, request);
  return outcome.status != unit::ReservationStatus::good ||
         preempted_allegiance(handling.state(), *now, request, outcome) != 0;
}

}  // namespace ashlar::scsi
