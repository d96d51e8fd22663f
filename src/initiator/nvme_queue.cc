#include "initiator/nvme_queue.h"

#include <algorithm>
#include <array>

#include "base/crc32c.h"
#include "tls/secure_stream.h"

namespace ashlar::initiator {

using namespace wire::nvme;

namespace {

Error lost_error(ErrorCode code, const loop::Endpoint& endpoint, std::string message) {
  return {code, endpoint.text(), std::move(message)};
}

/// Which of the names in it the other side does not take (NVMe-oF 1.1 3.3, figure 22).
std::unexpected<Error> refused_connect(const NvmeQueueOptions& options, const Completion& completion) {
  const Status status = completion.outcome.status;
  const uint64_t parameter = completion.result;
  const std::string told =
      fmt::format("(status {:03x}h, parameter {:x}h)", static_cast<unsigned>(status), parameter);
  const auto wrong = [&](uint16_t field) {
    return status == Status::connect_invalid_parameters &&
           parameter == invalid_connect_parameter(field, true);
  };
  if (wrong(ConnectField::subsystem))
    return fail(ErrorCode::not_found, "target", "it has no subsystem {} for {} {}", options.subsystem,
                options.host_name, told);
  if (status == Status::connect_invalid_host || wrong(ConnectField::host) || wrong(ConnectField::host_id))
    return fail(ErrorCode::permission_denied, "host_nqn", "it does not let {} connect to {} {}",
                options.host_name, options.subsystem, told);
  if (status == Status::connect_controller_busy)
    return fail(ErrorCode::busy, "controller", "it has no controller of {} free {}", options.subsystem, told);
  return fail(ErrorCode::protocol_error, "controller", "Connect of {} to {} was refused {}",
              options.host_name, options.subsystem, told);
}

}  // namespace

NvmeQueue::~NvmeQueue() {
  CHECK(waiting_.empty(), "a queue destroyed while {} commands wait", waiting_.size());
  loop_.withdraw(static_cast<loop::TurnEnd&>(*this));
  loop_.cancel(*this);
}

void NvmeQueue::watch_answers() {
  if (options_.answer_timeout.count() > 0 && !armed()) loop_.arm_after(*this, options_.answer_timeout);
}

void NvmeQueue::expired() {
  if (stream_ == nullptr) return;
  bool late = !initialized_ok_;
  for (const auto& [id, waiting] : waiting_)
    late = late || (!waiting->endless && loop_.now() - waiting->since >= options_.answer_timeout);
  if (late) return lose({ErrorCode::timed_out, "connection", "the controller does not answer"});
  if (!waiting_.empty()) loop_.arm_after(*this, options_.answer_timeout / 4);
}

loop::Task<Result<std::unique_ptr<NvmeQueue>>> NvmeQueue::connect(loop::Loop& loop,
                                                                  NvmeQueueOptions options) {
  std::unique_ptr<NvmeQueue> queue(new NvmeQueue(loop, std::move(options)));
  loop::Cancellation* const cancellation = queue->options_.cancellation;
  auto connecting = loop.connect(queue->options_.endpoint, queue->options_.timeout, cancellation);
  Result<std::unique_ptr<loop::Stream>> stream = co_await connecting;
  if (!stream) co_return std::unexpected(stream.error());
  CO_TRY(loop::Cancellation::check(cancellation, "controller"));
  const loop::Cancellation::Scope scope(
      cancellation, [&queue] { queue->close({ErrorCode::aborted, "controller", "given up"}); });
  queue->stream_ = std::move(*stream);
  if (queue->options_.tls_psk) CO_TRY(queue->secure());
  queue->stream_->watch(*queue);
  auto initializing = queue->initialize();
  const Result<void> initialized = co_await initializing;
  CO_TRY(initialized);
  auto asking = queue->send_connect();
  const Result<bool> connected = co_await asking;
  CO_TRY(connected);
  // Who wants the controller to prove itself takes none that does not.
  const bool wanted = queue->options_.proof && queue->options_.proof->controller_key;
  if (queue->options_.prove_at_once && (*connected || wanted)) {
    auto proving = queue->authenticate();
    const Result<void> proved = co_await proving;
    CO_TRY(proved);
  }
  co_return std::move(queue);
}

// The handshake begins when the stream is watched; ICReq waits for it.
Result<void> NvmeQueue::secure() {
  TRY_ASSIGN(std::unique_ptr<tls::SecureStream> secured,
             tls::SecureStream::call(loop_, stream_, *options_.tls_psk));
  stream_ = std::move(secured);
  return {};
}

loop::Task<Result<void>> NvmeQueue::initialize() {
  std::array<uint8_t, most_header_bytes> request;
  Initialization{.format = 0,
                 .data_alignment = options_.data_alignment,
                 .header_digest = options_.header_digest,
                 .data_digest = options_.data_digest,
                 .most = 0}
      .encode(request.data(), PduType::initialize_request);
  send_raw(request);
  watch_answers();
  co_await initialized_;
  if (!initialized_ok_) co_return std::unexpected(reason_);
  co_return Result<void>{};
}

// True: the controller asks for a proof.
loop::Task<Result<bool>> NvmeQueue::send_connect() {
  Submission entry;
  Connect{.record_format = 0,
          .queue_id = options_.queue_id,
          .queue_entries = static_cast<uint16_t>(options_.entries - 1),
          .no_flow_control = !options_.flow_control,
          .keep_alive_milliseconds = options_.keep_alive_milliseconds}
      .encode(entry);
  ConnectData names;
  names.host_id = options_.host_id;
  names.controller_id = options_.controller_id;
  names.subsystem = options_.subsystem;
  names.host = options_.host_name;
  const auto bytes = names.encode();
  std::vector<uint8_t> data(bytes.begin(), bytes.end());
  auto running = run(entry, std::move(data));
  const Result<NvmeAnswer> answer = co_await running;
  CO_TRY(answer);
  if (!answer->ok()) co_return refused_connect(options_, answer->completion);
  controller_id_ = static_cast<uint16_t>(answer->completion.result);
  if ((answer->completion.result & secure_channel_required_bit) != 0) {
    co_return fail(ErrorCode::unsupported, "controller",
                   "the controller asks for a secure channel made of the authentication");
  }
  co_return (answer->completion.result & authentication_required_bit) != 0;
}

loop::Task<Result<NvmeAnswer>> NvmeQueue::run(Submission entry, std::vector<uint8_t> data, uint32_t room) {
  if (stream_ == nullptr) co_return std::unexpected(reason_);
  Waiting waiting;
  waiting.data = std::move(data);
  do {
    ++next_command_;
  } while (waiting_.contains(next_command_));
  entry.set_command_id(next_command_);
  const auto length = static_cast<uint32_t>(waiting.data.size());
  const bool in_capsule = length > 0 && length <= options_.in_capsule_bytes;
  entry.set_data({in_capsule ? DataDescriptor::Kind::in_capsule : DataDescriptor::Kind::transport, 0,
                  length > 0 ? length : room});
  waiting.since = loop_.now();
  waiting.endless = options_.queue_id == 0 &&
                    entry.opcode() == static_cast<uint8_t>(AdminOpcode::asynchronous_event_request);
  waiting_[next_command_] = &waiting;
  watch_answers();
  append(PduType::command, 0, entry.bytes, in_capsule ? ConstBytes(waiting.data) : ConstBytes());
  co_await waiting.answered;
  if (waiting.lost) co_return std::unexpected(reason_);
  co_return std::move(waiting.answer);
}

Result<NvmeConnection> NvmeQueue::give_away() {
  CHECK(waiting_.empty() && to_send_.empty(), "a queue given away while {} commands wait", waiting_.size());
  if (stream_ == nullptr) return std::unexpected(reason_);
  if (!received_.empty()) {
    lose(lost_error(ErrorCode::protocol_error, options_.endpoint,
                    fmt::format("{} bytes behind the answer to Connect", received_.size())));
    return std::unexpected(reason_);
  }
  reason_ = lost_error(ErrorCode::closed, options_.endpoint, "the connection was given away");
  return NvmeConnection{std::move(stream_), options_, most_data_bytes_, data_alignment_};
}

void NvmeQueue::append(PduType type, uint8_t flags, ConstBytes specific, ConstBytes data) {
  const bool header_digest = digests_on_ && options_.header_digest,
             data_digest = digests_on_ && options_.data_digest;
  const auto header_bytes = static_cast<uint8_t>(common_header_bytes + specific.size());
  const uint32_t offset = header_bytes + (header_digest ? 4u : 0u);
  const bool signed_data = data_digest && !data.empty();
  CommonHeader header{type, flags, header_bytes, data.empty() ? uint8_t{0} : static_cast<uint8_t>(offset),
                      static_cast<uint32_t>(offset + data.size() + (signed_data ? 4 : 0))};
  if (header_digest) header.flags |= PduFlag::header_digest;
  if (signed_data) header.flags |= PduFlag::data_digest;
  std::vector<uint8_t> pdu(header.pdu_bytes);
  header.encode(pdu.data());
  std::ranges::copy(specific, pdu.begin() + common_header_bytes);
  if (header_digest) {
    const uint32_t crc = crc32c(ConstBytes(pdu).first(header_bytes));
    store_le32(pdu.data() + header_bytes, spoil_header_digest ? ~crc : crc);
  }
  std::ranges::copy(data, pdu.begin() + offset);
  if (signed_data)
    store_le32(pdu.data() + offset + data.size(), spoil_data_digest ? ~crc32c(data) : crc32c(data));
  send_raw(pdu);
}

void NvmeQueue::send_raw(ConstBytes bytes) {
  to_send_.insert(to_send_.end(), bytes.begin(), bytes.end());
  loop_.at_turn_end(*this);
}

std::string NvmeQueue::stream_failure() const {
  const std::string failure = stream_->failure();
  return failure.empty() ? "the connection failed" : failure;
}

void NvmeQueue::writable() { loop_.at_turn_end(*this); }

void NvmeQueue::turn_end() {
  while (stream_ != nullptr && !to_send_.empty()) {
    const iovec part{to_send_.data(), to_send_.size()};
    const int64_t sent = stream_->send({&part, 1});
    if (sent == loop::Stream::would_block) return;
    if (sent <= 0) return lose(lost_error(ErrorCode::closed, options_.endpoint, stream_failure()));
    to_send_.erase(to_send_.begin(), to_send_.begin() + sent);
  }
}

void NvmeQueue::readable() {
  std::array<uint8_t, 65536> buffer;
  while (stream_ != nullptr) {
    const iovec part{buffer.data(), buffer.size()};
    const int64_t count = stream_->receive({&part, 1});
    if (count == loop::Stream::would_block) return;
    if (count < 0) return lose(lost_error(ErrorCode::closed, options_.endpoint, stream_failure()));
    if (count == 0)
      return lose(lost_error(ErrorCode::closed, options_.endpoint, "the controller closed the connection"));
    received_.insert(received_.end(), buffer.begin(), buffer.begin() + count);
    parse();
    if (static_cast<size_t>(count) < buffer.size()) return;
  }
}

void NvmeQueue::parse() {
  size_t at = 0;
  while (stream_ != nullptr && received_.size() - at >= common_header_bytes) {
    const CommonHeader header = CommonHeader::decode(received_.data() + at);
    const HeaderFault fault = check_header(header, digests_on_ && options_.header_digest,
                                           digests_on_ && options_.data_digest, most_pdu_bytes);
    if (fault.found) {
      return lose(lost_error(
          ErrorCode::protocol_error, options_.endpoint,
          fmt::format("{} with a wrong header field at byte {}", pdu_name(header.type), fault.offset)));
    }
    if (received_.size() - at < header.pdu_bytes) break;
    if (!take_pdu(header, ConstBytes(received_).subspan(at, header.pdu_bytes))) return;
    at += header.pdu_bytes;
  }
  received_.erase(received_.begin(), received_.begin() + static_cast<std::ptrdiff_t>(at));
}

// False: the connection is lost.
bool NvmeQueue::take_pdu(const CommonHeader& header, ConstBytes pdu) {
  const auto wrong = [&](std::string_view what) {
    lose(lost_error(ErrorCode::protocol_error, options_.endpoint,
                    fmt::format("{}: {}", pdu_name(header.type), what)));
    return false;
  };
  if (header.has(PduFlag::header_digest) &&
      crc32c(pdu.first(header.header_bytes)) != load_le32(pdu.data() + header.header_bytes))
    return wrong("header digest error");
  switch (header.type) {
    case PduType::initialize_response: {
      const Initialization agreed = Initialization::decode(pdu.data());
      options_.header_digest = agreed.header_digest;
      options_.data_digest = agreed.data_digest;
      most_data_bytes_ = agreed.most;
      data_alignment_ = agreed.data_alignment;
      if (agreed.most < least_data_bytes) return wrong("MAXH2CDATA is less than 4096");
      digests_on_ = initialized_ok_ = true;
      initialized_.set();
      return true;
    }
    case PduType::response:
      take_completion(Completion::decode(pdu.data() + common_header_bytes));
      return true;
    case PduType::controller_data: take_data(header, pdu); return stream_ != nullptr;
    case PduType::ready_to_transfer: answer_ready_to_transfer(DataTransfer::decode(pdu.data())); return true;
    case PduType::controller_termination: {
      const Termination why = Termination::decode(pdu.data());
      terminated_ = static_cast<uint16_t>(why.error);
      return wrong(fmt::format("fatal error {}, information {}", terminated_, why.information));
    }
    default: return wrong("it is not for a host");
  }
}

void NvmeQueue::take_data(const CommonHeader& header, ConstBytes pdu) {
  const DataTransfer transfer = DataTransfer::decode(pdu.data());
  const ConstBytes data = pdu.subspan(header.data_offset, data_bytes_of(header));
  const bool good = !header.has(PduFlag::data_digest) || crc32c(data) == load_le32(data.data() + data.size());
  const auto found = waiting_.find(transfer.command_id);
  if (found == waiting_.end() || !good || transfer.offset != found->second->answer.data.size()) {
    return lose(lost_error(ErrorCode::protocol_error, options_.endpoint,
                           "data that does not fit, or with a wrong digest"));
  }
  std::vector<uint8_t>& into = found->second->answer.data;
  into.insert(into.end(), data.begin(), data.end());
  if (!header.has(PduFlag::success)) return;
  ++successes;
  Completion completion;
  completion.command_id = transfer.command_id;
  completion.queue_id = options_.queue_id;
  take_completion(completion);
}

void NvmeQueue::take_completion(const Completion& completion) {
  const auto found = waiting_.find(completion.command_id);
  if (found == waiting_.end()) return;
  Waiting* waiting = found->second;
  waiting_.erase(found);
  waiting->answer.completion = completion;
  waiting->answered.set();
}

void NvmeQueue::answer_ready_to_transfer(const DataTransfer& asked) {
  ++ready_to_transfers;
  last_transfer_tag = asked.transfer_tag;
  const auto found = waiting_.find(asked.command_id);
  if (found == waiting_.end() || hold_data) return;
  const ConstBytes all = found->second->data;
  if (asked.offset > all.size() || asked.length > all.size() - asked.offset) return;
  for (uint32_t done = 0; done < asked.length;) {
    const uint32_t part = std::min(asked.length - done, most_data_bytes_);
    std::array<uint8_t, data_header_bytes> header{};
    DataTransfer{asked.command_id, asked.transfer_tag, asked.offset + done, part}.encode(header.data());
    const bool last = done + part == asked.length;
    append(PduType::host_data, last ? PduFlag::last : uint8_t{0},
           ConstBytes(header).subspan(common_header_bytes), all.subspan(asked.offset + done, part));
    done += part;
  }
}

void NvmeQueue::lose(Error reason) {
  if (stream_ == nullptr) return;
  reason_ = std::move(reason);
  stream_.reset();
  for (auto& [id, waiting] : std::exchange(waiting_, {})) {
    waiting->lost = true;
    waiting->answered.set();
  }
  if (!initialized_ok_) initialized_.set();
}

}  // namespace ashlar::initiator
