// How a change of reservations is decided once, and known to every nexus before it is answered.
#include <algorithm>

#include "base/log.h"
#include "scsi/allegiance.h"
#include "scsi/nexus_impl.h"
#include "scsi/persistent_reserve.h"

namespace ashlar::scsi {

// A change under way; lives until the last shard has said that it knows.
struct ReservationChange {
  unit::ReservationRequest request;
  unit::ReservationOutcome outcome;
  std::shared_ptr<const unit::Reservations> after;
  uint32_t allegiance = 0;  ///< number of the ACA condition that it ends
  size_t left = 0;
  uint32_t asker = 0;
  loop::Event answered;  // on the asker's shard
};

namespace {

using Pending = ReservationChange;

void answer(loop::Shards& shards, const std::shared_ptr<Pending>& pending) {
  shards.send(pending->asker, [pending] { pending->answered.set(); });
}

void tell_every_shard(Domain::Group& group, const std::string& volume,
                      const std::shared_ptr<Pending>& pending) {
  loop::Shards& shards = group.front()->loop().shards();
  pending->left = group.size();
  for (const auto& domain : group) {
    shards.send(domain->loop().index(), [there = &domain->impl(), volume, pending, &shards] {
      std::move_only_function<void()> through = [pending, &shards] {
        shards.send(0, [pending, &shards] {
          if (--pending->left == 0) answer(shards, pending);
        });
      };
      there->take_reservations(volume, pending->after, pending->outcome, pending->allegiance,
                               std::move(through));
    });
  }
}

// RESERVE(6) ends with its nexus, so nothing of it is worth keeping.
bool worth_keeping(const unit::Reservations& before, unit::Reservations after) {
  after.unit_holder = before.unit_holder;
  return before != after;
}

// Written down before anybody knows of it: who was told that it holds the unit still does after a crash.
loop::Task<void> decide(Domain::Group& group, std::shared_ptr<UnitState> state, std::string volume,
                        std::shared_ptr<Pending> pending) {
  loop::Shards& shards = group.front()->loop().shards();
  const std::shared_ptr<const unit::Reservations> before = state->reservations();
  pending->outcome = unit::apply(*before, pending->request);
  if (pending->outcome.status != unit::ReservationStatus::good) {
    answer(shards, pending);
    co_return;
  }
  pending->after = std::make_shared<const unit::Reservations>(pending->outcome.after);
  unit::Keeper* const keeper = group.front()->impl().keeper;
  if (keeper != nullptr && worth_keeping(*before, *pending->after)) {
    auto keeping = keeper->keep(state->uuid, pending->after);
    const Result<void> kept = co_await keeping;
    if (!kept) {
      log_error("scsi", "reservations of volume {} stay as they are, for they cannot be kept: {}", volume,
                kept.error().text());
      pending->outcome = {
          .status = unit::ReservationStatus::not_kept, .after = *before, .tell = {}, .abort = {}};
      answer(shards, pending);
      co_return;
    }
  }
  pending->allegiance = preempted_allegiance(*state, *before, pending->request, pending->outcome);
  if (pending->allegiance != 0) state->end_allegiance(pending->allegiance);
  state->set_reservations(pending->after);
  tell_every_shard(group, volume, pending);
}

// On the home shard, so that changes of one unit have one order.
loop::Task<void> work_off(Domain::Group& group, std::shared_ptr<UnitState> state, std::string volume) {
  state->changing = true;
  while (!state->waiting_changes.empty()) {
    const std::shared_ptr<Pending> pending = std::move(state->waiting_changes.front());
    state->waiting_changes.pop_front();
    auto deciding = decide(group, state, volume, pending);
    co_await deciding;
  }
  state->changing = false;
}

// What has its answer touches the medium no more, and is not waited for: a fault keeps its answer back until what QERR ends has
// ended, which may be the command that preempts. Aborted, it is answered to nobody.
void leave_answered(Doomed& doomed) {
  const auto answered = [](Task* task) { return Handling(*task).completing(); };
  for (Task* task : doomed.tasks) {
    if (answered(task)) Handling(*task).abort();
  }
  std::erase_if(doomed.tasks, answered);
  std::erase_if(doomed.told, answered);
}

loop::Task<void> give_up(NexusState::Impl& nexus, std::shared_ptr<UnitState> state, std::string volume) {
  unit::ReservationRequest request;
  request.action = unit::ReservationAction::end_unit_reservation;
  request.nexus = unit::name_of(nexus.self.nexus());
  auto changing = change_reservations(nexus.domain, std::move(state), std::move(volume), request);
  co_await changing;
  --nexus.managing;
  nexus.maybe_closed();
}

}  // namespace

loop::Task<std::map<std::string, std::set<std::string>>> known_ports(Domain& domain, std::string volume,
                                                                     std::vector<std::string> nodes) {
  using Ports = std::map<std::string, std::set<std::string>>;
  Domain::Group& group = domain.impl().group;
  std::vector<Ports> found(group.size());  // each shard writes its own
  std::function<void(loop::Loop&)> look = [&](loop::Loop& loop) {
    group[loop.index()]->impl().find_ports(volume, nodes, found[loop.index()]);
  };
  auto looking = loop::on_every_shard(domain.loop().shards(), std::move(look));
  co_await looking;
  Ports all;
  for (const std::string& node : nodes) all[node];
  for (Ports& each : found) {
    for (auto& [node, ports] : each) all[node].merge(ports);
  }
  co_return all;
}

void Domain::Impl::find_ports(const std::string& volume, const std::vector<std::string>& nodes,
                              std::map<std::string, std::set<std::string>>& out) {
  for (NexusState& nexus : nexuses) {
    const unit::Nexus& names = nexus.nexus();
    const auto maps = [&volume](const auto& lun) { return lun.second->volume == volume; };
    if (std::ranges::find(nodes, names.initiator_name) == nodes.end()) continue;
    if (std::ranges::any_of(nexus.impl().luns, maps)) out[names.initiator_name].insert(names.initiator_port);
  }
}

loop::Task<unit::ReservationStatus> change_reservations(Domain& domain, std::shared_ptr<UnitState> state,
                                                        std::string volume,
                                                        unit::ReservationRequest request) {
  const auto pending = std::make_shared<Pending>();
  pending->request = std::move(request);
  pending->asker = domain.loop().index();
  Domain::Group& group = domain.impl().group;
  domain.loop().shards().send(0, [&group, state, volume, pending] {
    state->waiting_changes.push_back(pending);
    if (!state->changing) work_off(group, state, volume).detach();
  });
  co_await pending->answered;
  co_return pending->outcome.status;
}

loop::Task<unit::ReservationStatus> Domain::clear_reservations(std::string volume) {
  const std::shared_ptr<UnitState> state = impl_->unit_states().find(volume);
  if (state == nullptr) co_return unit::ReservationStatus::good;
  unit::ReservationRequest request;
  request.action = unit::ReservationAction::clear_for_administrator;
  auto changing = scsi::change_reservations(*this, state, volume, std::move(request));
  co_return co_await changing;
}

void NexusState::Impl::give_up_unit(LunState& lun) {
  if (!lun.holds_unit) return;
  ++managing;
  give_up(*this, lun.state, lun.volume).detach();
}

loop::Task<void> Domain::Impl::end_unit_reservations(std::vector<std::string> volumes) {
  for (const std::string& volume : volumes) {
    const std::shared_ptr<UnitState> state = unit_states().find(volume);
    if (state == nullptr || !state->reservations()->unit_holder) continue;
    unit::ReservationRequest request;
    request.action = unit::ReservationAction::end_unit_reservation;
    auto changing = scsi::change_reservations(self, state, volume, request);
    co_await changing;
  }
}

void Domain::Impl::take_reservations(const std::string& volume,
                                     const std::shared_ptr<const unit::Reservations>& now,
                                     const unit::ReservationOutcome& outcome, uint32_t allegiance,
                                     std::move_only_function<void()> done) {
  Doomed doomed;
  std::vector<LunState*> ended;  // their own ACA conditions
  for (NexusState& nexus : nexuses) {
    const unit::NexusName name = unit::name_of(nexus.nexus());
    const bool aborted = std::ranges::find(outcome.abort, name) != outcome.abort.end();
    if (aborted) collect_copies(nexus.impl(), {&volume, 1}, doomed.copies);
    for (auto& [number, state] : nexus.impl().luns) {
      if (state->volume != volume) continue;
      state->keep_out(*now, name);
      if (aborted && state->allegiance == Allegiance::of_nexus) ended.push_back(state.get());
      for (const auto& [who, attention] : outcome.tell) {
        if (who == name) state->attentions.raise(attention);
      }
      const bool tell = state->state->task_aborted_status.load(std::memory_order_relaxed);
      if (aborted) NexusState::Impl::collect(*state, tell ? doomed.told : doomed.tasks);
    }
    for (auto& state : nexus.impl().retired) {
      if (!aborted || state->volume != volume) continue;
      const bool tell = state->state->task_aborted_status.load(std::memory_order_relaxed);
      NexusState::Impl::collect(*state, tell ? doomed.told : doomed.tasks);
    }
  }
  const std::function<void()> all_ended = count_down(1 + subjects.size(), std::move(done));
  for (unit::Subject* subject : subjects) subject->take_reservations(volume, *now, outcome, all_ended);
  leave_answered(doomed);
  abort(doomed, all_ended);
  for (LunState* lun : ended) reset_allegiance(*lun);
  if (allegiance != 0) thaw(volume, allegiance);
}

loop::Task<unit::ReservationStatus> Domain::change_reservations(std::shared_ptr<unit::UnitRules> rules,
                                                                std::string volume,
                                                                unit::ReservationRequest request) {
  auto state = std::static_pointer_cast<UnitState>(std::move(rules));
  auto changing = scsi::change_reservations(*this, std::move(state), std::move(volume), std::move(request));
  co_return co_await changing;
}

}  // namespace ashlar::scsi
