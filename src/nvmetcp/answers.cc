// What the controller sends: data, completions, R2T. All of it is queued; the end of the turn sends it in one go.
#include "base/crc32c.h"
#include "nvmetcp/server_impl.h"

namespace ashlar::nvmetcp {

using namespace wire::nvme;

namespace {

// A copy of up to this much is cheaper than one more piece in the gathered send, and frees the command at once.
constexpr uint32_t copied_data_bytes = 8192;

}  // namespace

uint32_t Connection::data_offset(uint32_t header_bytes) const {
  const uint32_t signed_bytes = header_bytes + (agreed_.header_digest ? tcp_digest_bytes : 0);
  const uint32_t unit = 4u * (agreed_.host_alignment + 1u);
  return (signed_bytes + unit - 1) / unit * unit;
}

// Room for a header with its digest and padding, and for `inline_bytes` behind it; the common part is filled in.
uint8_t* Connection::append_header(PduType type, uint8_t flags, uint32_t data_bytes, size_t inline_bytes) {
  const uint8_t header_bytes = header_bytes_of(type);
  const uint32_t digest = agreed_.header_digest ? tcp_digest_bytes : 0;
  const uint32_t offset = data_bytes > 0 ? data_offset(header_bytes) : header_bytes + digest;
  const bool signed_data = data_bytes > 0 && agreed_.data_digest;
  uint8_t* header = transmit_.append(offset + inline_bytes);
  if (header == nullptr) {
    close("session.dropped", "no memory is left for answers: the host does not read them");
    return nullptr;
  }
  wants_to_send();
  std::memset(header, 0, offset);
  CommonHeader common{type, flags, header_bytes, data_bytes > 0 ? static_cast<uint8_t>(offset) : uint8_t{0},
                      offset + data_bytes + (signed_data ? static_cast<uint32_t>(tcp_digest_bytes) : 0)};
  if (agreed_.header_digest) common.flags |= PduFlag::header_digest;
  if (signed_data) common.flags |= PduFlag::data_digest;
  common.encode(header);
  return header;
}

void Connection::seal_header(uint8_t* header) {
  if (!agreed_.header_digest) return;
  const uint8_t bytes = header[2];
  store_le32(header + bytes, crc32c({header, bytes}));
}

void Connection::send_completion(const Completion& completion) {
  uint8_t* header = append_header(PduType::response, 0, 0, 0);
  if (header == nullptr) return;
  completion.encode(header + common_header_bytes);
  seal_header(header);
}

void Connection::send_ready_to_transfer(const Command& command, uint32_t bytes) {
  uint8_t* header = append_header(PduType::ready_to_transfer, 0, 0, 0);
  if (header == nullptr) return;
  DataTransfer{command.entry.command_id(), command.tag(), 0, bytes}.encode(header);
  seal_header(header);
}

void Connection::send_data(Command& command, bool success) {
  const uint32_t length = command.data_in_bytes;
  const bool copied = length <= copied_data_bytes;
  const size_t digest = agreed_.data_digest ? tcp_digest_bytes : 0;
  const auto flags = static_cast<uint8_t>(PduFlag::last | (success ? PduFlag::success : 0));
  uint8_t* header = append_header(PduType::controller_data, flags, length, copied ? length + digest : 0);
  if (header == nullptr) return;
  DataTransfer{command.entry.command_id(), 0, 0, length}.encode(header);
  seal_header(header);
  if (copied) {
    uint8_t* data = header + header[3];
    command.buffer.copy_out(0, {data, length});
    if (digest != 0) store_le32(data + length, crc32c({data, length}));
    return;
  }
  std::array<iovec, Buffer::max_segments> parts;
  const size_t count = command.buffer.slice(0, length, parts);
  uint32_t crc = crc32c_start;
  for (size_t i = 0; i < count; ++i) {
    transmit_.append_reference(parts[i]);
    if (digest != 0)
      crc = crc32c_update(crc, {static_cast<const uint8_t*>(parts[i].iov_base), parts[i].iov_len});
  }
  if (digest == 0) return;
  uint8_t* trailer = transmit_.append(digest);
  if (trailer == nullptr) return close("session.dropped", "no memory is left for answers");
  store_le32(trailer, crc32c_finish(crc));
}

void Connection::answer(Command& command) {
  if (command.aborted() || phase_ == Phase::closing) return release(command);
  const bool has_data = command.outcome.ok() && command.data_in_bytes > 0;
  // The completion is left out where the host does without its queue head (NVMe/TCP 1.0 3.3.2.2).
  const bool success = has_data && !queue_->flow_control() && command.result == 0;
  if (has_data) send_data(command, success);
  if (phase_ == Phase::closing) return release(command);
  if (!success) {
    send_completion({command.result, queue_->submission_head(), queue_->id(), command.entry.command_id(),
                     command.outcome});
    if (phase_ == Phase::closing) return release(command);
  }
  if (has_data) queue_->traffic.read_bytes += command.data_in_bytes;
  if ((!has_data || command.data_in_bytes <= copied_data_bytes) && !command.awaits_data())
    return release(command);
  transmit_.call_when_sent(command);
}

}  // namespace ashlar::nvmetcp
