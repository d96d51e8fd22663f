#include "loop/pdu_receiver.h"

#include <algorithm>

namespace ashlar::loop {

PduReceiver::Outcome PduReceiver::receive(Stream& stream) {
  Bytes rest = shared_;
  int64_t received = 0;
  size_t asked = 0;
  if (in_data_ && placeable() >= direct_bytes) {
    asked = placeable() + shared_.size();
    received = receive_directly(stream, rest);
  } else {
    const size_t kept = carry_.size();
    std::copy(carry_.begin(), carry_.end(), shared_.begin());
    const iovec part{shared_.data() + kept, shared_.size() - kept};
    asked = part.iov_len;
    received = stream.receive({&part, 1});
    rest = shared_.first(kept + (received > 0 ? static_cast<size_t>(received) : 0));
  }
  if (received == Stream::would_block) return Outcome::drained;
  if (received == 0) return Outcome::end_of_stream;
  if (received < 0) return Outcome::failed;
  carry_.clear();
  parse(rest);
  return static_cast<size_t>(received) < asked ? Outcome::drained : Outcome::more;
}

int64_t PduReceiver::receive_directly(Stream& stream, Bytes& rest) {
  std::array<iovec, Buffer::max_segments + 1> parts;
  const uint32_t wanted = placeable();
  const size_t count =
      plan_.buffer->slice(plan_.offset + data_done_, wanted, std::span(parts).first(Buffer::max_segments));
  parts[count] = {shared_.data(), shared_.size()};
  const int64_t received = stream.receive(std::span(parts).first(count + 1));
  if (received <= 0) return received;
  const auto placed = static_cast<uint32_t>(std::min<int64_t>(received, wanted));
  uint32_t left = frame_.data_digest ? placed : 0;
  for (size_t i = 0; i < count && left > 0; ++i) {
    const size_t part = std::min<size_t>(left, parts[i].iov_len);
    crc_ = crc32c_update(crc_, {static_cast<const uint8_t*>(parts[i].iov_base), part});
    left -= static_cast<uint32_t>(part);
  }
  data_done_ += placed;
  rest = shared_.first(static_cast<size_t>(received) - placed);
  return received;
}

void PduReceiver::parse(ConstBytes bytes) {
  for (;;) {
    if (stop_.stopped()) {
      carry_.assign(bytes.begin(), bytes.end());
      return;
    }
    if (!in_data_) {
      if (take_header(bytes)) continue;
      if (!stop_.stopped()) carry_.assign(bytes.begin(), bytes.end());
      return;
    }
    take_gap(bytes);
    if (data_done_ < frame_.data_bytes) {
      if (bytes.empty()) return;
      if (plan_.kind == DataPlan::Kind::collect && collected_.empty() && collected_in_place(bytes)) continue;
      take_data(bytes);
    }
    if (data_done_ < frame_.data_bytes) return;
    take_trailer(bytes);
    if (trailer_done_ < trailer_bytes()) return;
    finish_pdu(collected_);
  }
}

// False: there is not enough of it yet, or the handler has stopped.
bool PduReceiver::take_header(ConstBytes& bytes) {
  const Frame frame = header_of(bytes);
  if (frame.header_bytes == 0) return false;
  frame_ = frame;
  data_done_ = 0;
  trailer_done_ = 0;
  crc_ = crc32c_start;
  collected_.clear();
  plan_ = {};
  if (!frame.passed_over) plan_ = header_arrived(bytes.first(frame.header_bytes));
  bytes = bytes.subspan(frame.header_bytes);
  if (stop_.stopped()) return true;
  if (frame.data_bytes > 0) {
    in_data_ = true;
  } else if (!frame.passed_over) {
    pdu_arrived({});
  }
  return true;
}

void PduReceiver::take_gap(ConstBytes& bytes) {
  const auto part = static_cast<uint32_t>(std::min<size_t>(bytes.size(), frame_.gap_bytes));
  frame_.gap_bytes -= part;
  bytes = bytes.subspan(part);
}

// The usual case of a small PDU: all of it is in the receive buffer, nothing is copied.
bool PduReceiver::collected_in_place(ConstBytes& bytes) {
  if (bytes.size() < frame_.data_bytes + trailer_bytes()) return false;
  const ConstBytes data = bytes.first(frame_.data_bytes);
  if (frame_.data_digest) crc_ = crc32c_update(crc_, data);
  data_done_ = frame_.data_bytes;
  bytes = bytes.subspan(frame_.data_bytes);
  take_trailer(bytes);
  finish_pdu(data);
  return true;
}

void PduReceiver::take_data(ConstBytes& bytes) {
  const auto part = static_cast<uint32_t>(std::min<size_t>(bytes.size(), frame_.data_bytes - data_done_));
  const ConstBytes data = bytes.first(part);
  if (frame_.data_digest) crc_ = crc32c_update(crc_, data);
  if (plan_.kind == DataPlan::Kind::collect) collected_.insert(collected_.end(), data.begin(), data.end());
  const uint32_t placed = std::min(part, placeable());
  if (placed > 0) plan_.buffer->copy_in(plan_.offset + data_done_, data.first(placed));
  data_done_ += part;
  bytes = bytes.subspan(part);
}

void PduReceiver::take_trailer(ConstBytes& bytes) {
  const size_t part = std::min(bytes.size(), trailer_bytes() - trailer_done_);
  std::copy_n(bytes.begin(), part, trailer_.begin() + trailer_done_);
  trailer_done_ = static_cast<uint8_t>(trailer_done_ + part);
  bytes = bytes.subspan(part);
}

void PduReceiver::finish_pdu(ConstBytes collected) {
  in_data_ = false;
  if (frame_.passed_over) return;
  if (frame_.data_digest) {
    crc_ = crc32c_update(crc_, ConstBytes(trailer_).first(frame_.padding_bytes));
    if (crc32c_finish(crc_) != load_le32(trailer_.data() + frame_.padding_bytes)) return data_digest_failed();
  }
  pdu_arrived(collected);
}

}  // namespace ashlar::loop
