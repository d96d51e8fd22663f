// One iSCSI session under load, on plain sockets. It costs so little that what is measured is the target: bulk receive,
// headers parsed in place, data skipped without a look, all new commands of a round in one gathered send.
#pragma once

#include <poll.h>
#include <sys/uio.h>

#include <memory>

#include "latency_histogram.h"
#include "load_session.h"

namespace bench {

/// What all connections count together.
struct LoadTotals {
  uint64_t operations = 0;
  uint64_t errors = 0;
  uint64_t measured_since = UINT64_MAX;  ///< latencies of commands sent before this are not counted
  LatencyHistogram latency;
};

class LoadConnection : LoadSession {
 public:
  LoadConnection(const LoadOptions& options, uint32_t index, LoadTotals& totals);

  /// Fills the queue as far as depth and the target's window allow.
  void issue(uint64_t now);
  /// Sends what issue() and answers made.
  void flush();
  /// Takes what has come; false: nothing.
  bool receive();
  pollfd poll_entry() const {
    return {socket_, static_cast<int16_t>(POLLIN | (pieces_.empty() ? 0 : POLLOUT)), 0};
  }
  bool finished() const { return fill_ended_ && free_.size() == options_.depth; }

 private:
  struct Slot {
    uint64_t sent_at = 0;
    bool busy = false;
  };
  static constexpr size_t receive_bytes = 512 * 1024;
  static constexpr size_t max_pieces = 512;  // of one sendmsg

  void prepare_templates();
  uint64_t next_block();
  uint8_t* append_header(const uint8_t* contents);
  void append_data(uint32_t length);
  void take(const uint8_t* header, uint64_t now);
  void complete(uint32_t tag, uint8_t status, uint64_t now);
  void answer_r2t(const uint8_t* header);
  void answer_ping(const uint8_t* header);
  uint64_t random() {
    random_ ^= random_ << 13;
    random_ ^= random_ >> 7;
    random_ ^= random_ << 17;
    return random_;
  }

