#include "nvme/handling.h"

#include <algorithm>

#include "nvme/domain.h"

namespace ashlar::nvme {

void Command::Ending::run() { command_.queue_->ended(command_); }

void Handling::end() const {
  CHECK(command_->state_ == Command::State::executing, "a command ended in state {}",
        static_cast<int>(command_->state_));
  command_->state_ = Command::State::completing;
  if (!command_->outcome.ok()) command_->data_in_bytes = 0;
  loop().post(command_->ending_);
}

void Handling::fail(Outcome outcome) const {
  if (!interrupted()) command_->outcome = outcome;
  end();
}

void Handling::reply(ConstBytes data, uint64_t result) const {
  const auto length = static_cast<uint32_t>(std::min<size_t>(data.size(), entry().data().length));
  if (length > 0) {
    if (!allocate(length)) return;
    command_->buffer.copy_in(0, data.first(length));
  }
  command_->data_in_bytes = length;
  good(result);
}

void Handling::abort() const {
  command_->aborted_ = true;
  proceed();
}

bool Handling::interrupt(Outcome outcome) const {
  if (command_->state_ == Command::State::completing || interrupted()) return false;
  command_->interrupted_ = true;
  command_->outcome = outcome;
  proceed();
  return true;
}

void Handling::proceed() const {
  switch (command_->state_) {
    case Command::State::waiting: go_on(); return end();
    case Command::State::fetching: return data_arrived();
    default: return;  // the device has it, or it is ending already
  }
}

bool Handling::allocate(uint32_t bytes) const {
  if (loop().buffers().allocate(command_->buffer, bytes)) return true;
  fail_memory();
  return false;
}

bool Handling::has_data_of(uint64_t bytes) const {
  if (entry().data().length == bytes) [[likely]]
    return true;
  fail(Status::data_length_invalid);
  return false;
}

bool Handling::expect_list(uint32_t bytes, uint32_t most) const {
  const uint32_t comes = entry().data().length;
  if (comes >= bytes && comes <= most) return allocate(comes);
  fail(Status::data_length_invalid);
  return false;
}

bool Handling::in_range(const wire::nvme::BlockRange& range, const unit::Geometry& geometry) const {
  if (geometry.holds(range.lba, range.blocks)) [[likely]]
    return true;
  fail(Status::lba_out_of_range);
  return false;
}

bool Handling::transferable(uint64_t bytes) const {
  const uint64_t most =
      std::min(queue().controller().facts.bounds.most_transfer_bytes(), unit().limits().max_transfer_bytes);
  if (bytes <= most) [[likely]]
    return true;
  fail(Status::invalid_field);
  return false;
}

void Handling::fetch(void (*arrived)(Command&)) const {
  command_->state_ = Command::State::fetching;
  command_->data_arrived_ = arrived;
  command_->fetch_data();
}

void Handling::data_arrived() const {
  if (command_->state_ != Command::State::fetching)
    return;  // it was ended while the last bytes were on their way
  command_->state_ = Command::State::executing;
  command_->data_arrived_(*command_);
}

block::Request& Handling::request(block::Operation operation, uint64_t offset, uint64_t length) const {
  block::Request& request = command_->unit_command_.prepare(operation, offset, length);
  request.owner = command_;
  command_->unit_command_.nexus = &queue().controller().nexus;
  command_->unit_command_.mapping_read_only = space().read_only;
  return request;
}

void Handling::fetch_for(std::coroutine_handle<> story) const {
  command_->resumption_.arm(story);
  fetch([](Command& arrived) { Handling(arrived).loop().post(arrived.resumption_); });
}

}  // namespace ashlar::nvme
