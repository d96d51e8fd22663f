#include "initiator/nvme_session.h"

#include <algorithm>

#include "initiator/pieces.h"

namespace ashlar::initiator {

using namespace wire::nvme;

namespace {

uint32_t total_of(std::span<const iovec> parts) {
  CHECK(parts.size() <= Command::max_pieces, "{} pieces", parts.size());
  uint64_t bytes = 0;
  for (const iovec& part : parts) bytes += part.iov_len;
  CHECK(bytes <= UINT32_MAX, "{} bytes in one command", bytes);
  return static_cast<uint32_t>(bytes);
}

}  // namespace

void NvmeCommand::begin() {
  CHECK(state_ == State::idle, "an NVMe command submitted twice");
  CHECK(data_out.empty() || data_in.empty(), "data both ways: opcode {:02x}h", entry.opcode());
  CHECK(done != nullptr);
  expected_bytes_ = total_of(data_out) + total_of(data_in);
  state_ = State::waiting;
  outcome = Outcome::unknown;
  received_bytes = 0;
  in_batch_ = false;
  asked_offset_ = asked_bytes_ = given_bytes_ = 0;
}

loop::Task<Result<std::unique_ptr<NvmeSession>>> NvmeSession::connect(loop::Loop& loop,
                                                                      NvmeQueueOptions options) {
  if (options.entries < 2 || options.entries > max_entries) {
    co_return fail(ErrorCode::out_of_range, "entries", "{}: a queue has 2 to {} entries", options.entries,
                   max_entries);
  }
  auto connecting = NvmeQueue::connect(loop, std::move(options));
  const Result<std::unique_ptr<NvmeQueue>> queue = co_await connecting;
  if (!queue) co_return std::unexpected(queue.error());
  Result<NvmeConnection> connection = (*queue)->give_away();
  if (!connection) co_return std::unexpected(connection.error());
  co_return over(loop, std::move(*connection));
}

std::unique_ptr<NvmeSession> NvmeSession::over(loop::Loop& loop, NvmeConnection connection) {
  return std::unique_ptr<NvmeSession>(new NvmeSession(loop, std::move(connection)));
}

NvmeSession::NvmeSession(loop::Loop& loop, NvmeConnection connection)
    : loop_(loop),
      stream_(std::move(connection.stream)),
      options_(std::move(connection.options)),
      most_data_bytes_(connection.most_data_bytes),
      alignment_bytes_(4u * (connection.data_alignment + 1u)),
      slots_(options_.entries - 1u),
      buffer_(std::make_unique_for_overwrite<uint8_t[]>(receive_buffer_bytes)) {
  free_slots_.reserve(slots_.size());
  for (size_t i = slots_.size(); i > 0; --i) free_slots_.push_back(static_cast<uint16_t>(i - 1));
  batched_.reserve(Batch::max_pieces);
  batch_.set_digests(options_.header_digest, options_.data_digest);
  stream_->watch(*this);
}

NvmeSession::~NvmeSession() { end(ErrorCode::closed, "the session was destroyed"); }

void NvmeSession::end(ErrorCode code, const std::string& why) {
  if (stream_ == nullptr) return;
  closed_reason_ = Error{code, options_.endpoint.text(), why};
  loop_.withdraw(*this);
  stream_.reset();
  batch_.clear();
  placing_ = nullptr;
  in_data_ = false;
  data_left_ = 0;
  batch_sent();
  for (const Slot& slot : slots_) {
    if (slot.command != nullptr) complete(*slot.command, Outcome::unknown);
  }
  while (!waiting_.empty()) complete(waiting_.front(), Outcome::not_sent);
}

void NvmeSession::submit(NvmeCommand& command) {
  command.begin();
  waiting_.push_back(command);
  if (stream_ == nullptr) return complete(command, Outcome::not_sent);
  want_send();
}

/// The end of a command, wherever it stands. One that the batch under way points at is kept until that is sent.
void NvmeSession::complete(NvmeCommand& command, Outcome outcome) {
  command.outcome = outcome;
  if (command.state_ == NvmeCommand::State::waiting) waiting_.remove(command);
  if (IntrusiveList<NvmeCommand, NvmeTransferTag>::contains(command)) transferring_.remove(command);
  if (command.state_ == NvmeCommand::State::sent) {
    slots_[command.slot_].command = nullptr;
    free_slots_.push_back(command.slot_);
    if (!waiting_.empty()) want_send();
  }
  if (command.in_batch_) {
    command.state_ = NvmeCommand::State::lingering;
    return;
  }
  command.state_ = NvmeCommand::State::completing;
  loop_.post(command);
}

void NvmeSession::batch_sent() {
  for (NvmeCommand* command : batched_) {
    command->in_batch_ = false;
    if (command->state_ == NvmeCommand::State::lingering) complete(*command, command->outcome);
  }
  batched_.clear();
}

void NvmeSession::want_send() {
  if (stream_ != nullptr && !blocked_) loop_.at_turn_end(*this);
}

void NvmeSession::writable() {
  blocked_ = false;
  want_send();
}

void NvmeSession::turn_end() {
  while (stream_ != nullptr && !blocked_) {
    if (batch_.empty()) fill();
    if (batch_.empty()) return;
    switch (batch_.send(*stream_)) {
      case Batch::Progress::done: batch_sent(); break;
      case Batch::Progress::blocked: blocked_ = true; return;
      case Batch::Progress::failed: return end(ErrorCode::closed, "the connection failed");
    }
  }
}

/// Data that the controller waits for goes before new commands.
void NvmeSession::fill() {
  while (!transferring_.empty()) {
    if (!fill_transfer(transferring_.front())) return;
  }
  while (!waiting_.empty() && !free_slots_.empty()) {
    if (!fill_command(waiting_.front())) return;
  }
}

void NvmeSession::add(PduType type, uint8_t flags, NvmeCommand& command, uint32_t offset, uint32_t length) {
  const uint8_t header_bytes = header_bytes_of(type);
  const size_t digest = tcp_digest_bytes;
  const size_t signed_bytes = header_bytes + (options_.header_digest ? digest : 0);
  const size_t data_offset =
      length == 0 ? signed_bytes
                  : (signed_bytes + alignment_bytes_ - 1) / alignment_bytes_ * alignment_bytes_;
  const bool signed_data = length > 0 && options_.data_digest;
  CommonHeader header{type, flags, header_bytes, length > 0 ? static_cast<uint8_t>(data_offset) : uint8_t{0},
                      static_cast<uint32_t>(data_offset + length + (signed_data ? digest : 0))};
  if (options_.header_digest) header.flags |= PduFlag::header_digest;
  if (signed_data) header.flags |= PduFlag::data_digest;
  header.encode(batch_.header());
  batch_.add_after_gap(header_bytes, data_offset - signed_bytes, command.data_out, offset, length);
  if (length == 0 || command.in_batch_) return;
  command.in_batch_ = true;
  batched_.push_back(&command);
}

bool NvmeSession::fill_command(NvmeCommand& command) {
  const bool write = !command.data_out.empty();
  const bool in_capsule = write && command.expected_bytes_ <= options_.in_capsule_bytes;
  const uint32_t length = in_capsule ? command.expected_bytes_ : 0;
  if (!batch_.room(Batch::pieces_of(command.data_out, 0, length), 0)) return false;
  waiting_.remove(command);
  command.slot_ = free_slots_.back();
  free_slots_.pop_back();
  Slot& slot = slots_[command.slot_];
  slot.command = &command;
  slot.uses = static_cast<uint16_t>((slot.uses + 1) & 0x3f);
  command.state_ = NvmeCommand::State::sent;
  command.entry.set_command_id(static_cast<uint16_t>(slot.uses << 10 | command.slot_));
  command.entry.set_data({in_capsule ? DataDescriptor::Kind::in_capsule : DataDescriptor::Kind::transport, 0,
                          command.expected_bytes_});
  std::ranges::copy(command.entry.bytes, batch_.header() + common_header_bytes);
  add(PduType::command, 0, command, 0, length);
  if (in_capsule) command.given_bytes_ = command.asked_bytes_ = length;
  ++counters_.commands;
  return true;
}

bool NvmeSession::fill_transfer(NvmeCommand& command) {
  const uint32_t length = std::min(command.asked_bytes_ - command.given_bytes_, most_data_bytes_);
  const uint32_t offset = command.asked_offset_ + command.given_bytes_;
  if (!batch_.room(Batch::pieces_of(command.data_out, offset, length), 0)) return false;
  const bool last = command.given_bytes_ + length == command.asked_bytes_;
  DataTransfer{command.entry.command_id(), command.transfer_tag_, offset, length}.encode(batch_.header());
  add(PduType::host_data, last ? PduFlag::last : uint8_t{0}, command, offset, length);
  command.given_bytes_ += length;
  if (last) transferring_.remove(command);
  return true;
}

}  // namespace ashlar::initiator
