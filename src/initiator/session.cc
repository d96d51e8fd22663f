#include "initiator/session.h"

#include <algorithm>

namespace ashlar::initiator {

namespace iscsi = wire::iscsi;

Session::Session(loop::Loop& loop, LoginOptions options)
    : loop_(loop),
      options_(std::move(options)),
      cmd_sn_(options_.initial_cmd_sn),
      slots_(options_.max_commands),
      notices_(new Notices(loop, options_.watcher)),
      transport_(loop, *this, options_.max_receive_data_segment_bytes) {
  free_slots_.reserve(slots_.size());
  for (size_t i = slots_.size(); i > 0; --i) free_slots_.push_back(static_cast<uint16_t>(i - 1));
  batched_.reserve(Batch::max_pieces);
}

Session::~Session() {
  notices_->leave();
  notices_ = nullptr;
  end({ErrorCode::closed, "session", "the session was destroyed"});
}

void Session::begin_full_feature_phase(const Parameters& parameters) {
  parameters_ = parameters;
  phase_ = Phase::full_feature;
  transport_.begin_full_feature_phase(parameters.header_digest, parameters.data_digest);
  loop_.cancel(*this);
  if (options_.ping_interval.count() > 0) loop_.arm_after(*this, options_.ping_interval);
}

void Session::end(Error reason) {
  if (phase_ == Phase::closed) return;
  // A login that fails says so itself.
  const bool tell = phase_ == Phase::full_feature && notices_ != nullptr;
  phase_ = Phase::closed;
  transport_.close();
  loop_.cancel(*this);
  for (Command* command : batched_) {
    command->in_batch_ = false;
    if (command->state_ == Command::State::lingering) complete(*command, command->outcome);
  }
  batched_.clear();
  for (const Slot& slot : slots_) {
    if (slot.command != nullptr) complete(*slot.command, Outcome::unknown);
  }
  while (!waiting_.empty()) complete(waiting_.front(), Outcome::not_sent);
  exchanges_.splice(awaited_exchanges_);
  while (!exchanges_.empty()) finish(exchanges_.front(), reason);
  closed_reason_ = std::move(reason);
  login_inbox_.arrived.set();
  if (tell) notices_->closed(*closed_reason_);
}

void Session::expired() {
  if (phase_ == Phase::login)
    return end({ErrorCode::timed_out, "login", "the target did not let us in in time"});
  const uint64_t received_now = transport_.received_pdus();
  if (IntrusiveList<Exchange, ExchangeTag>::contains(keepalive_)) {
    return end({ErrorCode::timed_out, "session", "the target did not answer a NOP-Out in time"});
  }
  if (received_now == pdus_at_last_ping_) start(keepalive_);
  pdus_at_last_ping_ = received_now;
  loop_.arm_after(*this, options_.ping_interval);
}

void Session::submit(Command& command) {
  command.begin();
  if (phase_ != Phase::full_feature || logging_out_ || waiting_.size() >= options_.max_waiting) {
    return complete(command, Outcome::not_sent);
  }
  if (command.immediate) {
    waiting_.push_front(command);
  } else {
    waiting_.push_back(command);
  }
  transport_.want_send();
}

/// The end of a command, wherever it stands. One that the batch under way points at is kept until that is sent.
void Session::complete(Command& command, Outcome outcome) {
  command.outcome = outcome;
  if (IntrusiveList<Command, CommandTag>::contains(command)) waiting_.remove(command);
  if (IntrusiveList<Command, SolicitedTag>::contains(command)) soliciting_.remove(command);
  if (unsolicited_ == &command) unsolicited_ = nullptr;
  if (command.state_ == Command::State::sent) release_slot(command);
  if (command.in_batch_) {
    command.state_ = Command::State::lingering;
    return;
  }
  command.state_ = Command::State::completing;
  loop_.post(command);
}

void Session::release_slot(Command& command) {
  const auto index = static_cast<uint16_t>(command.initiator_task_tag_);
  slots_[index].command = nullptr;
  free_slots_.push_back(index);
  --in_flight_;
}

void Session::batch_sent() {
  for (Command* command : batched_) {
    command->in_batch_ = false;
    if (command->state_ == Command::State::lingering) complete(*command, command->outcome);
  }
  batched_.clear();
}

/// What goes first: answers and management, then data that the target waits for, then new commands.
void Session::fill(Batch& batch) {
  if (phase_ == Phase::login) {
    if (!login_outbox_.empty()) {
      std::copy(login_outbox_.begin(), login_outbox_.begin() + iscsi::basic_header_bytes, batch.header());
      batch.add_copy(ConstBytes(login_outbox_).subspan(iscsi::basic_header_bytes));
      login_outbox_.clear();
    }
    return;
  }
  const bool all =
      fill_ping_answers(batch) && fill_exchanges(batch) && fill_unsolicited(batch) && fill_solicited(batch);
  if (all && !logging_out_) fill_commands(batch);
}

void Session::fill_commands(Batch& batch) {
  while (!waiting_.empty() && !free_slots_.empty() && unsolicited_ == nullptr) {
    Command& command = waiting_.front();
    if (!command.immediate && !window_open()) return;
    if (!fill_command(batch, command) || !fill_unsolicited(batch)) return;
  }
}

void Session::give_tag(Command& command) {
  const uint16_t index = free_slots_.back();
  free_slots_.pop_back();
  Slot& slot = slots_[index];
  slot.command = &command;
  slot.uses = static_cast<uint16_t>((slot.uses + 1) & 0x7fff);
  ++in_flight_;
  command.initiator_task_tag_ = uint32_t{slot.uses} << 16 | index;
}

bool Session::fill_command(Batch& batch, Command& command) {
  const bool write = !command.data_out.empty();
  uint32_t immediate_bytes = 0;
  if (write) {
    const uint32_t burst = std::min(command.expected_bytes_, parameters_.first_burst_bytes);
    if (parameters_.immediate_data)
      immediate_bytes = std::min(burst, parameters_.max_send_data_segment_bytes);
    command.unsolicited_bytes_ = parameters_.initial_r2t ? immediate_bytes : burst;
  }
  if (!batch.room(Batch::pieces_of(command.data_out, 0, immediate_bytes), 0)) return false;
  waiting_.remove(command);
  give_tag(command);
  command.state_ = Command::State::sent;
  command.cmd_sn_ = cmd_sn_;
  command.order_ = ++order_;
  command.asked_bytes_ = command.unsolicited_bytes_;
  command.unsolicited_sent_ = immediate_bytes;
  iscsi::ScsiCommand pdu;
  pdu.immediate = command.immediate;
  pdu.final = command.unsolicited_bytes_ == immediate_bytes;
  pdu.read = !command.data_in.empty();
  pdu.write = write;
  pdu.attribute = static_cast<uint8_t>(command.attribute);
  pdu.data_segment_length = immediate_bytes;
  pdu.lun = command.lun;
  pdu.initiator_task_tag = command.initiator_task_tag_;
  pdu.expected_data_transfer_length = command.expected_bytes_;
  pdu.cmd_sn = cmd_sn_;
  pdu.exp_stat_sn = exp_stat_sn_;
  pdu.cdb = command.cdb;
  pdu.encode(batch.header());
  batch.add(command.data_out, 0, immediate_bytes);
  if (immediate_bytes > 0) point_at(command);
  if (!command.immediate) ++cmd_sn_;
  if (!pdu.final) unsolicited_ = &command;
  ++counters_.commands;
  return true;
}

void Session::point_at(Command& command) {
  if (command.in_batch_) return;
  command.in_batch_ = true;
  batched_.push_back(&command);
}

bool Session::fill_data_out(Batch& batch, Command& command, iscsi::DataOut pdu, uint32_t length) {
  if (!batch.room(Batch::pieces_of(command.data_out, pdu.buffer_offset, length), 0)) return false;
  pdu.initiator_task_tag = command.initiator_task_tag_;
  pdu.exp_stat_sn = exp_stat_sn_;
  pdu.data_segment_length = length;
  pdu.encode(batch.header());
  batch.add(command.data_out, pdu.buffer_offset, length);
  point_at(command);
  ++counters_.data_out_pdus;
  return true;
}

/// Unsolicited data goes out in the order of its commands: no command overtakes it.
bool Session::fill_unsolicited(Batch& batch) {
  while (unsolicited_ != nullptr) {
    Command& command = *unsolicited_;
    const uint32_t left = command.unsolicited_bytes_ - command.unsolicited_sent_;
    const uint32_t length = std::min(left, parameters_.max_send_data_segment_bytes);
    iscsi::DataOut pdu;
    pdu.final = length == left;
    pdu.data_sn = command.unsolicited_data_sn_;
    pdu.buffer_offset = command.unsolicited_sent_;
    if (!fill_data_out(batch, command, pdu, length)) return false;
    command.unsolicited_sent_ += length;
    ++command.unsolicited_data_sn_;
    if (pdu.final) unsolicited_ = nullptr;
  }
  return true;
}

bool Session::fill_solicited(Batch& batch) {
  while (!soliciting_.empty()) {
    Command& command = soliciting_.front();
    Command::PendingR2t& r2t = command.r2ts_[0];
    const uint32_t length = std::min(r2t.length - r2t.sent, parameters_.max_send_data_segment_bytes);
    iscsi::DataOut pdu;
    pdu.final = r2t.sent + length == r2t.length;
    pdu.lun = command.lun;
    pdu.target_transfer_tag = r2t.target_transfer_tag;
    pdu.data_sn = r2t.data_sn;
    pdu.buffer_offset = r2t.offset + r2t.sent;
    if (!fill_data_out(batch, command, pdu, length)) return false;
    r2t.sent += length;
    ++r2t.data_sn;
    if (!pdu.final) continue;
    std::copy(command.r2ts_.begin() + 1, command.r2ts_.begin() + command.r2t_count_, command.r2ts_.begin());
    if (--command.r2t_count_ == 0) soliciting_.remove(command);
  }
  return true;
}

}  // namespace ashlar::initiator
