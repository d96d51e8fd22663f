#include "scsi/unit_state.h"

namespace ashlar::scsi {

SharedAllegiance UnitState::begin_allegiance(const unit::Nexus& faulted) {
  const std::lock_guard lock(mutex_);
  if (!allegiance_) allegiance_ = SharedAllegiance{++allegiances_, &faulted, unit::name_of(faulted)};
  return *allegiance_;
}

void UnitState::end_allegiance(uint32_t number) {
  const std::lock_guard lock(mutex_);
  if (allegiance_ && allegiance_->number == number) allegiance_.reset();
}

std::shared_ptr<UnitState> UnitStates::of(const std::string& volume, const Uuid& uuid, bool write_cache,
                                          loop::Instant now) {
  const std::lock_guard lock(mutex_);
  // Volumes come and go: what nobody maps and says nothing is forgotten here, so that the map stays as small as the array.
  std::erase_if(states_, [](const auto& entry) {
    return entry.second.use_count() == 1 && entry.second->tells_nothing();
  });
  std::shared_ptr<UnitState>& state = states_[volume];
  if (state && state->uuid == uuid) return state;
  state = std::make_shared<UnitState>(uuid, write_cache, now);
  return state;
}

std::shared_ptr<UnitState> UnitStates::find(const std::string& volume) {
  const std::lock_guard lock(mutex_);
  const auto found = states_.find(volume);
  return found == states_.end() ? nullptr : found->second;
}

std::map<std::string, std::shared_ptr<UnitState>> UnitStates::of_group(const std::string& group) {
  const std::lock_guard lock(mutex_);
  std::map<std::string, std::shared_ptr<UnitState>> members;
  for (const auto& [volume, state] : states_) {
    if (state->access()->group == group) members.emplace(volume, state);
  }
  return members;
}

}  // namespace ashlar::scsi