  LoadTotals& totals_;
  uint64_t random_;
  uint64_t position_ = 0;
  bool fill_ended_ = false;
  // commands
  std::array<uint8_t, header_bytes> read_template_{};
  std::array<uint8_t, header_bytes> write_template_{};
  uint32_t immediate_bytes_ = 0;
  std::vector<Slot> slots_;
  std::vector<uint32_t> free_;
  // what is to be sent: headers in the arena, data from one buffer for all writes
  std::vector<uint8_t> arena_;
  size_t arena_used_ = 0;
  std::vector<iovec> pieces_;
  size_t first_piece_ = 0;
  std::vector<uint8_t> data_;
  // what was received
  std::unique_ptr<uint8_t[]> received_ = std::make_unique_for_overwrite<uint8_t[]>(receive_bytes);
  size_t received_bytes_ = 0;
  size_t skip_ = 0;  // bytes still to come that nobody looks at
};

inline LoadConnection::LoadConnection(const LoadOptions& options, uint32_t index, LoadTotals& totals)
    : LoadSession(options, index),
      totals_(totals),
      random_(88172645463325252ull + index * 7919),
      slots_(options.depth) {
  prepare_templates();
  for (uint32_t i = options.depth; i > 0; --i) free_.push_back(i - 1);
  if (options.sequential || options.fill) position_ = span_operations_ / options.connections * index;
  // An R2T of MaxBurstLength may come for every command: headers for all of that, and room to spare.
  arena_.resize((options.depth + 8) * size_t{1024} * header_bytes / 8);
  pieces_.reserve(size_t{options.depth} * 64 + 1024);
}

inline void LoadConnection::prepare_templates() {
  iscsi::ScsiCommand command;
  command.attribute = static_cast<uint8_t>(iscsi::TaskAttribute::simple);
  command.lun[1] = static_cast<uint8_t>(options_.lun);
  command.expected_data_transfer_length = options_.block_bytes;
  command.read = true;
  command.cdb[0] = 0x88;  // READ (16)
  ashlar::store_be32(&command.cdb[10], options_.block_bytes / unit_block_bytes_);
  command.encode(read_template_.data());
  if (immediate_data_)
    immediate_bytes_ = std::min({options_.block_bytes, max_send_segment_, first_burst_, max_segment});
  command.read = false;
  command.write = true;
  command.cdb[0] = 0x8a;  // WRITE (16)
  command.data_segment_length = immediate_bytes_;
  command.encode(write_template_.data());
  data_.resize(max_segment);
  for (uint8_t& byte : data_) byte = static_cast<uint8_t>(random() >> 32);
}

inline uint64_t LoadConnection::next_block() {
  if (!options_.sequential && !options_.fill) return random() % span_operations_;
  const uint64_t block = position_++;
  if (position_ == span_operations_) {
    position_ = 0;
    fill_ended_ = options_.fill;
  }
  return block;
}

inline uint8_t* LoadConnection::append_header(const uint8_t* contents) {
  uint8_t* header = arena_.data() + arena_used_;
  if (arena_used_ + header_bytes > arena_.size()) die("more to send than there is room for");
  arena_used_ += header_bytes;
  std::memcpy(header, contents, header_bytes);
  if (!pieces_.empty() && static_cast<uint8_t*>(pieces_.back().iov_base) + pieces_.back().iov_len == header) {
    pieces_.back().iov_len += header_bytes;
  } else {
    pieces_.push_back({header, header_bytes});
  }
  return header;
}

/// Block sizes are multiples of 4, so there is no padding.
inline void LoadConnection::append_data(uint32_t length) { pieces_.push_back({data_.data(), length}); }

inline void LoadConnection::issue(uint64_t now) {
  const uint64_t unit_blocks = options_.block_bytes / unit_block_bytes_;
  while (!free_.empty() && !iscsi::serial_before(max_cmd_sn_, cmd_sn_) && !fill_ended_) {
    const uint32_t index = free_.back();
    free_.pop_back();
    slots_[index] = {now, true};
    const bool read =
        !options_.fill && (options_.read_percent == 100 || random() % 100 < options_.read_percent);
    uint8_t* header = append_header(read ? read_template_.data() : write_template_.data());
    ashlar::store_be32(header + 16, index);
    ashlar::store_be32(header + 24, cmd_sn_++);
    ashlar::store_be32(header + 28, exp_stat_sn_);
    ashlar::store_be64(header + 34, next_block() * unit_blocks);
    if (!read && immediate_bytes_ > 0) append_data(immediate_bytes_);
  }
}

inline void LoadConnection::flush() {
  while (first_piece_ < pieces_.size()) {
    msghdr message{};
    message.msg_iov = &pieces_[first_piece_];
    message.msg_iovlen = std::min(pieces_.size() - first_piece_, max_pieces);
    const ssize_t sent = sendmsg(socket_, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno == EAGAIN) return;
    if (sent < 0) die("send: {}", std::strerror(errno));
    auto left = static_cast<size_t>(sent);
    while (left > 0) {
      iovec& piece = pieces_[first_piece_];
      const size_t part = std::min(left, piece.iov_len);
      piece.iov_base = static_cast<uint8_t*>(piece.iov_base) + part;
      piece.iov_len -= part;
      left -= part;
      if (piece.iov_len == 0) ++first_piece_;
    }
  }
  pieces_.clear();
  first_piece_ = arena_used_ = 0;
}

inline bool LoadConnection::receive() {
  const ssize_t got =
      recv(socket_, received_.get() + received_bytes_, receive_bytes - received_bytes_, MSG_DONTWAIT);
  if (got < 0 && errno == EAGAIN) return false;
  if (got <= 0) die("receive: {}", got == 0 ? "the target closed the connection" : std::strerror(errno));
  const uint64_t now = nanoseconds_now();
  const size_t end = received_bytes_ + static_cast<size_t>(got);
  size_t begin = std::min(skip_, end);
  skip_ -= begin;
  while (end - begin >= header_bytes) {
    const uint8_t* header = received_.get() + begin;
    take(header, now);
    const size_t whole = header_bytes + iscsi::additional_header_bytes(header) +
                         iscsi::padded(iscsi::data_segment_length(header));
    if (whole > end - begin) {
      skip_ = whole - (end - begin);
      begin = end;
      break;
    }
    begin += whole;
  }
  received_bytes_ = end - begin;
  if (received_bytes_ > 0) std::memmove(received_.get(), received_.get() + begin, received_bytes_);
  return true;
}

/// The header alone: a status that comes with data counts when its header is there, data that is skipped follows at once.
inline void LoadConnection::take(const uint8_t* header, uint64_t now) {
  const auto numbers = iscsi::TargetNumbers::decode(header);
  const iscsi::Opcode opcode = iscsi::opcode(header);
  max_cmd_sn_ = numbers.max_cmd_sn;
  switch (opcode) {
    case iscsi::Opcode::data_in:
      if ((header[1] & 0x01) == 0) return;  // S bit: with status
      break;
    case iscsi::Opcode::scsi_response: break;
    case iscsi::Opcode::r2t: return answer_r2t(header);
    case iscsi::Opcode::nop_in: return answer_ping(header);
    default: die("unexpected {} ({:02x})", iscsi::pdu_name(opcode), header[2]);
  }
  exp_stat_sn_ = numbers.stat_sn + 1;
  const bool failed = opcode == iscsi::Opcode::scsi_response && header[2] != 0;
  complete(iscsi::initiator_task_tag(header), failed ? uint8_t{0xff} : header[3], now);
}

inline void LoadConnection::complete(uint32_t tag, uint8_t status, uint64_t now) {
  if (tag >= slots_.size() || !slots_[tag].busy) die("an answer for ITT {:08x}, which is not in flight", tag);
  Slot& slot = slots_[tag];
  slot.busy = false;
  free_.push_back(tag);
  ++totals_.operations;
  if (status != 0) ++totals_.errors;
  if (slot.sent_at >= totals_.measured_since) totals_.latency.add(now - slot.sent_at);
}

inline void LoadConnection::answer_r2t(const uint8_t* header) {
  const iscsi::R2t r2t = iscsi::R2t::decode(header);
  iscsi::DataOut pdu;
  pdu.lun = r2t.lun;
  pdu.initiator_task_tag = r2t.initiator_task_tag;
  pdu.target_transfer_tag = r2t.target_transfer_tag;
  pdu.exp_stat_sn = exp_stat_sn_;
  uint32_t left = r2t.desired_data_transfer_length;
  pdu.buffer_offset = r2t.buffer_offset;
  while (left > 0) {
    pdu.data_segment_length = std::min({left, max_send_segment_, max_segment});
    left -= pdu.data_segment_length;
    pdu.final = left == 0;
    std::array<uint8_t, header_bytes> encoded;
    pdu.encode(encoded.data());
    append_header(encoded.data());
    append_data(pdu.data_segment_length);
    ++pdu.data_sn;
    pdu.buffer_offset += pdu.data_segment_length;
  }
}

inline void LoadConnection::answer_ping(const uint8_t* header) {
  const iscsi::NopIn ping = iscsi::NopIn::decode(header);
  if (ping.target_transfer_tag == iscsi::reserved_task_tag) return;
  iscsi::NopOut pdu;
  pdu.immediate = true;
  pdu.lun = ping.lun;
  pdu.target_transfer_tag = ping.target_transfer_tag;
  pdu.cmd_sn = cmd_sn_;
  pdu.exp_stat_sn = exp_stat_sn_;
  std::array<uint8_t, header_bytes> encoded;
  pdu.encode(encoded.data());
  append_header(encoded.data());
}

}  // namespace bench
