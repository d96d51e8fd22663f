#include "scsi/nexus_state.h"

#include <algorithm>

#include "scsi/allegiance.h"
#include "scsi/copy_operation.h"
#include "scsi/handling.h"
#include "scsi/nexus_impl.h"
#include "wire/scsi_lun.h"

namespace ashlar::scsi {

void Task::Ending::run() { task_.nexus_->impl().ended(task_); }

NexusState::Impl::Impl(NexusState& nexus, Domain& home)
    : self(nexus), domain(home), direct(direct_luns, nullptr) {
  well_known.well_known = true;
}

LunState* NexusState::Impl::find(uint16_t lun) {
  if (lun < direct_luns) [[likely]]
    return direct[lun];
  const auto found = luns.find(lun);
  return found == luns.end() ? nullptr : found->second.get();
}

LunState& NexusState::Impl::address(const std::array<uint8_t, 8>& lun) {
  const wire::scsi::LunAddress address = wire::scsi::decode_lun(lun);
  if (address.kind == wire::scsi::LunKind::report_luns) return well_known;
  LunState* found = address.kind == wire::scsi::LunKind::unit ? find(address.number) : nullptr;
  return found != nullptr ? *found : nowhere;
}

void NexusState::Impl::add_lun(const unit::LunMapping& mapping) {
  auto state = std::make_unique<LunState>();
  state->lun = mapping.lun;
  state->read_only = mapping.read_only;
  state->volume = mapping.volume;
  state->unit = mapping.unit_on_shard[domain.loop().index()];
  state->is_device = state->unit->passthrough() != nullptr;
  state->tally = &state->unit->tally().on(domain.loop().index());
  const unit::Geometry geometry = state->unit->geometry();
  state->kind = geometry.kind;
  state->state = domain.impl().unit_states().of(mapping.volume, state->unit->identity().uuid,
                                                geometry.write_cache, domain.loop().now());
  if (geometry.kind == unit::DeviceKind::cdrom) {
    state->state->has_tray = true;
    state->state->no_medium = geometry.size_bytes == 0;
  }
  state->keep_out(*state->state->reservations(), unit::name_of(self.nexus()));
  state->take_access(state->state->access()->of(self.nexus().relative_target_port).state);
  state->attentions.raise(unit::Attention::power_on);
  join_allegiance(*state, self.nexus());
  luns[mapping.lun] = std::move(state);
}

void NexusState::Impl::index() {
  std::fill(direct.begin(), direct.end(), nullptr);
  for (auto& [number, state] : luns) {
    if (number < direct_luns) direct[number] = state.get();
  }
}

// The LUN is not there any more: every task of it ends with LOGICAL UNIT NOT SUPPORTED, at once or when the device lets go.
void NexusState::Impl::retire(LunState& state) {
  state.allow_removal();
  give_up_unit(state);
  lose_allegiance(domain.impl(), state);
  copy_records.forget_lun(state.lun);
  domain.impl().rod_tokens().revoke(unit::name_of(self.nexus()), state.volume);
  for (Task& task : state.tasks.tasks())
    Handling(task).interrupt(Sense::of(SenseKey::illegal_request, 0x2500));
  const auto found = luns.find(state.lun);
  if (!state.tasks.empty()) retired.push_back(std::move(found->second));
  luns.erase(found);
}

void NexusState::Impl::collect(LunState& lun, std::vector<Task*>& out) {
  for (Task& task : lun.tasks.tasks()) out.push_back(&task);
}

void NexusState::Impl::collect(std::vector<Task*>& out) {
  for (auto& [number, state] : luns) collect(*state, out);
  for (auto& state : retired) collect(*state, out);
  collect(nowhere, out);
  collect(well_known, out);
}

void NexusState::Impl::start_waiting(LunState& lun) {
  while (Task* next = lun.tasks.next()) dispatch(Handling(*next));
}

void NexusState::Impl::ended(Task& task) {
  LunState& lun = *task.lun_state_;
  lun.tasks.remove(task);
  task.state_ = Task::State::idle;
  --in_flight;
  if (task.awaited_) domain.impl().ended(&task);
  start_waiting(lun);
  if (!retired.empty()) std::erase_if(retired, [](const auto& state) { return state->tasks.empty(); });
  maybe_closed();
  task.completed();  // last: the transport may free the task
}

void NexusState::Impl::maybe_closed() {
  if (!closing || !closed || in_flight > 0 || managing > 0) return;
  post_function(domain.loop(), std::exchange(closed, {}));
}

NexusState::NexusState(Domain& domain, unit::Nexus nexus, std::shared_ptr<const unit::HostView> view)
    : domain_(domain), nexus_(std::move(nexus)), impl_(std::make_unique<Impl>(*this, domain)) {
  impl_->view = std::move(view);
  for (const auto& [number, mapping] : impl_->view->luns) impl_->add_lun(mapping);
  impl_->index();
  domain_.impl().nexuses.push_back(*this);
}

NexusState::~NexusState() {
  CHECK(impl_->in_flight == 0 && impl_->managing == 0, "a nexus destroyed with {} tasks in flight",
        impl_->in_flight);
  for (auto& [number, state] : impl_->luns) state->allow_removal();
  domain_.impl().nexuses.remove(*this);
}

void NexusState::submit(Task& task) {
  CHECK(task.state_ == Task::State::idle && task.buffer.empty(), "a task submitted that is still in use");
  task.nexus_ = this;
  task.aborted_ = task.interrupted_ = task.awaited_ = task.passes_ = false;
  task.data_out_bytes = task.data_out_wanted_bytes = task.data_in_bytes = task.data_in_wanted_bytes = 0;
  task.status = ScsiStatus::good;
  task.descriptor_sense = task.relayed = false;
  task.opcode_ = nullptr;
  task.unit_command_.range_lock = 0;
  LunState& lun = impl_->address(task.lun);
  task.lun_state_ = &lun;
  ++impl_->in_flight;
  const bool now = lun.tasks.add(task);
  if (impl_->closing) [[unlikely]] {
    Handling(task).abort();
    if (task.state_ == Task::State::executing) Handling(task).end();
    return;
  }
  if (now) [[likely]]
    return dispatch(Handling(task));
  if (task.state_ == Task::State::executing) meet_allegiance(Handling(task));
}

void NexusState::data_out_arrived(Task& task) { Handling(task).data_arrived(); }

void NexusState::data_out_failed(Task& task, uint16_t code) {
  Handling(task).interrupt(Sense::of(SenseKey::aborted_command, code));
}

void NexusState::replace_view(std::shared_ptr<const unit::HostView> view) {
  bool changed = false;
  std::vector<LunState*> gone;
  for (auto& [number, state] : impl_->luns) {
    const auto found = view->luns.find(number);
    const bool same = found != view->luns.end() && found->second.volume == state->volume &&
                      found->second.unit_on_shard[domain_.loop().index()] == state->unit;
    if (same) {
      state->read_only = found->second.read_only;
    } else {
      gone.push_back(state.get());
    }
  }
  changed = !gone.empty();
  for (LunState* state : gone) impl_->retire(*state);
  for (const auto& [number, mapping] : view->luns) {
    if (impl_->luns.contains(number)) continue;
    impl_->add_lun(mapping);
    changed = true;
  }
  const bool device_changed = view->target_ports != impl_->view->target_ports ||
                              view->management_addresses != impl_->view->management_addresses;
  impl_->view = std::move(view);
  impl_->index();
  if (device_changed) {  // VPD pages 85h and 88h are others now
    for (auto& [number, state] : impl_->luns) state->attentions.raise(unit::Attention::inquiry_data_changed);
  }
  if (!changed) return;
  for (auto& [number, state] : impl_->luns) state->attentions.raise(unit::Attention::luns_changed);
  if (impl_->listener && !impl_->luns.empty())
    impl_->listener(impl_->luns.begin()->first, unit::Attention::luns_changed);
}

void NexusState::on_news(Listener listener) { impl_->listener = std::move(listener); }

void NexusState::close(std::move_only_function<void()> closed) {
  CHECK(!impl_->closing, "a nexus closed twice");
  impl_->closing = true;
  impl_->closed = std::move(closed);
  // An I_T nexus loss allows removal (SPC-4 6.15), ends what RESERVE(6) got (SPC-2 5.5.1) and an ACA condition (SAM-5 5.10.6).
  for (auto& [number, state] : impl_->luns) {
    state->allow_removal();
    lose_allegiance(domain_.impl(), *state);
    impl_->give_up_unit(*state);
  }
  for (CopyOperation& copy : impl_->copies) copy.stop();
  std::vector<Task*> tasks;
  impl_->collect(tasks);
  for (Task* task : tasks) Handling(*task).abort();
  impl_->maybe_closed();
}

size_t NexusState::tasks_in_flight() const { return impl_->in_flight; }

}  // namespace ashlar::scsi
