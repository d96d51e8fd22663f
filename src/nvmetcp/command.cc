#include "nvmetcp/command.h"

#include "nvmetcp/connection.h"

namespace ashlar::nvmetcp {

void Command::begin(Connection& connection, const uint8_t* submission) {
  connection_ = &connection;
  entry = nvme::Submission::copy_of(submission);
  asked_ = received_ = 0;
  over_ = sent_ = false;
}

void Command::fetch_data() {
  if (connection_->is_placing(*this)) return;  // it follows in the capsule
  asked_ = buffer.size();
  connection_->send_ready_to_transfer(*this, asked_);
}

wire::nvme::HeaderFault Command::check(const wire::nvme::DataTransfer& data, bool last) const {
  using wire::nvme::FatalError;
  // Offsets of figure 30: CCCID 8, DATAO 12, DATAL 16. Data comes in order: there is one R2T.
  if (data.command_id != entry.command_id()) return {true, FatalError::invalid_header_field, 8};
  if (data.offset != received_) return {true, FatalError::transfer_out_of_range, 12};
  if (data.length > asked_ - received_) return {true, FatalError::transfer_out_of_range, 16};
  const bool ends = received_ + data.length == asked_;
  if (last != ends) return {true, FatalError::invalid_header_field, 1};
  return {};
}

void Command::arrived(uint32_t bytes) {
  received_ += bytes;
  if (awaits_data()) return;
  if (!over_) {
    connection_->queue().traffic.written_bytes += asked_;
    return connection_->queue().data_arrived(*this);
  }
  if (sent_) connection_->release(*this);
}

void Command::data_lost() {
  if (!over_)
    connection_->queue().data_failed(*this, {nvme::Status{0x022}, false});  // Transient Transport Error
}

void Command::completed() {
  over_ = true;
  connection_->forget(buffer);
  connection_->answer(*this);
}

void Command::transmitted() {
  sent_ = true;
  // The host was asked for data and may not know yet that it is not wanted any more: its tag stays valid until that came.
  if (!awaits_data() || connection_->closing()) connection_->release(*this);
}

CommandPool::CommandPool(uint16_t count) : commands_(count) {
  free_.reserve(count);
  for (uint16_t i = 0; i < count; ++i) {
    commands_[i].tag_ = i;
    free_.push_back(&commands_[i]);
  }
}

Command* CommandPool::take() {
  if (free_.empty()) return nullptr;
  Command* command = free_.back();
  free_.pop_back();
  return command;
}

void CommandPool::give_back(Command& command) {
  command.buffer.release();
  command.connection_ = nullptr;
  free_.push_back(&command);
}

Command* CommandPool::find(uint16_t tag) {
  if (tag >= commands_.size()) return nullptr;
  Command* command = &commands_[tag];
  return command->connection_ == nullptr ? nullptr : command;
}

}  // namespace ashlar::nvmetcp
