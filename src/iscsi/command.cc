#include "iscsi/command.h"

#include <algorithm>

#include "iscsi/connection.h"

namespace ashlar::iscsi {
namespace {

constexpr uint16_t data_phase_error = 0x4b00;  // SPC-4 annex F
constexpr uint16_t insufficient_resources = 0x5503;

scsi::TaskAttribute attribute_of(uint8_t attribute) {
  using wire::iscsi::TaskAttribute;
  switch (static_cast<TaskAttribute>(attribute)) {
    case TaskAttribute::ordered: return scsi::TaskAttribute::ordered;
    case TaskAttribute::head_of_queue: return scsi::TaskAttribute::head_of_queue;
    case TaskAttribute::aca: return scsi::TaskAttribute::aca;
    default: return scsi::TaskAttribute::simple;  // untagged is simple (RFC 7143 11.3.1)
  }
}

}  // namespace

void DataReady::run() { command_.deliver_if_complete(); }

void Command::begin(Connection& connection, const wire::iscsi::ScsiCommand& pdu, uint32_t unsolicited_limit) {
  connection_ = &connection;
  cdb.fill(0);
  std::copy(pdu.cdb.begin(), pdu.cdb.end(), cdb.begin());
  cdb_length = 16;
  lun = pdu.lun;
  attribute = attribute_of(pdu.attribute);
  tag = pdu.initiator_task_tag;
  expected_data_out_bytes = pdu.write ? pdu.expected_data_transfer_length : 0;
  expected_data_in_bytes = pdu.read && !pdu.write ? pdu.expected_data_transfer_length : 0;
  data_out_bytes = data_out_wanted_bytes = data_in_bytes = data_in_wanted_bytes = 0;
  status = scsi::ScsiStatus::good;
  sense = {};
  descriptor_sense = false;
  command_sequence_ = pdu.cmd_sn;
  wanted_ = received_ = data_sequence_ = r2t_sequence_ = 0;
  fetching_ = delivered_ = data_lost_ = over_ = false;
  lost_code_ = 0;
  unsolicited_open_ = pdu.write && !pdu.final;
  unsolicited_limit_ = std::min(unsolicited_limit, expected_data_out_bytes);
  solicited_up_to_ = 0;
  solicitation_count_ = 0;
  data_in_sequences = 0;
  recoveries_ = 0;
  retained = finished = false;
  acknowledge_tag = wire::iscsi::reserved_task_tag;
  transmissions = 0;
}

void Command::fetch_data_out() {
  fetching_ = true;
  wanted_ = std::min(buffer.size(), expected_data_out_bytes);
  if (!staging_.empty()) {
    // A PDU may be half there: it counts as received when all of it is, and goes on in the other buffer.
    const uint32_t placed = connection_->redirect(staging_, buffer, wanted_);
    const uint32_t held = std::min({std::max(received_, placed), wanted_, staging_.size()});
    std::array<iovec, Buffer::max_segments> parts;
    const size_t count = staging_.slice(0, held, parts);
    uint32_t offset = 0;
    for (size_t i = 0; i < count; ++i) {
      buffer.copy_in(offset, {static_cast<const uint8_t*>(parts[i].iov_base), parts[i].iov_len});
      offset += static_cast<uint32_t>(parts[i].iov_len);
    }
    release_staging();
  }
  // Never answered inside this call; what has arrived already is delivered from the ready list.
  if (data_lost_ || received_ >= wanted_) {
    connection_->loop().post(data_ready_);
  } else if (!unsolicited_open_ && !connection_->expects_immediate_data(*this)) {
    solicit();
  }
}

void Command::deliver_if_complete() {
  if (delivered_ || !fetching_) return;
  if (data_lost_) {
    delivered_ = true;
    connection_->nexus().data_out_failed(*this, lost_code_);
  } else if (received_ >= wanted_) {
    delivered_ = true;
    data_out_bytes = wanted_;
    connection_->nexus().data_out_arrived(*this);
  }
}

// As many R2Ts as were negotiated, each for at most MaxBurstLength (RFC 7143 11.8).
void Command::solicit() {
  const SessionParameters& agreed = connection_->parameters();
  solicited_up_to_ = std::max(solicited_up_to_, received_);
  const size_t limit = std::min<size_t>(agreed.max_outstanding_r2t, max_outstanding_r2t);
  while (solicitation_count_ < limit && solicited_up_to_ < wanted_) {
    const uint32_t length = std::min(agreed.max_burst_bytes, wanted_ - solicited_up_to_);
    const uint32_t target_tag = connection_->next_transfer_tag();
    if (solicitation_count_ == 0) data_sequence_ = 0;
    const Solicitation asked{target_tag, solicited_up_to_, length, r2t_sequence_++};
    solicitations_[solicitation_count_++] = asked;
    send_r2t(asked);
    solicited_up_to_ += length;
  }
}

void Command::send_r2t(const Solicitation& asked) {
  wire::iscsi::R2t r2t;
  r2t.lun = lun;
  r2t.initiator_task_tag = initiator_task_tag();
  r2t.target_transfer_tag = asked.tag;
  r2t.r2t_sn = asked.sequence;
  r2t.buffer_offset = asked.offset;
  r2t.desired_data_transfer_length = asked.length;
  connection_->send_r2t(r2t);
}

void Command::request_again() {
  if (data_lost_ || delivered_) return;
  if (++recoveries_ > most_recoveries) return data_failed(0x4705);  // PROTOCOL SERVICE CRC ERROR
  unsolicited_open_ = false;
  solicitation_count_ = 0;
  solicited_up_to_ = received_;
  data_sequence_ = 0;
  if (fetching_) solicit();
}

bool Command::is_given_up(const wire::iscsi::DataOut& pdu) const {
  if (recoveries_ == 0) return false;
  const auto* const end = solicitations_.begin() + solicitation_count_;
  return std::none_of(solicitations_.begin(), end,
                      [&pdu](const Solicitation& each) { return each.tag == pdu.target_transfer_tag; });
}

uint32_t Command::repeat_r2ts(uint32_t begin, uint32_t count) {
  uint32_t repeated = 0;
  for (uint8_t i = 0; i < solicitation_count_; ++i) {
    const Solicitation& each = solicitations_[i];
    if (each.sequence < begin || (count != 0 && each.sequence - begin >= count)) continue;
    send_r2t(each);
    ++repeated;
  }
  return repeated;
}

const char* Command::accept(const wire::iscsi::DataOut& pdu) {
  const uint64_t end = uint64_t{pdu.buffer_offset} + pdu.data_segment_length;
  if (pdu.buffer_offset != received_) return "buffer offset out of order";
  if (pdu.data_sn != data_sequence_) return "DataSN out of order";
  if (pdu.target_transfer_tag == wire::iscsi::reserved_task_tag) {
    if (!unsolicited_open_) return "unsolicited data that was not announced";
    if (end > unsolicited_limit_) return "more unsolicited data than FirstBurstLength";
  } else {
    if (solicitation_count_ == 0 || solicitations_[0].tag != pdu.target_transfer_tag)
      return "target transfer tag is not of the oldest R2T";
    const uint64_t asked = uint64_t{solicitations_[0].offset} + solicitations_[0].length;
    if (end > asked) return "more data than the R2T asked for";
    if (pdu.final != (end == asked)) return "F bit and the length asked for differ";
  }
  ++data_sequence_;
  return nullptr;
}

Command::Place Command::place(uint32_t length) {
  if (data_lost_) return {};
  if (fetching_) {
    if (delivered_ || received_ >= wanted_) return {};
    return {&buffer, received_, std::min(length, wanted_ - received_)};
  }
  if (over_) return {};
  if (staging_.empty() && !connection_->loop().buffers().allocate(
                              staging_, unsolicited_limit_ > 0 ? unsolicited_limit_ : length)) {
    data_failed(insufficient_resources);
    return {};
  }
  if (received_ >= staging_.size()) return {};
  return {&staging_, received_, std::min(length, staging_.size() - received_)};
}

void Command::data_arrived(uint32_t length, bool final) {
  received_ += length;
  if (solicitation_count_ > 0 && received_ >= solicitations_[0].offset + solicitations_[0].length) {
    std::copy(solicitations_.begin() + 1, solicitations_.begin() + solicitation_count_,
              solicitations_.begin());
    --solicitation_count_;
    data_sequence_ = 0;
  }
  if (unsolicited_open_ && final) {
    unsolicited_open_ = false;
    data_sequence_ = 0;
  }
  if (!fetching_ || data_lost_) return;
  if (received_ >= wanted_) {
    deliver_if_complete();
  } else if (!unsolicited_open_) {
    solicit();
  }
}

void Command::data_failed(uint16_t code) {
  if (data_lost_) return;
  data_lost_ = true;
  lost_code_ = code != 0 ? code : data_phase_error;
  if (fetching_) connection_->forget(buffer);
  deliver_if_complete();
}

void Command::completed() {
  over_ = true;
  connection_->loop().withdraw(data_ready_);
  connection_->forget(buffer);
  release_staging();
  connection_->answer(*this);
}

void Command::release_staging() {
  if (staging_.empty()) return;
  connection_->forget(staging_);
  staging_.release();
}

void Command::transmitted() {
  if (--transmissions == 0 && !retained) connection_->release(*this);
}

CommandPool::CommandPool(size_t count) : commands_(count) {
  free_.reserve(count);
  for (Command& command : commands_) free_.push_back(&command);
}

Command* CommandPool::take() {
  if (free_.empty()) return nullptr;
  Command* command = free_.back();
  free_.pop_back();
  return command;
}

void CommandPool::give_back(Command& command) {
  command.buffer.release();
  // A command that never ran (parked, then aborted or cut off) still has the data that came with it; the next user of this
  // one must not find it there.
  command.release_staging();
  free_.push_back(&command);
}

Command* CommandTable::find(uint32_t tag) const {
  Command* command = heads_[bucket_of(tag)];
  while (command != nullptr && command->initiator_task_tag() != tag) command = command->next_in_bucket;
  return command;
}

void CommandTable::insert(Command& command) {
  Command*& head = heads_[bucket_of(command.initiator_task_tag())];
  command.next_in_bucket = head;
  head = &command;
  ++size_;
}

void CommandTable::remove(Command& command) {
  Command** link = &heads_[bucket_of(command.initiator_task_tag())];
  while (*link != &command) link = &(*link)->next_in_bucket;
  *link = command.next_in_bucket;
  command.next_in_bucket = nullptr;
  --size_;
}

}  // namespace ashlar::iscsi
