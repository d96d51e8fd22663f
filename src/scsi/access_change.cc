// How a change of access states is decided once, and known to every nexus before it is answered.
#include "scsi/access.h"
#include "scsi/nexus_impl.h"

namespace ashlar::scsi {
namespace {

using Snapshot = std::shared_ptr<const unit::AccessStates>;

void put(AccessChanges& changes, const std::string& volume, UnitState& state, const Snapshot& now) {
  const Snapshot before = state.access();
  state.set_access(now);
  if (*before != *now) changes[volume] = {now, unit::news(*before, *now)};
}

loop::Task<void> tell_of_access(Domain::Group& group, AccessChanges changes, const unit::Nexus* asker) {
  if (changes.empty()) co_return;
  std::function<void(loop::Loop&)> tell = [&](loop::Loop& loop) {
    group[loop.index()]->impl().take_access(changes, asker);
  };
  auto telling = loop::on_every_shard(group.front()->loop().shards(), std::move(tell));
  co_await telling;
}

// On the home shard, so that changes of one group have one order.
loop::Task<unit::AccessOutcome> decide_access(Domain::Group& group, std::shared_ptr<UnitState> asked,
                                              unit::HostAccessChange change, const unit::Nexus* asker) {
  Domain::Impl& home = group.front()->impl();
  const Snapshot before = asked->access();
  unit::AccessOutcome outcome = unit::apply(*before, change);
  if (outcome.status != unit::AccessStatus::good || outcome.after == *before) co_return outcome;
  const auto now = std::make_shared<const unit::AccessStates>(outcome.after);
  home.access_groups[now->group] = now;
  AccessChanges changes;
  for (const auto& [volume, state] : home.unit_states().of_group(now->group))
    put(changes, volume, *state, now);
  if (home.access_changed) home.access_changed(*now);
  auto telling = tell_of_access(group, std::move(changes), asker);
  co_await telling;
  co_return outcome;
}

// A change under way, on the asker's shard.
struct PendingAccess {
  unit::AccessOutcome outcome;
  loop::Event answered;
};

loop::Task<void> decide_access_and_answer(Domain::Group& group, std::shared_ptr<UnitState> asked,
                                          unit::HostAccessChange change, const unit::Nexus* asker,
                                          uint32_t shard, std::shared_ptr<PendingAccess> pending) {
  loop::Shards& shards = group.front()->loop().shards();
  auto deciding = decide_access(group, std::move(asked), std::move(change), asker);
  pending->outcome = co_await deciding;
  shards.send(shard, [pending] { pending->answered.set(); });
}

}  // namespace

loop::Task<unit::AccessOutcome> change_access(Domain& domain, std::shared_ptr<UnitState> state,
                                              unit::HostAccessChange change, const unit::Nexus* asker) {
  const auto pending = std::make_shared<PendingAccess>();
  Domain::Group& group = domain.impl().group;
  const uint32_t here = domain.loop().index();
  domain.loop().shards().send(0, [&group, state, change, asker, here, pending] {
    decide_access_and_answer(group, state, change, asker, here, pending).detach();
  });
  co_await pending->answered;
  co_return pending->outcome;
}

loop::Task<void> Domain::set_access(AccessGroup group) {
  auto& in_force = impl_->access_groups;
  const std::string name = group.states.group;
  const auto found = in_force.find(name);
  const bool known = found != in_force.end();
  const unit::AccessStates before = known ? *found->second : unit::AccessStates{};
  const auto now = std::make_shared<const unit::AccessStates>(
      known && group.keep_states ? before : unit::apply(before, group.states));
  AccessChanges changes;
  for (const auto& [volume, unit] : group.units) {
    const auto state =
        impl_->unit_states().of(volume, unit->identity().uuid, unit->geometry().write_cache, loop_.now());
    put(changes, volume, *state, now);
  }
  const auto nobodys = std::make_shared<const unit::AccessStates>();
  for (const std::string& volume : group.leaving) {
    const auto state = impl_->unit_states().find(volume);
    if (state != nullptr && state->access()->group == name) put(changes, volume, *state, nobodys);
  }
  if (group.gone) {
    in_force.erase(name);
  } else {
    in_force[name] = now;
  }
  auto telling = tell_of_access(group_, std::move(changes), nullptr);
  co_await telling;
}

void Domain::forget_access(const std::string& volume) {
  if (const auto state = impl_->unit_states().find(volume))
    state->set_access(std::make_shared<const unit::AccessStates>());
}

std::shared_ptr<const unit::AccessStates> Domain::access_of(const std::string& group) const {
  const auto found = impl_->access_groups.find(group);
  return found == impl_->access_groups.end() ? nullptr : found->second;
}

void Domain::on_access_changed(std::function<void(const unit::AccessStates&)> heard) {
  impl_->access_changed = std::move(heard);
}

void Domain::on_rewrite(std::function<void(const std::string&, const unit::RewriteEvent&)> heard) {
  impl_->rewrite_noted = std::move(heard);
}

void Domain::Impl::take_access(const AccessChanges& changes, const unit::Nexus* asker) {
  for (NexusState& nexus : nexuses) {
    const uint16_t tag = nexus.nexus().relative_target_port;
    for (auto& [number, lun] : nexus.impl().luns) {
      const auto change = changes.find(lun->volume);
      if (change == changes.end()) continue;
      const auto& [now, news] = change->second;
      if (news.states && &nexus.nexus() != asker)
        lun->attentions.raise(news.failed ? unit::Attention::access_transition_failed
                                          : unit::Attention::asymmetric_access_changed);
      if (news.identity) lun->attentions.raise(unit::Attention::inquiry_data_changed);
      lun->take_access(now->of(tag).state);
      if (lun->access != unit::AccessState::transitioning) NexusState::Impl::go_on(*lun);
    }
  }
  for (const auto& [volume, change] : changes) {
    for (unit::Subject* subject : subjects) subject->take_access(volume, *change.now, change.news);
  }
}

}  // namespace ashlar::scsi
