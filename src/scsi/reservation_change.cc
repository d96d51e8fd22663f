// How a change of reservations is decided once, and known to every nexus before it is answered.
#include <algorithm>

#include "scsi/nexus_impl.h"
#include "scsi/persistent_reserve.h"

namespace ashlar::scsi {
namespace {

// A change under way; lives until the last shard has said that it knows.
struct Pending {
  unit::ReservationOutcome outcome;
  std::shared_ptr<const unit::Reservations> after;
  size_t left = 0;
  uint32_t asker = 0;
  loop::Event answered;  // on the asker's shard
};

void answer(loop::Shards& shards, const std::shared_ptr<Pending>& pending) {
  shards.send(pending->asker, [pending] { pending->answered.set(); });
}

void tell_every_shard(Domain::Group& group, const std::string& volume,
                      const std::shared_ptr<Pending>& pending) {
  loop::Shards& shards = group.front()->loop().shards();
  pending->left = group.size();
  for (const auto& domain : group) {
    shards.send(domain->loop().index(), [there = &domain->impl(), volume, pending, &shards] {
      there->take_reservations(volume, pending->after, pending->outcome, [pending, &shards] {
        shards.send(0, [pending, &shards] {
          if (--pending->left == 0) answer(shards, pending);
        });
      });
    });
  }
}

// On the home shard, so that changes of one unit have one order.
void decide(Domain::Group& group, UnitState& state, const std::string& volume,
            const unit::ReservationRequest& request, const std::shared_ptr<Pending>& pending) {
  pending->outcome = unit::apply(*state.reservations(), request);
  if (pending->outcome.status != unit::ReservationStatus::good)
    return answer(group.front()->loop().shards(), pending);
  pending->after = std::make_shared<const unit::Reservations>(pending->outcome.after);
  state.set_reservations(pending->after);
  tell_every_shard(group, volume, pending);
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

loop::Task<unit::ReservationStatus> change_reservations(Domain& domain, std::shared_ptr<UnitState> state,
                                                        std::string volume,
                                                        unit::ReservationRequest request) {
  const auto pending = std::make_shared<Pending>();
  pending->asker = domain.loop().index();
  Domain::Group& group = domain.impl().group;
  domain.loop().shards().send(
      0, [&group, state, volume, request, pending] { decide(group, *state, volume, request, pending); });
  co_await pending->answered;
  co_return pending->outcome.status;
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
    auto changing = change_reservations(self, state, volume, request);
    co_await changing;
  }
}

void Domain::Impl::take_reservations(const std::string& volume,
                                     const std::shared_ptr<const unit::Reservations>& now,
                                     const unit::ReservationOutcome& outcome,
                                     std::move_only_function<void()> done) {
  std::vector<Task*> tasks;
  std::vector<CopyOperation*> copies;
  for (NexusState& nexus : nexuses) {
    const unit::NexusName name = unit::name_of(nexus.nexus());
    const bool aborted = std::ranges::find(outcome.abort, name) != outcome.abort.end();
    if (aborted) collect_copies(nexus.impl(), {&volume, 1}, copies);
    for (auto& [number, state] : nexus.impl().luns) {
      if (state->volume != volume) continue;
      state->keep_out(*now, name);
      for (const auto& [who, attention] : outcome.tell) {
        if (who == name) state->attentions.raise(attention);
      }
      if (aborted) NexusState::Impl::collect(*state, tasks);
    }
    for (auto& state : nexus.impl().retired) {
      if (aborted && state->volume == volume) NexusState::Impl::collect(*state, tasks);
    }
  }
  abort(tasks, std::move(done), copies);
}

}  // namespace ashlar::scsi
