// What a controller sends to an NvmeSession: bulk receives parsed in place, large data straight into its command's memory.
#include <algorithm>
#include <cstring>

#include "initiator/nvme_session.h"
#include "initiator/pieces.h"

namespace ashlar::initiator {

using namespace wire::nvme;

namespace {

// Bulk receives in one call of readable(); then others have their turn.
constexpr int bulk_receives_a_turn = 4;
// Below this, a copy out of the receive buffer is cheaper than one more piece in the receive.
constexpr uint32_t direct_receive_bytes = 16384;
// Of one receive into a command's memory. 64 KiB: 1 MiB reads go 1.4 times as fast as with all of it at once, 128 KiB reads as fast.
constexpr uint32_t most_direct_bytes = 64 * 1024;
constexpr uint16_t slot_bits = 0x3ff;

}  // namespace

void NvmeSession::readable() {
  for (int i = 0; stream_ != nullptr; ++i) {
    if (i == bulk_receives_a_turn) return stream_->resume();
    if (begin_ > 0) {
      std::memmove(buffer_.get(), buffer_.get() + begin_, end_ - begin_);
      end_ -= begin_;
      begin_ = 0;
    }
    const int64_t left_over = receive_some();
    if (left_over < 0) return;
    parse();
    // Fewer bytes than asked for: readable() comes again by itself.
    if (left_over > 0) return;
  }
}

/// How many bytes less came than were asked for; negative: there is nothing more to parse.
int64_t NvmeSession::receive_some() {
  std::array<iovec, Command::max_pieces + 1> parts;
  size_t count = 0;
  uint32_t direct = 0;
  if (placing_ != nullptr && data_left_ >= direct_receive_bytes && end_ == 0) {
    direct = std::min(data_left_, most_direct_bytes);
    for_range(placing_->data_in, placing_->received_bytes, direct,
              [&](uint8_t* bytes, size_t length) { parts[count++] = {bytes, length}; });
  }
  const size_t room = direct > 0 && direct < data_left_ ? 0 : receive_buffer_bytes - end_;
  parts[count++] = {buffer_.get() + end_, room};
  const int64_t got = stream_->receive(std::span<const iovec>(parts).first(count));
  if (got == loop::Stream::would_block) return -1;
  if (got <= 0) {
    end(ErrorCode::closed, got == 0 ? "the controller closed the connection" : "the connection failed");
    return -1;
  }
  const auto placed = static_cast<uint32_t>(std::min<int64_t>(got, direct));
  if (placed > 0) {
    if (options_.data_digest) {
      for_range(placing_->data_in, placing_->received_bytes, placed,
                [this](uint8_t* bytes, size_t length) { crc_ = crc32c_update(crc_, {bytes, length}); });
    }
    placing_->received_bytes += placed;
    data_left_ -= placed;
  }
  const int64_t asked = int64_t{direct} + static_cast<int64_t>(room);
  end_ += static_cast<size_t>(got) - placed;
  return asked - got;
}

void NvmeSession::parse() {
  while (stream_ != nullptr) {
    if (in_data_) {
      take_data();
      if (data_left_ > 0 || !take_trailer()) return;
      continue;
    }
    if (!take_header(buffer_.get() + begin_, end_ - begin_)) return;
  }
}

/// False: more must come, or the session has ended.
bool NvmeSession::take_header(const uint8_t* start, size_t available) {
  if (available < common_header_bytes) return false;
  const CommonHeader header = CommonHeader::decode(start);
  const HeaderFault fault =
      check_header(header, options_.header_digest, options_.data_digest, NvmeQueue::most_pdu_bytes);
  if (fault.found) {
    violation(fmt::format("{} with a wrong header field at byte {}", pdu_name(header.type), fault.offset));
    return false;
  }
  const bool signed_header = header.has(PduFlag::header_digest);
  const bool termination = header.type == PduType::controller_termination;
  const size_t signed_bytes = header.header_bytes + (signed_header ? tcp_digest_bytes : 0);
  const size_t before_data = termination               ? header.pdu_bytes
                             : header.data_offset != 0 ? size_t{header.data_offset}
                                                       : signed_bytes;
  if (available < before_data) return false;
  if (signed_header && crc32c({start, header.header_bytes}) != load_le32(start + header.header_bytes)) {
    violation(fmt::format("{}: header digest error", pdu_name(header.type)));
    return false;
  }
  begin_ += before_data;
  take_pdu(header, start);
  return true;
}

void NvmeSession::take_pdu(const CommonHeader& header, const uint8_t* start) {
  switch (header.type) {
    case PduType::response: return take_completion(Completion::decode(start + common_header_bytes));
    case PduType::controller_data: return begin_data(header, DataTransfer::decode(start));
    case PduType::ready_to_transfer: return take_ready_to_transfer(DataTransfer::decode(start));
    case PduType::controller_termination: {
      const Termination why = Termination::decode(start);
      return violation(fmt::format("the controller ended the connection: fatal error {}, information {}",
                                   static_cast<unsigned>(why.error), why.information));
    }
    default: return violation(fmt::format("{} is not for a host", pdu_name(header.type)));
  }
}

NvmeCommand* NvmeSession::find(uint16_t command_id) {
  const size_t index = command_id & slot_bits;
  NvmeCommand* command = index < slots_.size() ? slots_[index].command : nullptr;
  if (command != nullptr && command->entry.command_id() == command_id) return command;
  violation(fmt::format("something for command {:04x}h, which is not in flight", command_id));
  return nullptr;
}

void NvmeSession::begin_data(const CommonHeader& header, const DataTransfer& transfer) {
  NvmeCommand* command = find(transfer.command_id);
  if (command == nullptr) return;
  const uint32_t length = data_bytes_of(header);
  const uint32_t expected = command->data_in.empty() ? 0 : command->expected_bytes_;
  if (transfer.length != length || transfer.offset != command->received_bytes ||
      length > expected - command->received_bytes) {
    return violation(fmt::format("{} bytes of data at {} (told: {}), where {} of {} have come", length,
                                 transfer.offset, transfer.length, command->received_bytes, expected));
  }
  placing_ends_ = header.has(PduFlag::success);
  if (placing_ends_ && !header.has(PduFlag::last)) return violation("SUCCESS before the last data");
  placing_ = command;
  placing_id_ = transfer.command_id;
  in_data_ = true;
  data_left_ = length;
  crc_ = crc32c_start;
}

void NvmeSession::take_data() {
  const auto count = static_cast<uint32_t>(std::min<size_t>(data_left_, end_ - begin_));
  if (count == 0) return;
  const uint8_t* from = buffer_.get() + begin_;
  if (options_.data_digest) crc_ = crc32c_update(crc_, {from, count});
  for_range(placing_->data_in, placing_->received_bytes, count, [&from](uint8_t* bytes, size_t length) {
    std::memcpy(bytes, from, length);
    from += length;
  });
  placing_->received_bytes += count;
  data_left_ -= count;
  begin_ += count;
}

/// False: the digest has not all come, or is wrong.
bool NvmeSession::take_trailer() {
  if (options_.data_digest) {
    if (end_ - begin_ < tcp_digest_bytes) return false;
    const uint32_t received = load_le32(buffer_.get() + begin_);
    begin_ += tcp_digest_bytes;
    if (received != crc32c_finish(crc_)) {
      violation("data digest error");
      return false;
    }
  }
  in_data_ = false;
  placing_ = nullptr;
  if (!placing_ends_) return true;
  ++counters_.successes;
  Completion completion;
  completion.command_id = placing_id_;
  completion.queue_id = options_.queue_id;
  take_completion(completion);
  return true;
}

void NvmeSession::take_completion(const Completion& completion) {
  NvmeCommand* command = find(completion.command_id);
  if (command == nullptr) return;
  const uint32_t moved =
      command->data_out.empty() ? command->received_bytes : command->asked_offset_ + command->given_bytes_;
  if (completion.outcome.ok() && moved != command->expected_bytes_)
    return violation(fmt::format("success after {} of {} bytes", moved, command->expected_bytes_));
  ++counters_.answers;
  command->completion = completion;
  complete(*command, Outcome::answered);
}

void NvmeSession::take_ready_to_transfer(const DataTransfer& asked) {
  ++counters_.ready_to_transfers;
  NvmeCommand* command = find(asked.command_id);
  if (command == nullptr) return;
  const uint32_t expected = command->data_out.empty() ? 0 : command->expected_bytes_;
  const bool under_way = IntrusiveList<NvmeCommand, NvmeTransferTag>::contains(*command);
  const uint32_t given = command->asked_offset_ + command->asked_bytes_;
  if (under_way || asked.length == 0 || asked.offset != given || asked.length > expected - given) {
    return violation(fmt::format("R2T for {} bytes at {} of {}, where {} were asked for", asked.length,
                                 asked.offset, expected, given));
  }
  command->transfer_tag_ = asked.transfer_tag;
  command->asked_offset_ = asked.offset;
  command->asked_bytes_ = asked.length;
  command->given_bytes_ = 0;
  transferring_.push_back(*command);
  want_send();
}

}  // namespace ashlar::initiator
