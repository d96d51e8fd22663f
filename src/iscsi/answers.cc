// What the target sends: SCSI answers with data and status, R2T, Reject, asynchronous messages. All of it is queued; the
// end of the turn sends it in one go.
#include <algorithm>

#include "base/crc32c.h"
#include "base/log.h"
#include "iscsi/server_impl.h"
#include "wire/scsi_lun.h"

namespace ashlar::iscsi {

using namespace wire::iscsi;

namespace {

// A copy of up to this much is cheaper than one more piece in the gathered send, and frees the command at once.
constexpr uint32_t copied_data_bytes = 8192;
constexpr uint32_t crc_bytes = 4;  // of a header or data digest

}  // namespace

TargetNumbers Connection::numbers(bool takes_status) {
  TargetNumbers numbers;
  takes_status_ = takes_status;
  numbers.stat_sn = takes_status ? status_sequence_++ : status_sequence_;
  numbers.exp_cmd_sn = session_->window.expected();
  numbers.max_cmd_sn = session_->window.maximum(static_cast<uint32_t>(session_->commands.size()));
  return numbers;
}

void Connection::wants_to_send() {
  if (!blocked_) server_.loop.at_turn_end(*this);
}

void Connection::out_of_memory() {
  close("session.dropped", "no memory is left for answers: the host does not read them");
}

// Room for a header, its digest, a data segment of `data_bytes` with padding and digest; copies `data` in when given.
uint8_t* Connection::append_pdu(uint32_t data_bytes, ConstBytes data) {
  const uint32_t header_bytes = static_cast<uint32_t>(basic_header_bytes) + (header_digest_ ? crc_bytes : 0);
  const uint32_t tail =
      data_bytes == 0 ? 0 : padded(data_bytes) - data_bytes + (data_digest_ ? crc_bytes : 0);
  uint8_t* header = transmit_.append(header_bytes + data_bytes + tail);
  if (header == nullptr) {
    out_of_memory();
    return nullptr;
  }
  wants_to_send();
  if (data_bytes > 0) {
    uint8_t* segment = header + header_bytes;
    std::memset(segment + data_bytes, 0, padded(data_bytes) - data_bytes);
    if (!data.empty()) std::memcpy(segment, data.data(), data.size());
    if (data_digest_ && !data.empty())
      store_le32(segment + padded(data_bytes), crc32c({segment, padded(data_bytes)}));
  }
  return header;
}

void Connection::seal_header(uint8_t* header) {
  if (header_digest_) store_le32(header + basic_header_bytes, crc32c({header, basic_header_bytes}));
  // Whoever takes a status number has its data segment, if any, right behind the header.
  if (!takes_status_ || !recovers() || phase_ == Phase::login) return;
  std::vector<uint8_t> pdu(header, header + basic_header_bytes);
  const uint8_t* const data = header + basic_header_bytes + (header_digest_ ? crc_bytes : 0);
  pdu.insert(pdu.end(), data, data + data_segment_length(header));
  answer_log_.add(load_be32(header + 24), pdu);
}

void Connection::send_r2t(R2t r2t) {
  if (phase_ == Phase::suspended) return;  // whoever takes the command over asks again
  uint8_t* header = append_pdu(0, {});
  if (header == nullptr) return;
  r2t.numbers = numbers(false);
  r2t.encode(header);
  seal_header(header);
}

void Connection::answer(Command& command) {
  if (phase_ == Phase::suspended && !command.aborted()) {
    command.finished = true;
    return;
  }
  if (command.aborted() || stopped()) return release(command);
  session_->commands.remove(command);  // the window counts what has no answer yet
  const uint32_t room = command.expected_data_in_bytes;
  const uint32_t length = std::min(command.data_in_bytes, room);
  session_->read_bytes += length;
  session_->written_bytes += command.data_out_bytes;
  // Status rides on the last Data-In when there is no sense to carry (RFC 7143 11.7.3).
  const bool collapses = length > 0 && command.status == scsi::ScsiStatus::good && !recovers();
  command.sent_segment_bytes = parameters().initiator_max_receive_data_segment_bytes;
  if (length > 0) send_data_in(command, length, collapses, {});
  command.status_sequence = status_sequence_;
  if (!collapses) send_response(command);
  if (length > 0 && recovers() && !stopped()) retain(command);
  if (stopped() || length <= copied_data_bytes) {
    if (!command.retained) release(command);
    return;
  }
  ++command.transmissions;
  transmit_.call_when_sent(command);
}

namespace {

struct Residual {
  bool overflow = false, underflow = false;
  uint32_t count = 0;
};

// RFC 7143 11.4.5: what the command would have moved against what the host made room for.
Residual residual_of(uint32_t expected, uint32_t would_move) {
  if (would_move > expected) return {true, false, would_move - expected};
  if (would_move < expected) return {false, true, expected - would_move};
  return {};
}

Residual residual_of(const scsi::Task& task) {
  if (task.expected_data_out_bytes > 0 || task.data_out_wanted_bytes > 0)
    return residual_of(task.expected_data_out_bytes, task.data_out_wanted_bytes);
  return residual_of(task.expected_data_in_bytes, std::max(task.data_in_bytes, task.data_in_wanted_bytes));
}

}  // namespace

void Connection::send_data_in(Command& command, uint32_t length, bool with_status, Run run) {
  const SessionParameters& agreed = parameters();
  const bool copy = length <= copied_data_bytes;
  uint32_t sequence = 0;
  uint32_t burst_left = agreed.max_burst_bytes;
  for (uint32_t offset = 0; offset < length && !stopped();) {
    const uint32_t part =
        std::min({length - offset, agreed.initiator_max_receive_data_segment_bytes, burst_left});
    const bool last = offset + part == length;
    burst_left -= part;
    const bool burst_ends = burst_left == 0;
    if (burst_ends) burst_left = agreed.max_burst_bytes;
    if (!run.holds(sequence)) {
      ++sequence;
      offset += part;
      continue;
    }
    DataIn pdu;
    pdu.final = last || burst_ends;
    pdu.has_status = last && with_status;
    // Large data is worth being told that it may be forgotten (RFC 7143 11.7.2).
    if (last && !copy && recovers()) {
      pdu.acknowledge = true;
      if (command.acknowledge_tag == reserved_task_tag) command.acknowledge_tag = next_transfer_tag();
      pdu.target_transfer_tag = command.acknowledge_tag;
    }
    pdu.data_segment_length = part;
    pdu.lun = command.lun;
    pdu.initiator_task_tag = command.initiator_task_tag();
    pdu.numbers = numbers(pdu.has_status);
    if (!pdu.has_status) pdu.numbers.stat_sn = 0;
    pdu.data_sn = sequence++;
    pdu.buffer_offset = offset;
    if (pdu.has_status) {
      const Residual residual = residual_of(command);
      pdu.status = static_cast<uint8_t>(command.status);
      pdu.overflow = residual.overflow;
      pdu.underflow = residual.underflow;
      pdu.residual_count = residual.count;
    }
    uint8_t* header = append_pdu(copy ? part : 0, {});
    if (header == nullptr) return;
    pdu.encode(header);
    seal_header(header);
    if (copy) {
      uint8_t* segment = header + basic_header_bytes + (header_digest_ ? crc_bytes : 0);
      command.buffer.copy_out(offset, {segment, part});
      if (data_digest_) store_le32(segment + padded(part), crc32c({segment, padded(part)}));
    } else {
      uint32_t crc = crc32c_start;
      std::array<iovec, Buffer::max_segments> pieces;
      const size_t count = command.buffer.slice(offset, part, pieces);
      for (size_t i = 0; i < count; ++i) {
        if (data_digest_)
          crc = crc32c_update(crc, {static_cast<const uint8_t*>(pieces[i].iov_base), pieces[i].iov_len});
        transmit_.append_reference(pieces[i]);
      }
      if (!append_data_digest(crc, part)) return;
    }
    offset += part;
  }
  command.data_in_sequences = sequence;
}

// Padding and digest behind a segment that was sent by reference.
bool Connection::append_data_digest(uint32_t crc, uint32_t length) {
  const uint32_t padding = padded(length) - length;
  const uint32_t tail = padding + (data_digest_ ? crc_bytes : 0);
  if (tail == 0) return true;
  uint8_t* end = transmit_.append(tail);
  if (end == nullptr) {
    out_of_memory();
    return false;
  }
  std::memset(end, 0, padding);
  if (data_digest_) store_le32(end + padding, crc32c_finish(crc32c_update(crc, {end, padding})));
  return true;
}

void Connection::send_response(Command& command) {
  if (stopped()) return;
  std::array<uint8_t, scsi::most_sense_bytes + 2> sense{};
  uint32_t sense_bytes = 0;
  if (command.status == scsi::ScsiStatus::check_condition) {
    const size_t encoded = command.encode_sense(Bytes(sense).subspan(2));
    store_be16(sense.data(), static_cast<uint16_t>(encoded));
    sense_bytes = static_cast<uint32_t>(encoded) + 2;
  }
  uint8_t* header = append_pdu(sense_bytes, ConstBytes(sense).first(sense_bytes));
  if (header == nullptr) return;
  const Residual residual = residual_of(command);
  ScsiResponse pdu;
  pdu.overflow = residual.overflow;
  pdu.underflow = residual.underflow;
  pdu.status = static_cast<uint8_t>(command.status);
  pdu.data_segment_length = sense_bytes;
  pdu.initiator_task_tag = command.initiator_task_tag();
  pdu.numbers = numbers(true);
  pdu.exp_data_sn = command.data_in_sequences + command.solicited_sequences();
  pdu.residual_count = residual.count;
  pdu.encode(header);
  seal_header(header);
}

void Connection::send_status(const ScsiCommand& request, scsi::ScsiStatus status) {
  uint8_t* header = append_pdu(0, {});
  if (header == nullptr) return;
  ScsiResponse pdu;
  pdu.status = static_cast<uint8_t>(status);
  pdu.initiator_task_tag = request.initiator_task_tag;
  pdu.numbers = numbers(true);
  pdu.underflow = request.expected_data_transfer_length > 0;
  pdu.residual_count = request.expected_data_transfer_length;
  pdu.encode(header);
  seal_header(header);
}

void Connection::reject(const uint8_t* rejected, RejectReason reason) {
  uint8_t* header = append_pdu(basic_header_bytes, {rejected, basic_header_bytes});
  if (header == nullptr) return;
  Reject pdu;
  pdu.reason = reason;
  pdu.data_segment_length = basic_header_bytes;
  pdu.numbers = numbers(true);
  pdu.encode(header);
  seal_header(header);
  log_warning("iscsi", "PDU rejected: {} pdu={} initiator={} peer={}", name_of(reason),
              pdu_name(opcode(rejected)), session_->initiator, stream_->peer().text());
}

// Parameters as RFC 7143 11.9.1 has them for each event.
void Connection::send_async(AsyncEvent event, uint16_t parameter3) {
  uint8_t* header = append_pdu(0, {});
  if (header == nullptr) return;
  AsyncMessage pdu;
  pdu.event = event;
  pdu.numbers = numbers(true);
  if (event == AsyncEvent::connection_drop) pdu.parameter1 = connection_id_;
  if (event != AsyncEvent::logout_request)
    pdu.parameter2 = static_cast<uint16_t>(parameters().default_time2wait_seconds);
  pdu.parameter3 = parameter3;
  pdu.encode(header);
  seal_header(header);
}

// RFC 7143 11.9.1, event 0. SPC-4 has no bit any more by which a host asks for it, so the administrator says which hosts want it.
void Connection::tell_news(const Session& session, uint16_t lun, unit::Attention news) {
  if (!session.view->asynchronous_events) return;
  const auto able = [](const Connection* each) { return !each->stopped() && !each->half_open(); };
  const auto found = std::ranges::find_if(session.connections, able);
  if (found != session.connections.end()) (*found)->send_scsi_event(lun, news);
}

void Connection::send_scsi_event(uint16_t lun, unit::Attention news) {
  std::array<uint8_t, scsi::max_sense_bytes + 2> sense{};
  const size_t encoded = scsi::encode(scsi::sense_of(news), false, Bytes(sense).subspan(2));
  store_be16(sense.data(), static_cast<uint16_t>(encoded));
  const auto sense_bytes = static_cast<uint32_t>(encoded + 2);
  uint8_t* header = append_pdu(sense_bytes, ConstBytes(sense).first(sense_bytes));
  if (header == nullptr) return;
  AsyncMessage pdu;
  pdu.event = AsyncEvent::scsi_event;
  pdu.lun = wire::scsi::encode_lun(lun);
  pdu.data_segment_length = sense_bytes;
  pdu.numbers = numbers(true);
  pdu.encode(header);
  seal_header(header);
}

}  // namespace ashlar::iscsi
