#include "scsi/handling.h"

#include <algorithm>

#include "scsi/allegiance.h"
#include "scsi/nexus_impl.h"

namespace ashlar::scsi {

// The unit's tally of commands and blocks, in numbers that only this shard writes.
void Handling::count() const {
  unit::ShardTally& tally = *lun().tally;
  const bool failed =
      task_->status == ScsiStatus::check_condition &&
      (task_->sense.key == SenseKey::medium_error || task_->sense.key == SenseKey::hardware_error);
  unit::Count errors = unit::Count::write_errors;
  switch (opcode().tallied) {
    case Tallied::nothing: return;
    case Tallied::read:
      tally.add(unit::Count::read_commands, 1);
      tally.add(unit::Count::read_bytes, std::min(task_->data_in_bytes, task_->expected_data_in_bytes));
      errors = unit::Count::read_errors;
      break;
    case Tallied::write:
      tally.add(unit::Count::write_commands, 1);
      tally.add(unit::Count::written_bytes, task_->data_out_bytes);
      break;
    case Tallied::unmap: tally.add(unit::Count::write_commands, 1); break;
    case Tallied::modify: break;
    case Tallied::verified:
      if (task_->status == ScsiStatus::good) {
        const uint64_t blocks = wire::scsi::block_range(cdb()).blocks;
        tally.add(unit::Count::verified_bytes, blocks * unit().geometry().block_bytes);
      }
      errors = unit::Count::verify_errors;
      break;
  }
  if (failed) [[unlikely]]
    tally.add(errors, 1);
}

// SPC-4 7.5.8: with UA_INTLCK_CTRL 11b a host that was told to come again is told so again.
void Handling::interlock() const {
  LunState& lun_state = lun();
  if (lun_state.state == nullptr || lun_state.state->attention_interlock != AttentionInterlock::kept_busy)
    return;
  switch (task_->status) {
    case ScsiStatus::busy: return lun_state.attentions.raise(unit::Attention::busy_before);
    case ScsiStatus::task_set_full: return lun_state.attentions.raise(unit::Attention::task_set_full_before);
    case ScsiStatus::reservation_conflict:
      return lun_state.attentions.raise(unit::Attention::conflict_before);
    default: return;
  }
}

void Handling::end() const {
  CHECK(task_->state_ == Task::State::executing, "a task ended in state {}", static_cast<int>(task_->state_));
  if (lun().tasks.frozen() && is_blocked()) [[unlikely]]
    return lun().tasks.block(*task_);
  if (task_->status != ScsiStatus::good) [[unlikely]]
    return end_badly();
  task_->state_ = Task::State::completing;
  if (lun().tally != nullptr && task_->opcode_ != nullptr) count();
  post_end();
}

// SAM-5 5.10.2: no command of the task set completes while an ACA condition stands; one that is ended does.
bool Handling::is_blocked() const { return !task_->passes_ && !task_->awaited_; }

void Handling::end_badly() const {
  const bool checked = task_->status == ScsiStatus::check_condition && !task_->aborted_;
  const FaultOutcome outcome = checked ? begin_fault(*this) : FaultOutcome::ends;
  if (outcome == FaultOutcome::blocked) return;
  task_->state_ = Task::State::completing;
  if (!task_->relayed) task_->data_in_bytes = task_->data_in_wanted_bytes = 0;
  if (!task_->aborted_) interlock();
  if (checked && lun().state)
    task_->descriptor_sense = lun().state->descriptor_sense.load(std::memory_order_relaxed);
  if (lun().tally != nullptr && task_->opcode_ != nullptr) count();
  if (outcome == FaultOutcome::ends) post_end();
}

void Handling::relay(ScsiStatus status, const Sense& sense, const loop::ScsiSense& as_it_is) const {
  task_->relayed = true;
  task_->relayed_sense_ = as_it_is;
  task_->sense = sense;
  fail_status(status);
}

size_t Task::encode_sense(Bytes out) const {
  if (!relayed) return encode(sense, descriptor_sense, out);
  const ConstBytes device = relayed_sense_.view();
  std::ranges::copy(device, out.begin());
  return device.size();
}

void Handling::good() const { fail_status(ScsiStatus::good); }

void Handling::fail(const Sense& sense) const {
  if (!interrupted()) task_->sense = sense;
  fail_status(ScsiStatus::check_condition);
}

void Handling::fail_status(ScsiStatus status) const {
  if (!interrupted()) task_->status = status;
  end();
}

void Handling::fail_memory() const {
  fail_status(nexus().tasks_in_flight() > 1 ? ScsiStatus::task_set_full : ScsiStatus::busy);
}

void Handling::finish(const Sense& sense) const {
  if (interrupted()) return end();
  if (sense.key == SenseKey::no_sense) return good();
  if (sense.code == no_memory_sense().code) return fail_memory();
  fail(sense);
}

bool Handling::allocate(uint32_t bytes) const {
  if (loop().buffers().allocate(task_->buffer, bytes)) return true;
  fail_memory();
  return false;
}

bool Handling::expect_list(uint32_t list_bytes, uint32_t longest) const {
  task_->data_out_wanted_bytes = list_bytes;
  if (list_bytes == 0) {
    good();
    return false;
  }
  if (list_bytes > longest || task_->expected_data_out_bytes < list_bytes) {
    fail(Sense::parameter_list_length_error());
    return false;
  }
  return allocate(list_bytes);
}

void Handling::reply(ConstBytes data, uint32_t allocation_length) const {
  const uint32_t length = static_cast<uint32_t>(std::min<size_t>(data.size(), allocation_length));
  if (length > 0) {
    if (!allocate(length)) return;
    task_->buffer.copy_in(0, data.first(length));
  }
  task_->data_in_bytes = task_->data_in_wanted_bytes = length;
  good();
}

bool Handling::in_range(const wire::scsi::BlockRange& range, const unit::Geometry& geometry) const {
  if (geometry.holds(range.lba, range.blocks)) [[likely]]
    return true;
  // The first address that is not there.
  fail(Sense::lba_out_of_range(std::max(range.lba, geometry.blocks())));
  return false;
}

bool Handling::transferable(const wire::scsi::BlockRange& range, const unit::Geometry& geometry) const {
  const uint64_t limit = std::min<uint64_t>(max_transfer_bytes, unit().limits().max_transfer_bytes);
  if (uint64_t{range.blocks} * geometry.block_bytes <= limit) [[likely]]
    return true;
  fail(Sense::invalid_cdb_field(range.length_field));
  return false;
}

void Handling::fetch(void (*arrived)(Task&)) const {
  task_->state_ = Task::State::fetching;
  task_->data_arrived_ = arrived;
  task_->fetch_data_out();
}

void Handling::data_arrived() const {
  if (task_->state_ != Task::State::fetching) return;  // it was ended while the last bytes were on their way
  task_->state_ = Task::State::executing;
  if (!interrupted()) task_->data_out_bytes = std::min(task_->buffer.size(), task_->expected_data_out_bytes);
  task_->data_arrived_(*task_);
}

void Handling::abort() const {
  task_->aborted_ = task_->awaited_ = true;
  proceed();
}

void Handling::abort_told() const {
  task_->awaited_ = true;
  if (task_->state_ == Task::State::completing) return;
  if (interrupted() && task_->state_ != Task::State::blocked) return;
  task_->interrupted_ = true;
  task_->status = ScsiStatus::task_aborted;
  task_->sense = {};
  proceed();
}

void Handling::interrupt(const Sense& sense) const {
  if (task_->state_ == Task::State::completing || task_->state_ == Task::State::blocked || interrupted())
    return;
  task_->interrupted_ = true;
  task_->status = ScsiStatus::check_condition;
  task_->sense = sense;
  proceed();
}

void Handling::proceed() const {
  switch (task_->state_) {
    case Task::State::waiting: lun().tasks.stop_waiting(*task_); return end();
    case Task::State::held: lun().tasks.stop_holding(*task_); return end();
    case Task::State::blocked: lun().tasks.stop_blocking(*task_); return end();
    case Task::State::fetching: return data_arrived();
    case Task::State::paused: return resume_paused();
    default: return;  // the device has it, or it is ending already
  }
}

void Handling::resume_paused() const {
  if (task_->state_ != Task::State::paused) return;  // it was ended first
  task_->state_ = Task::State::executing;
  loop().post(task_->resumption_);
}

block::Request& Handling::request(block::Operation operation, uint64_t offset, uint64_t length) const {
  block::Request& request = task_->unit_command_.prepare(operation, offset, length);
  request.owner = task_;
  task_->unit_command_.nexus = &nexus().nexus();
  task_->unit_command_.mapping_read_only = lun().read_only;
  return request;
}

void Handling::fetch_for(std::coroutine_handle<> story) const {
  task_->resumption_.arm(story);
  fetch([](Task& arrived) { Handling(arrived).loop().post(arrived.resumption_); });
}

void Pause::await_suspend(std::coroutine_handle<> story) const {
  Task& task = handling_.task();
  task.resumption_.arm(story);
  task.state_ = Task::State::paused;
}

}  // namespace ashlar::scsi
