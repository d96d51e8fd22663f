#include "nvmetcp/receiver.h"

#include <algorithm>

namespace ashlar::nvmetcp {

using wire::nvme::common_header_bytes;
using wire::nvme::FatalError;
using wire::nvme::PduFlag;
using wire::nvme::tcp_digest_bytes;

Receiver::Outcome Receiver::receive(loop::Stream& stream) {
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
  const auto placed = static_cast<uint32_t>(std::min<int64_t>(received, wanted));
  uint32_t left = trailer_length_ != 0 ? placed : 0;
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
    if (!in_data_) {
      if (take_header(bytes)) continue;
      if (!handler_.stopped()) carry_.assign(bytes.begin(), bytes.end());
      return;
    }
    take_padding(bytes);
    if (data_done_ < data_length_) {
      if (bytes.empty()) return;
      if (plan_.kind == DataPlan::Kind::collect && collected_.empty() && collected_in_place(bytes)) continue;
      take_data(bytes);
    }
    if (data_done_ < data_length_) return;
    take_trailer(bytes);
    if (trailer_done_ < trailer_length_) return;
    finish_pdu(collected_);
  }
}

// False: there is not enough of it yet, or the handler has stopped.
bool Receiver::take_header(ConstBytes& bytes) {
  if (bytes.size() < common_header_bytes) return false;
  common_ = CommonHeader::decode(bytes.data());
  const wire::nvme::HeaderFault fault =
      check_header(common_, header_digest_, data_digest_, handler_.most_data_bytes(common_.type));
  if (fault.found) {
    handler_.header_failed({fault.error, fault.offset}, bytes.first(common_header_bytes));
    return false;
  }
  const bool signed_header = common_.has(PduFlag::header_digest);
  const size_t total = common_.header_bytes + (signed_header ? tcp_digest_bytes : 0);
  if (bytes.size() < total) return false;
  if (signed_header) {
    const uint32_t received = load_le32(bytes.data() + common_.header_bytes);
    if (crc32c(bytes.first(common_.header_bytes)) != received) {
      handler_.header_failed({FatalError::header_digest_error, received}, bytes.first(common_.header_bytes));
      return false;
    }
  }
  begin_data(bytes, total);
  return true;
}

void Receiver::begin_data(ConstBytes& bytes, size_t signed_bytes) {
  const uint8_t* header = bytes.data();
  data_length_ = data_bytes_of(common_);
  data_done_ = 0;
  trailer_done_ = 0;
  trailer_length_ = data_length_ > 0 && common_.has(PduFlag::data_digest) ? tcp_digest_bytes : 0;
  const bool has_offset = data_length_ > 0 && common_.data_offset > signed_bytes;
  padding_ = has_offset ? static_cast<uint32_t>(common_.data_offset - signed_bytes) : 0;
  crc_ = crc32c_start;
  collected_.clear();
  plan_ = {};
  std::copy_n(header, common_.header_bytes, header_.begin());
  plan_ = handler_.header_arrived(common_, header_.data());
  bytes = bytes.subspan(signed_bytes);
  if (handler_.stopped()) return;
  if (data_length_ == 0) {
    handler_.pdu_arrived(common_, header_.data(), {});
  } else {
    in_data_ = true;
  }
}

void Receiver::take_padding(ConstBytes& bytes) {
  const auto part = static_cast<uint32_t>(std::min<size_t>(bytes.size(), padding_));
  padding_ -= part;
  bytes = bytes.subspan(part);
}

// The usual case of a small PDU: all of it is in the receive buffer, nothing is copied.
bool Receiver::collected_in_place(ConstBytes& bytes) {
  if (bytes.size() < size_t{data_length_} + trailer_length_) return false;
  const ConstBytes data = bytes.first(data_length_);
  if (trailer_length_ != 0) crc_ = crc32c_update(crc_, data);
  data_done_ = data_length_;
  bytes = bytes.subspan(data_length_);
  take_trailer(bytes);
  finish_pdu(data);
  return true;
}

void Receiver::take_data(ConstBytes& bytes) {
  const auto part = static_cast<uint32_t>(std::min<size_t>(bytes.size(), data_length_ - data_done_));
  const ConstBytes data = bytes.first(part);
  if (trailer_length_ != 0) crc_ = crc32c_update(crc_, data);
  if (plan_.kind == DataPlan::Kind::collect) collected_.insert(collected_.end(), data.begin(), data.end());
  if (plan_.kind == DataPlan::Kind::place) plan_.buffer->copy_in(plan_.offset + data_done_, data);
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
  if (trailer_length_ != 0 && crc32c_finish(crc_) != load_le32(trailer_.data()))
    return handler_.data_digest_failed(common_, header_.data());
  handler_.pdu_arrived(common_, header_.data(), collected);
}

}  // namespace ashlar::nvmetcp
