#include "iscsi/receiver.h"

#include <algorithm>

namespace ashlar::iscsi {

using wire::iscsi::basic_header_bytes;
using wire::iscsi::digest_bytes;

namespace {

// Digests travel little-endian (RFC 7143 13.1 and its examples in appendix A).
uint32_t wire_digest(const uint8_t* bytes) { return load_le32(bytes); }

}  // namespace

Receiver::Outcome Receiver::receive(loop::Stream& stream) {
  Bytes rest = shared_;
  int64_t received = 0;
  size_t asked = 0;
  size_t kept = 0;
  if (in_data_ && placeable() >= direct_bytes) {
    asked = placeable() + shared_.size();
    received = receive_directly(stream, rest);
  } else {
    kept = carry_.size();
    std::copy(carry_.begin(), carry_.end(), shared_.begin());
    const iovec part{shared_.data() + kept, shared_.size() - kept};
    asked = part.iov_len;
    received = stream.receive({&part, 1});
    rest = shared_.first(kept + (received > 0 ? static_cast<size_t>(received) : 0));
  }
  if (received == loop::Stream::would_block) return Outcome::drained;
  if (received == 0) return Outcome::end_of_stream;
  if (received < 0) return Outcome::failed;
  carry_.clear();
  parse(rest);
  return static_cast<size_t>(received) < asked ? Outcome::drained : Outcome::more;
}

int64_t Receiver::receive_directly(loop::Stream& stream, Bytes& rest) {
  std::array<iovec, Buffer::max_segments + 1> parts;
  const uint32_t wanted = placeable();
  const size_t count =
      plan_.buffer->slice(plan_.offset + data_done_, wanted, std::span(parts).first(Buffer::max_segments));
  parts[count] = {shared_.data(), shared_.size()};
  const int64_t received = stream.receive(std::span(parts).first(count + 1));
  if (received <= 0) return received;
  const uint32_t placed = static_cast<uint32_t>(std::min<int64_t>(received, wanted));
  uint32_t left = data_digest_ ? placed : 0;
  for (size_t i = 0; i < count && left > 0; ++i) {
    const size_t part = std::min<size_t>(left, parts[i].iov_len);
    crc_ = crc32c_update(crc_, {static_cast<const uint8_t*>(parts[i].iov_base), part});
    left -= static_cast<uint32_t>(part);
  }
  data_done_ += placed;
  rest = shared_.first(static_cast<size_t>(received) - placed);
  return received;
}

void Receiver::parse(ConstBytes bytes) {
  for (;;) {
    if (handler_.stopped()) {
      carry_.assign(bytes.begin(), bytes.end());
      return;
    }
    if (in_data_) {
      if (data_done_ < data_length_) {
        if (bytes.empty()) return;
        if (plan_.kind == DataPlan::Kind::collect && collected_.empty() && collected_in_place(bytes))
          continue;
        take_data(bytes);
      }
      if (data_done_ < data_length_) return;
      take_trailer(bytes);
      if (trailer_done_ < trailer_length_) return;
      finish_pdu(collected_);
      continue;
    }
    if (!take_header(bytes)) {
      if (!handler_.stopped()) carry_.assign(bytes.begin(), bytes.end());
      return;
    }
  }
}

bool Receiver::take_header(ConstBytes& bytes) {
  if (bytes.size() < basic_header_bytes) return false;
  const uint8_t* header = bytes.data();
  const uint32_t additional = wire::iscsi::additional_header_bytes(header);
  const size_t signed_bytes = basic_header_bytes + additional;
  const size_t total = signed_bytes + (header_digest_ ? digest_bytes : 0);
  if (bytes.size() < total) return false;
  if (header_digest_ && crc32c(bytes.first(signed_bytes)) != wire_digest(header + signed_bytes)) {
    handler_.header_digest_failed(header);
    return true;
  }
  data_length_ = wire::iscsi::data_segment_length(header);
  data_done_ = 0;
  trailer_done_ = 0;
  padding_ = static_cast<uint8_t>(wire::iscsi::padded(data_length_) - data_length_);
  trailer_length_ = static_cast<uint8_t>(padding_ + (data_digest_ && data_length_ > 0 ? digest_bytes : 0));
  crc_ = crc32c_start;
  collected_.clear();
  plan_ = {};
  plan_ = handler_.header_arrived(header, bytes.subspan(basic_header_bytes, additional));
  if (handler_.stopped()) return true;
  if (data_length_ == 0) {
    handler_.pdu_arrived(header, {});
  } else {
    std::copy_n(header, basic_header_bytes, header_.begin());
    in_data_ = true;
  }
  bytes = bytes.subspan(total);
  return true;
}

// The usual case of a small control PDU: all of it is in the receive buffer, nothing is copied.
bool Receiver::collected_in_place(ConstBytes& bytes) {
  if (bytes.size() < size_t{data_length_} + trailer_length_) return false;
  const ConstBytes data = bytes.first(data_length_);
  if (data_digest_) crc_ = crc32c_update(crc_, data);
  data_done_ = data_length_;
  bytes = bytes.subspan(data_length_);
  take_trailer(bytes);
  finish_pdu(data);
  return true;
}

void Receiver::take_data(ConstBytes& bytes) {
  const uint32_t part = static_cast<uint32_t>(std::min<size_t>(bytes.size(), data_length_ - data_done_));
  const ConstBytes data = bytes.first(part);
  if (data_digest_) crc_ = crc32c_update(crc_, data);
  if (plan_.kind == DataPlan::Kind::collect) collected_.insert(collected_.end(), data.begin(), data.end());
  const uint32_t placed = std::min(part, placeable());
  if (placed > 0) plan_.buffer->copy_in(plan_.offset + data_done_, data.first(placed));
  data_done_ += part;
  bytes = bytes.subspan(part);
}

void Receiver::take_trailer(ConstBytes& bytes) {
  const size_t part = std::min<size_t>(bytes.size(), trailer_length_ - trailer_done_);
  std::copy_n(bytes.begin(), part, trailer_.begin() + trailer_done_);
  trailer_done_ = static_cast<uint8_t>(trailer_done_ + part);
  bytes = bytes.subspan(part);
}

void Receiver::finish_pdu(ConstBytes collected) {
  in_data_ = false;
  if (data_digest_) {
    crc_ = crc32c_update(crc_, ConstBytes(trailer_).first(padding_));
    if (crc32c_finish(crc_) != wire_digest(trailer_.data() + padding_)) {
      handler_.data_digest_failed(header_.data());
      return;
    }
  }
  handler_.pdu_arrived(header_.data(), collected);
}

void Receiver::forget(const Buffer& buffer) {
  if (in_data_ && plan_.buffer == &buffer) plan_ = {};
}

}  // namespace ashlar::iscsi
