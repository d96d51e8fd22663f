#include "initiator/transport.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/crc32c.h"
#include "wire/iscsi_pdu.h"

namespace ashlar::initiator {

namespace iscsi = wire::iscsi;

namespace {

// Bulk receives in one call of readable(); then others have their turn.
constexpr int receives_a_turn = 4;
constexpr const char* place = "connection";

}  // namespace

Transport::Transport(loop::Loop& loop, PduHandler& handler, uint32_t max_data_segment_bytes)
    : loop_(loop),
      handler_(handler),
      declared_data_segment_bytes_(max_data_segment_bytes),
      // The longest PDU must fit beside what is left of the one before it.
      buffer_bytes_(std::max<size_t>(receive_buffer_bytes, size_t{max_data_segment_bytes} + 4096)),
      buffer_(std::make_unique_for_overwrite<uint8_t[]>(buffer_bytes_)) {}

void Transport::start(std::unique_ptr<loop::Stream> stream) {
  stream_ = std::move(stream);
  stream_->watch(*this);
}

void Transport::begin_full_feature_phase(bool header_digest, bool data_digest) {
  max_data_segment_bytes_ = declared_data_segment_bytes_;
  header_digest_ = header_digest;
  data_digest_ = data_digest;
  batch_.set_digests(header_digest, data_digest);
}

void Transport::want_send() {
  if (stream_ && !blocked_) loop_.at_turn_end(*this);
}

void Transport::go_on() {
  paused_ = false;
  if (stream_) stream_->resume();
}

void Transport::close() {
  loop_.withdraw(*this);
  stream_.reset();
  batch_.clear();
}

void Transport::fail_with(Error reason) {
  close();
  handler_.lost(std::move(reason));
}

void Transport::readable() {
  parse();
  for (int i = 0; stream_ && !paused_; ++i) {
    if (i == receives_a_turn) return stream_->resume();
    if (begin_ > 0) {
      std::memmove(buffer_.get(), buffer_.get() + begin_, end_ - begin_);
      end_ -= begin_;
      begin_ = 0;
    }
    const std::array<iovec, 1> room = {iovec{buffer_.get() + end_, buffer_bytes_ - end_}};
    const int64_t got = stream_->receive(room);
    if (got == loop::Stream::would_block) return;
    if (got == 0) return fail_with({ErrorCode::closed, place, "the target closed the connection"});
    if (got < 0) return fail_with(error_of_errno(static_cast<int>(-got), place, "receive"));
    end_ += static_cast<size_t>(got);
    parse();
    // Fewer bytes than asked for: readable() comes again by itself.
    if (static_cast<size_t>(got) < room[0].iov_len) return;
  }
}

void Transport::parse() {
  while (stream_ && !paused_) {
    const uint8_t* start = buffer_.get() + begin_;
    const size_t bytes = whole_pdu(start, end_ - begin_);
    if (bytes == 0) return;
    begin_ += bytes;
    ++received_pdus_;
    const size_t header_bytes = iscsi::basic_header_bytes + (header_digest_ ? iscsi::digest_bytes : 0);
    if (!handler_.received(start, {start + header_bytes, iscsi::data_segment_length(start)})) paused_ = true;
  }
}

bool Transport::refuse(const uint8_t* start, std::string_view what) {
  fail_with(
      {ErrorCode::protocol_error, place, fmt::format("{}: {}", iscsi::pdu_name(iscsi::opcode(start)), what)});
  return false;
}

bool Transport::header_right(const uint8_t* start) {
  // The digest comes first: without it the lengths are not to be trusted.
  if (header_digest_ &&
      load_le32(start + iscsi::basic_header_bytes) != crc32c({start, iscsi::basic_header_bytes})) {
    return refuse(start, "wrong header digest");
  }
  if (iscsi::additional_header_bytes(start) != 0) return refuse(start, "an additional header segment");
  const uint32_t data_bytes = iscsi::data_segment_length(start);
  if (data_bytes > max_data_segment_bytes_) {
    return refuse(start, fmt::format("{} bytes of data; MaxRecvDataSegmentLength is {}", data_bytes,
                                     max_data_segment_bytes_));
  }
  return true;
}

size_t Transport::whole_pdu(const uint8_t* start, size_t available) {
  const size_t header_bytes = iscsi::basic_header_bytes + (header_digest_ ? iscsi::digest_bytes : 0);
  if (available < header_bytes || !header_right(start)) return 0;
  const uint32_t data_bytes = iscsi::data_segment_length(start);
  if (data_bytes == 0) return header_bytes;
  const size_t covered = iscsi::padded(data_bytes);
  const size_t bytes = header_bytes + covered + (data_digest_ ? iscsi::digest_bytes : 0);
  if (bytes > available) return 0;
  if (data_digest_ && load_le32(start + header_bytes + covered) != crc32c({start + header_bytes, covered})) {
    refuse(start, "wrong data digest");
    return 0;
  }
  return bytes;
}

void Transport::writable() {
  blocked_ = false;
  want_send();
}

void Transport::turn_end() {
  if (!stream_ || blocked_) return;
  for (;;) {
    if (batch_.empty()) handler_.fill(batch_);
    if (!stream_ || batch_.empty()) return;
    switch (batch_.send(*stream_)) {
      case Batch::Progress::done: handler_.batch_sent(); break;
      case Batch::Progress::blocked: blocked_ = true; return;
      case Batch::Progress::failed:
        return fail_with(error_of_errno(static_cast<int>(-batch_.error()), place, "send"));
    }
  }
}

}  // namespace ashlar::initiator
