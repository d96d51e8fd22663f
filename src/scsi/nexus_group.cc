#include <algorithm>

#include "scsi/allegiance.h"
#include "scsi/copy_operation.h"
#include "scsi/handling.h"
#include "scsi/mode_parameters.h"
#include "scsi/nexus_impl.h"
#include "scsi/rewrite.h"

namespace ashlar::scsi {
Domain::Domain(loop::Loop& loop, Group& group, unit::Keeper* keeper)
    : loop_(loop), group_(group), impl_(std::make_unique<Impl>(*this, group, keeper)) {}

std::shared_ptr<unit::UnitRules> Domain::rules_of(const std::string& volume, unit::LogicalUnit& unit) {
  return impl_->unit_states().of(volume, unit.identity().uuid, unit.geometry().write_cache, loop_.now());
}

bool Domain::keeps() const { return impl_->keeps(); }

void Domain::add(unit::Subject& subject) { impl_->subjects.push_back(&subject); }

void Domain::remove(unit::Subject& subject) { std::erase(impl_->subjects, &subject); }

std::function<void()> Domain::Impl::count_down(size_t count, std::move_only_function<void()> done) {
  struct Countdown {
    size_t left;
    std::move_only_function<void()> done;
  };
  const auto countdown = std::make_shared<Countdown>(count, std::move(done));
  return [countdown] {
    if (--countdown->left == 0) countdown->done();
  };
}

Domain::~Domain() {
  CHECK(impl_->nexuses.empty(), "a domain destroyed with {} nexuses", impl_->nexuses.size());
}

void Domain::raise_everywhere(const std::string& volume, unit::Attention attention,
                              const unit::Nexus* except) {
  impl_->raise_here(volume, attention, except);
  for (const auto& domain : group_) {
    if (domain.get() == this) continue;
    loop_.shards().send(domain->loop().index(), [there = &domain->impl(), volume, attention, except] {
      there->raise_here(volume, attention, except);
    });
  }
}

void Domain::recall(const std::string& volume, unit::LogicalUnit& unit, unit::Recalled kept) {
  const std::shared_ptr<UnitState> state =
      impl_->unit_states().of(volume, unit.identity().uuid, unit.geometry().write_cache, loop_.now());
  // It is as configured now, whatever was known of it before it went away.
  state->default_write_cache = unit.geometry().write_cache;
  state->host_write_cache = false;
  if (*state->reservations() == unit::Reservations())
    state->set_reservations(std::make_shared<const unit::Reservations>(std::move(kept.reservations)));
  unit::recall_rewrite(*state, kept.rewrite, volume);
  recall_identifying_information(*state, kept.identifying_information, volume);
  if (!kept.mode_parameters.empty()) recall_mode_parameters(*state, unit, kept.mode_parameters, volume);
}

void Domain::resume_rewrite(const std::string& volume, std::shared_ptr<unit::LogicalUnit> unit,
                            const std::string& kept) {
  if (std::shared_ptr<UnitState> state = impl_->unit_states().find(volume))
    unit::resume_rewrite(rewritten(std::move(state), volume, std::move(unit)), kept);
}

// Who asked may be gone when it ends, and so may this domain: the group is not.
unit::Rewritten Domain::rewritten(std::shared_ptr<unit::UnitRules> rules, std::string volume,
                                  std::shared_ptr<unit::LogicalUnit> unit) {
  auto note = [&group = group_, &shards = loop_.shards(), volume](const unit::RewriteEvent& event) {
    shards.send(0, [&group, volume, event] {
      if (group.empty() || group.front() == nullptr || !group.front()->impl().rewrite_noted) return;
      group.front()->impl().rewrite_noted(volume, event);
    });
  };
  std::function<void()> tell = [&group = group_, &shards = loop_.shards(), volume = std::move(volume)] {
    for (uint32_t shard = 0; shard < group.size(); ++shard) {
      shards.send(shard, [&group, shard, volume] {
        if (group[shard] == nullptr) return;
        for (unit::Subject* subject : group[shard]->impl().subjects) subject->take_sanitized(volume);
      });
    }
  };
  return {std::move(rules), std::move(unit), impl_->records(), std::move(tell), std::move(note)};
}

std::shared_ptr<const unit::Reservations> Domain::reservations_of(const std::string& volume) {
  const std::shared_ptr<UnitState> state = impl_->unit_states().find(volume);
  return state == nullptr ? nullptr : state->reservations();
}

UnitStates& Domain::Impl::unit_states() { return group.empty() ? states : group.front()->impl().states; }

RodTokens& Domain::Impl::rod_tokens() { return group.empty() ? tokens : group.front()->impl().tokens; }

void Domain::Impl::raise_here(const std::string& volume, unit::Attention attention,
                              const unit::Nexus* except) {
  for (NexusState& nexus : nexuses) {
    if (&nexus.nexus() == except) continue;
    for (auto& [number, state] : nexus.impl().luns) {
      if (state->volume != volume) continue;
      state->attentions.raise(attention);
      if (attention == unit::Attention::capacity_changed && nexus.impl().listener)
        nexus.impl().listener(number, attention);
    }
  }
  for (unit::Subject* subject : subjects) subject->take_attention(volume, attention);
}

void Domain::Impl::spread(const std::string& volume, const loop::ScsiSense& sense, bool deferred,
                          const unit::Nexus* except) {
  spread_here(volume, sense, deferred, except);
  for (const auto& domain : group) {
    if (domain.get() == &self) continue;
    self.loop().shards().send(domain->loop().index(),
                              [there = &domain->impl(), volume, sense, deferred, except] {
                                there->spread_here(volume, sense, deferred, except);
                              });
  }
}

void Domain::Impl::spread_here(const std::string& volume, const loop::ScsiSense& sense, bool deferred,
                               const unit::Nexus* except) {
  for (NexusState& nexus : nexuses) {
    if (&nexus.nexus() == except) continue;
    for (auto& [number, state] : nexus.impl().luns) {
      if (state->volume != volume || (deferred && !state->wrote)) continue;
      if (std::ranges::find(state->news, sense) != state->news.end()) continue;
      if (state->news.size() == most_news) state->news.erase(state->news.begin());
      state->news.push_back(sense);
    }
  }
}

void Domain::Impl::abort(const Doomed& doomed, std::move_only_function<void()> done) {
  const auto& [tasks, told, copies] = doomed;
  if (tasks.empty() && told.empty() && copies.empty()) return post_function(self.loop(), std::move(done));
  for (Task* task : tasks) Handling(*task).abort();
  for (Task* task : told) Handling(*task).abort_told();
  for (CopyOperation* copy : copies) copy->stop();
  std::vector<const void*> left(tasks.begin(), tasks.end());
  left.insert(left.end(), told.begin(), told.end());
  left.insert(left.end(), copies.begin(), copies.end());
  waits.add(std::move(left), std::move(done));
}

void Domain::Impl::collect_copies(NexusState::Impl& nexus, std::span<const std::string> volumes,
                                  std::vector<CopyOperation*>& out) {
  for (CopyOperation& copy : nexus.copies) {
    if (std::ranges::any_of(volumes, [&](const std::string& volume) { return copy.touches(volume); }))
      out.push_back(&copy);
  }
}

void Domain::Impl::clear(std::span<const std::string> volumes, Clearing how, const unit::Nexus* issuer,
                         std::move_only_function<void()> done) {
  const auto concerned = [&](const LunState& lun) {
    return std::ranges::find(volumes, lun.volume) != volumes.end();
  };
  Doomed doomed;
  std::vector<LunState*> reset;
  for (NexusState& nexus : nexuses) {
    const bool others = &nexus.nexus() != issuer;
    collect_copies(nexus.impl(), volumes, doomed.copies);
    for (auto& [number, state] : nexus.impl().luns) {
      if (!concerned(*state)) continue;
      const bool had_tasks = !state->tasks.empty();
      const bool tell = state->state->task_aborted_status.load(std::memory_order_relaxed);
      if (others) NexusState::Impl::collect(*state, tell ? doomed.told : doomed.tasks);
      if (how == Clearing::task_set) {
        if (had_tasks && others && !tell) state->attentions.raise(unit::Attention::commands_cleared);
        continue;
      }
      state->allow_removal();  // SPC-4 6.15: a reset allows removal
      state->echo.clear();     // SPC-4 6.18.5
      reset.push_back(state.get());
      state->news.clear();  // a reset swallows what came before it
      state->attentions.raise(how == Clearing::unit_reset ? unit::Attention::reset_of_unit
                                                          : unit::Attention::reset_by_port);
    }
    for (auto& state : nexus.impl().retired) {
      if (!concerned(*state) || !others) continue;
      const bool tell = state->state->task_aborted_status.load(std::memory_order_relaxed);
      NexusState::Impl::collect(*state, tell ? doomed.told : doomed.tasks);
    }
  }
  abort(doomed, std::move(done));
  for (LunState* lun : reset) reset_allegiance(*lun);
}

void Domain::Impl::everywhere(const Part& part, std::move_only_function<void()> done) {
  struct Pending {
    size_t left;
    std::move_only_function<void()> done;
  };
  const auto pending = std::make_shared<Pending>(group.size(), std::move(done));
  loop::Shards& shards = self.loop().shards();
  const uint32_t home = self.loop().index();
  for (const auto& domain : group) {
    shards.send(domain->loop().index(), [there = &domain->impl(), part, pending, home, &shards] {
      part(*there, [pending, home, &shards] {
        shards.send(home, [pending] {
          if (--pending->left == 0) pending->done();
        });
      });
    });
  }
}

void Domain::Impl::clear_everywhere(std::vector<std::string> volumes, Clearing how, const unit::Nexus* issuer,
                                    std::move_only_function<void()> done) {
  everywhere(
      [volumes = std::move(volumes), how, issuer](Impl& there, std::move_only_function<void()> through) {
        there.clear(volumes, how, issuer, std::move(through));
      },
      std::move(done));
}

}  // namespace ashlar::scsi
