// ErrorRecoveryLevel 1: what a host did not get is sent again, within bounds (RFC 7143 7.1.4.2, 7.3, 7.8, 11.16).
#include <algorithm>

#include "base/log.h"
#include "iscsi/server_impl.h"

namespace ashlar::iscsi {

using namespace wire::iscsi;

namespace {

// Of one connection. Memory of commands past it is given back at once; a host that asks for it is refused.
constexpr size_t most_retained_commands = 32;
constexpr uint64_t most_retained_bytes = 8u << 20;
// A request of 48 bytes brings many times that, and a host that reads none of it could ask for all memory of the shard: not
// more than this is under way at once of one command's data, and of runs of answers.
constexpr uint32_t most_transmissions = 4;
constexpr uint32_t most_repeated_runs = 4;

}  // namespace

// The host has all answers before `expected`.
void Connection::acknowledge(uint32_t expected) {
  if (serial_before(status_sequence_, expected)) return;  // it cannot have what was not sent
  answer_log_.acknowledge(expected);
  while (!retained_.empty() && serial_before(retained_.front()->status_sequence, expected)) {
    let_go(*retained_.front());
  }
}

// As far as this connection, and all of the shard together, may keep.
void Connection::retain(Command& command) {
  const uint64_t bytes = command.data_in_bytes;
  const auto fits = [&] {
    const bool first = retained_.empty();
    return server_.may_retain(bytes) && retained_.size() < most_retained_commands &&
           (first || retained_bytes_ + bytes <= most_retained_bytes);
  };
  while (!retained_.empty() && !fits()) let_go(*retained_.front());
  if (!fits()) return;
  command.retained = true;
  retained_.push_back(&command);
  retained_bytes_ += bytes;
  ++server_.retained_commands;
  server_.retained_bytes += bytes;
}

void Connection::stop_retaining(Command& command) {
  std::erase(retained_, &command);
  retained_bytes_ -= command.data_in_bytes;
  --server_.retained_commands;
  server_.retained_bytes -= command.data_in_bytes;
  command.retained = false;
}

void Connection::let_go(Command& command) {
  stop_retaining(command);
  if (command.transmissions == 0) release(command);
}

void Connection::let_all_go() {
  while (!retained_.empty()) let_go(*retained_.front());
}

void Connection::snack(const uint8_t* header) {
  const SnackRequest pdu = SnackRequest::decode(header);
  bool done = false;
  RejectReason refusal = RejectReason::snack_reject;
  if (recovers()) {
    switch (pdu.type) {
      case SnackType::data_or_r2t: done = repeat_data(pdu); break;
      case SnackType::status: done = repeat_statuses(pdu); break;
      case SnackType::data_ack: {
        const auto asked = [&pdu](const Command* each) {
          return each->acknowledge_tag != reserved_task_tag &&
                 each->acknowledge_tag == pdu.target_transfer_tag && pdu.beg_run == each->data_in_sequences;
        };
        const auto found = std::ranges::find_if(retained_, asked);
        done = found != retained_.end();
        if (done) let_go(**found);
        refusal = RejectReason::invalid_data_ack;
        break;
      }
      case SnackType::r_data: done = cut_data_anew(pdu); break;
    }
  }
  if (!done) reject(header, refusal);
}

// Data-In that was sent, or R2Ts that wait for data.
bool Connection::repeat_data(const SnackRequest& pdu) {
  if (Command* const waiting = session_->commands.find(pdu.initiator_task_tag))
    return &waiting->connection() == this && waiting->repeat_r2ts(pdu.beg_run, pdu.run_length) > 0;
  const auto same = [&pdu](const Command* each) {
    return each->initiator_task_tag() == pdu.initiator_task_tag;
  };
  const auto found = std::ranges::find_if(retained_, same);
  if (found == retained_.end() || (*found)->transmissions >= most_transmissions) return false;
  Command& command = **found;
  if (command.sent_segment_bytes != parameters().initiator_max_receive_data_segment_bytes) return false;
  const uint32_t sent = command.data_in_sequences;
  if (pdu.beg_run >= sent || pdu.run_length > sent - pdu.beg_run) return false;
  const Run run{pdu.beg_run, pdu.run_length == 0 ? sent : pdu.beg_run + pdu.run_length};
  const uint32_t length = std::min(command.data_in_bytes, command.expected_data_in_bytes);
  send_data_in(command, length, false, run);
  if (stopped()) return true;
  ++command.transmissions;
  transmit_.call_when_sent(command);
  return true;
}

// RFC 7143 11.16.3: after MaxRecvDataSegmentLength has changed all of the data again, in pieces of today, and the status with the tag
// of this request. We are told of data only when all of it is there, so what is not acknowledged begins with the first piece.
bool Connection::cut_data_anew(const SnackRequest& pdu) {
  const uint32_t tag = pdu.target_transfer_tag;
  Command* const command = retained_of(pdu.initiator_task_tag);
  if (command == nullptr || command->transmissions >= most_transmissions) return false;
  if (pdu.beg_run != 0 || pdu.run_length != 0 || tag == 0 || tag == reserved_task_tag) return false;
  const AnswerLog::Answer* const status = answer_log_.find(command->status_sequence);
  if (status == nullptr) return false;
  command->sent_segment_bytes = parameters().initiator_max_receive_data_segment_bytes;
  send_data_in(*command, std::min(command->data_in_bytes, command->expected_data_in_bytes), false, {});
  if (stopped()) return true;
  ScsiResponse again = ScsiResponse::decode(status->pdu.data());
  again.snack_tag = tag;
  again.exp_data_sn = command->data_in_sequences;
  std::vector<uint8_t> bytes = status->pdu;
  again.encode(bytes.data());
  answer_log_.replace(command->status_sequence, bytes);
  repeat(*answer_log_.find(command->status_sequence));
  if (stopped()) return true;
  ++command->transmissions;
  transmit_.call_when_sent(*command);
  return true;
}

// RunLength 0: all from BegRun on; both 0: all that are not acknowledged.
bool Connection::repeat_statuses(const SnackRequest& pdu) {
  if (pdu.initiator_task_tag != reserved_task_tag || repeated_runs_.under_way >= most_repeated_runs)
    return false;
  const uint32_t oldest = status_sequence_ - static_cast<uint32_t>(answer_log_.size());
  const uint32_t begin = pdu.beg_run == 0 && pdu.run_length == 0 ? oldest : pdu.beg_run;
  const uint32_t count = pdu.run_length != 0 ? pdu.run_length : status_sequence_ - begin;
  if (count > answer_log_.size()) return false;
  for (uint32_t i = 0; i < count; ++i) {
    if (answer_log_.find(begin + i) == nullptr) return false;
  }
  for (uint32_t i = 0; i < count && !stopped(); ++i) repeat(*answer_log_.find(begin + i));
  if (stopped()) return true;
  ++repeated_runs_.under_way;
  transmit_.call_when_sent(repeated_runs_);
  return true;
}

// As it was, but for the command numbers of today (RFC 7143 11.16.1).
void Connection::repeat(const AnswerLog::Answer& answer) {
  const ConstBytes data = ConstBytes(answer.pdu).subspan(basic_header_bytes);
  uint8_t* header = append_pdu(static_cast<uint32_t>(data.size()), data);
  if (header == nullptr) return;
  std::copy_n(answer.pdu.begin(), basic_header_bytes, header);
  TargetNumbers now = numbers(false);
  now.stat_sn = answer.status_sequence;
  now.encode(header);
  seal_header(header);
}

}  // namespace ashlar::iscsi
