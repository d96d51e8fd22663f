// What the host sends: ICReq, Connect, capsules, data (NVMe/TCP 1.0 3.6).
#include "nvmetcp/server_impl.h"

namespace ashlar::nvmetcp {

using namespace wire::nvme;

namespace {

constexpr uint8_t most_alignment = 31;  // HPDA
constexpr uint32_t admin_capsule_bytes = 8192;

std::string peer_error(FatalError error, uint32_t information) {
  switch (error) {
    case FatalError::invalid_header_field:
      return fmt::format("the field at byte {} of its header", information);
    case FatalError::sequence_error: return "it is not its turn";
    case FatalError::header_digest_error: return "header digest";
    case FatalError::transfer_out_of_range: return "data that was not asked for";
    case FatalError::transfer_limit_exceeded: return "more data than agreed on";
    case FatalError::unsupported_parameter: return fmt::format("the parameter at byte {}", information);
  }
  return "unknown";
}

}  // namespace

uint32_t Connection::most_data_bytes(PduType type) const {
  switch (type) {
    // Connect brings 1024 bytes whatever a host knows of us; admin capsules take as much as others (3.3.2.1).
    case PduType::command:
      if (queue_ == nullptr) return admin_capsule_bytes;
      return std::max(queue_->controller().facts.bounds.in_capsule_bytes, admin_capsule_bytes);
    case PduType::host_data: return server_.settings().most_host_data_bytes;
    default: return 0;
  }
}

bool Connection::is_next(PduType type) const {
  switch (phase_) {
    case Phase::initializing: return type == PduType::initialize_request;
    case Phase::connecting: return type == PduType::command;
    default: return type == PduType::command || type == PduType::host_data;
  }
}

DataPlan Connection::header_arrived(const CommonHeader& header, const uint8_t* bytes) {
  if (header.type == PduType::host_termination) {
    const Termination why = Termination::decode(bytes);
    close("protocol.error",
          fmt::format("the host ended the connection: {}", peer_error(why.error, why.information)));
    return {};
  }
  if (!is_next(header.type)) {
    terminate({FatalError::sequence_error, 0}, {bytes, header.header_bytes},
              fmt::format("{} out of turn", pdu_name(header.type)));
    return {};
  }
  switch (header.type) {
    case PduType::command:
      if (phase_ == Phase::connecting)
        return {.kind = DataPlan::Kind::collect, .buffer = nullptr, .offset = 0, .useful = 0};
      return command_arrived(header, bytes);
    case PduType::host_data: return data_arrived(header, bytes);
    default: return {};
  }
}

void Connection::pdu_arrived(const CommonHeader& header, const uint8_t* bytes, ConstBytes data) {
  switch (header.type) {
    case PduType::initialize_request: return initialize(bytes);
    case PduType::host_data: {
      Command* command = std::exchange(receiving_, nullptr);
      if (command != nullptr) command->arrived(data_bytes_of(header));
      return;
    }
    case PduType::command: {
      if (phase_ == Phase::connecting) return connect(bytes, data);
      Command* command = std::exchange(placing_, nullptr);
      if (command == nullptr || command->over()) return;
      queue_->traffic.written_bytes += data_bytes_of(header);
      queue_->data_arrived(*command);
      return;
    }
    default: return;
  }
}

void Connection::initialize(const uint8_t* bytes) {
  const Initialization asked = Initialization::decode(bytes);
  const ConstBytes header(bytes, most_header_bytes);
  if (asked.format != 0)
    return terminate({FatalError::unsupported_parameter, 8}, header, "PDU format version");
  if (asked.data_alignment > most_alignment)
    return terminate({FatalError::invalid_header_field, 10}, header, "HPDA");
  const nvme::Settings& settings = server_.settings();
  const Agreed agreed{asked.header_digest && settings.header_digest,
                      asked.data_digest && settings.data_digest, asked.data_alignment, take_secured()};
  uint8_t* answer = transmit_.append(most_header_bytes);
  if (answer == nullptr) return close("login.refused", "no memory is left for answers");
  Initialization{.format = 0,
                 .data_alignment = 0,
                 .header_digest = agreed.header_digest,
                 .data_digest = agreed.data_digest,
                 .most = settings.most_host_data_bytes}
      .encode(answer, PduType::initialize_response);
  wants_to_send();
  use(agreed);
  phase_ = Phase::connecting;
}

void Connection::connect(const uint8_t* bytes, ConstBytes data) {
  const Submission entry = Submission::copy_of(bytes + common_header_bytes);
  const bool is_connect = entry.is_fabrics() && entry.fabrics_type() == FabricsType::connect;
  Completion completion{
      .result = 0, .submission_head = 0xffff, .queue_id = 0, .command_id = entry.command_id(), .outcome = {}};
  if (!is_connect || data.size() != connect_data_bytes) {
    completion.outcome = refusal(is_connect ? Status::data_length_invalid : Status::command_sequence_error);
    send_completion(completion);
    return flush_then_close("login.refused", "the first command is not a Connect with its data");
  }
  const nvme::ConnectRequest request{Connect::decode(entry), ConnectData::decode(data), port_,
                                     stream_->local(),       stream_->peer(),           agreed_.secured};
  const uint32_t shard = server_.domain.shard_for(request);
  if (shard != server_.loop.index() && transmit_.empty()) {
    // It goes there as it came, without digests: those were right.
    Move move{shard, {}};
    move.said.resize(capsule_header_bytes);
    std::copy_n(bytes, capsule_header_bytes, move.said.begin());
    move.said.insert(move.said.end(), data.begin(), data.end());
    move_ = std::move(move);
    return;
  }
  nvme::ConnectAnswer answer = server_.domain.connect(*this, request);
  completion.result = answer.result;
  completion.outcome = answer.outcome;
  completion.queue_id = request.connect.queue_id;
  if (answer.queue == nullptr) {
    send_completion(completion);
    return flush_then_close(
        "login.refused",
        fmt::format("Connect of host {} to {} was refused: status {:03x}h parameter {:x}h{}{}",
                    request.data.host.value_or("?"), request.data.subsystem.value_or("?"),
                    static_cast<unsigned>(answer.outcome.status), answer.result,
                    answer.reason.empty() ? "" : ", ", answer.reason));
  }
  queue_ = std::move(answer.queue);
  completion.submission_head = queue_->pass_over();
  send_completion(completion);
  if (queue_->barred()) {
    phase_ = Phase::authenticating;
    return server_.loop.cancel(*this);
  }
  leave_half_open();
  phase_ = Phase::serving;
  announce();
}

// To people: the host is in.
void Connection::announce() {
  const nvme::ControllerFacts& facts = queue_->controller().facts;
  const std::string how = queue_->authentication();
  log_info(
      "nvmetcp",
      "connected subsystem={} host={} controller={} queue={} entries={} peer={} authentication=\"{}\" shard={}",
      facts.subsystem, facts.host_name, facts.id, queue_->id(), queue_->entries(), stream_->peer().text(),
      how, server_.loop.index());
  if (!queue_->is_admin()) return;
  server_.tell(
      {"session.login", facts.subsystem, facts.host_name, stream_->peer().text(),
       fmt::format("controller {}{}{}", facts.id, how == "none" ? "" : ", ", how == "none" ? "" : how)});
}

DataPlan Connection::command_arrived(const CommonHeader& header, const uint8_t* bytes) {
  const uint32_t data_bytes = data_bytes_of(header);
  if (queue_->commands_in_flight() >= queue_->entries()) {
    terminate({FatalError::sequence_error, 0}, {bytes, header.header_bytes},
              "more commands than the queue has entries");
    return {};
  }
  Command* command = server_.commands.take();
  if (command == nullptr) {
    // Nothing was done: the host sends it again.
    const Submission entry = Submission::copy_of(bytes + common_header_bytes);
    send_completion({0, queue_->pass_over(), queue_->id(), entry.command_id(),
                     queue_->controller().with_delay({Status::command_interrupted, false})});
    return {};
  }
  command->begin(*this, bytes + common_header_bytes);
  commands_.push_back(*command);
  const DataDescriptor described = command->entry.data();
  const bool in_capsule = described.kind == DataDescriptor::Kind::in_capsule && described.length > 0;
  Outcome wrong;
  if (in_capsule && !command->entry.sends_data()) {
    wrong = refusal(Status::descriptor_type_invalid);
  } else if (in_capsule && described.offset != 0) {
    wrong = refusal(Status::offset_invalid);
  } else if (data_bytes != (in_capsule ? described.length : 0)) {
    wrong = refusal(Status::data_length_invalid);
  } else if (described.kind == DataDescriptor::Kind::unknown && described.length > 0) {
    wrong = refusal(Status::descriptor_type_invalid);
  }
  placing_ = in_capsule && wrong.ok() ? command : nullptr;
  queue_->submit(*command, wrong);
  // Whoever takes the data has its buffer by now; else it is read and forgotten.
  if (placing_ == nullptr || command->buffer.size() != data_bytes) {
    placing_ = nullptr;
    return {};
  }
  return {.kind = DataPlan::Kind::place, .buffer = &command->buffer, .offset = 0, .useful = data_bytes};
}

DataPlan Connection::data_arrived(const CommonHeader& header, const uint8_t* bytes) {
  const DataTransfer data = DataTransfer::decode(bytes);
  const ConstBytes quoted(bytes, header.header_bytes);
  Command* command = server_.commands.find(data.transfer_tag);
  if (command == nullptr || !command->belongs_to(*this) || !command->awaits_data()) {
    terminate({FatalError::invalid_header_field, 10}, quoted,
              "H2CData for a transfer tag that is not in use");
    return {};
  }
  if (data.length != data_bytes_of(header)) {
    terminate({FatalError::invalid_header_field, 16}, quoted, "H2CData of another length than it says");
    return {};
  }
  const HeaderFault fault = command->check(data, header.has(PduFlag::last));
  if (fault.found) {
    terminate({fault.error, fault.offset}, quoted, "H2CData that was not asked for");
    return {};
  }
  receiving_ = command;
  Buffer* buffer = command->place();
  if (buffer == nullptr) return {};
  return {.kind = DataPlan::Kind::place, .buffer = buffer, .offset = data.offset, .useful = data.length};
}

void Connection::header_failed(Termination why, ConstBytes bytes) {
  if (phase_ == Phase::initializing && bytes[0] == tls_handshake_record)
    return terminate(why, bytes, "the host begins TLS, which is off at this portal", "login.refused");
  terminate(why, bytes,
            fmt::format("{} with a wrong header: {}", pdu_name(static_cast<PduType>(bytes[0])),
                        peer_error(why.error, why.information)));
}

// Not fatal (3.3.1.1): the command ends with Transient Transport Error.
void Connection::data_digest_failed(const CommonHeader& header, const uint8_t* /*bytes*/) {
  log_warning("nvmetcp", "data digest error subsystem={} host={} peer={}", subsystem(), host_name(),
              stream_->peer().text());
  if (header.type == PduType::host_data) {
    Command* command = std::exchange(receiving_, nullptr);
    if (command == nullptr) return;
    command->data_lost();
    return command->arrived(data_bytes_of(header));
  }
  if (phase_ == Phase::connecting) return close("login.refused", "data digest error");
  Command* command = std::exchange(placing_, nullptr);
  if (command != nullptr) command->data_lost();
}

void Connection::terminate(Termination why, ConstBytes header, const std::string& what,
                           const std::string& kind) {
  log_warning("nvmetcp", "protocol error subsystem={} host={} peer={} what=\"{}\"", subsystem(), host_name(),
              stream_->peer().text(), what);
  uint8_t* pdu = transmit_.append(data_header_bytes + std::min(header.size(), most_quoted_bytes));
  if (pdu != nullptr) why.encode(pdu, PduType::controller_termination, header);
  linger_ = true;
  flush_then_close(kind, what);
}

}  // namespace ashlar::nvmetcp
