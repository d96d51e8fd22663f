#include "nvmetcp/connection.h"

#include "nvmetcp/server_impl.h"

namespace ashlar::nvmetcp {

using namespace wire::nvme;

namespace {

// How long what is queued may take to leave before the connection is closed all the same.
constexpr loop::Nanoseconds flush_grace = loop::seconds(5);
// A host that does not read its answers gets no more commands read.
constexpr size_t backlog_limit_bytes = 4u << 20;
// Receives of one connection in a turn; then the others have their turn.
constexpr int receives_per_turn = 4;

}  // namespace

Connection::Connection(Server::Impl& server, std::unique_ptr<loop::Stream> stream, nvme::Port port)
    : server_(server),
      stream_(std::move(stream)),
      port_(std::move(port)),
      source_(server.login_began(stream_->peer())),
      receiver_(*this, server.receive_buffer),
      transmit_(server.chunks) {
  if (port_.tls != nvme::PortTls::off) phase_ = Phase::greeting;
  server_.loop.arm_after(*this, loop::seconds(server_.settings().connect_timeout_seconds));
  stream_->watch(*this);
}

Connection::~Connection() {
  server_.loop.cancel(*this);
  server_.loop.withdraw(static_cast<loop::TurnEnd&>(*this));
}

void Connection::readable() {
  if (phase_ == Phase::lingering) return linger();
  if (phase_ == Phase::greeting && !greet()) return;
  if (stopped()) return;
  if (transmit_.backlog_bytes() > backlog_limit_bytes) return;  // turn_end() goes on with it
  for (int i = 0; i < receives_per_turn; ++i) {
    const Receiver::Outcome outcome = receiver_.receive(*stream_);
    if (move_) return hand_over();
    switch (outcome) {
      case Receiver::Outcome::drained: return;
      case Receiver::Outcome::more:
        if (stopped()) return;
        break;
      case Receiver::Outcome::end_of_stream:
        return close("session.dropped", receiver_.inside_pdu()
                                            ? "the host closed the connection in the middle of a PDU"
                                            : "the host closed the connection");
      case Receiver::Outcome::failed: return lose();
    }
  }
  stream_->resume();
}

void Connection::lose() {
  const std::string failure = stream_->failure();
  // Of an I/O queue nobody would hear it: it ends without an event of its own.
  if (!failure.empty() && queue_ != nullptr && !queue_->is_admin())
    log_warning("nvmetcp", "queue lost subsystem={} host={} queue={} peer={} reason=\"{}\"", subsystem(),
                host_name(), queue_->id(), stream_->peer().text(), failure);
  close(half_open() && !failure.empty() ? "login.refused" : "session.dropped",
        failure.empty() ? "the connection failed" : failure);
}

// What still comes is read and forgotten.
void Connection::linger() {
  for (int i = 0; i < receives_per_turn; ++i) {
    const iovec part{server_.receive_buffer.data(), server_.receive_buffer.size()};
    const int64_t count = stream_->receive({&part, 1});
    if (count == loop::Stream::would_block) return;
    if (count <= 0) return close(close_kind_, close_reason_);
  }
  stream_->resume();
}

void Connection::writable() {
  blocked_ = false;
  if (phase_ != Phase::closing) wants_to_send();
}

void Connection::wants_to_send() {
  if (!blocked_) server_.loop.at_turn_end(*this);
}

void Connection::turn_end() {
  if (phase_ == Phase::closing || phase_ == Phase::lingering) return;
  const bool was_full = transmit_.backlog_bytes() > backlog_limit_bytes;
  const loop::TransmitQueue::Flushed flushed = transmit_.flush(*stream_);
  if (flushed == loop::TransmitQueue::Flushed::failed) return lose();
  blocked_ = flushed == loop::TransmitQueue::Flushed::some;
  if (was_full && transmit_.backlog_bytes() <= backlog_limit_bytes) stream_->resume();
  if (blocked_) return;
  if (phase_ == Phase::flushing && linger_) {
    phase_ = Phase::lingering;
    stream_->shutdown_send();
    return stream_->resume();
  }
  if (phase_ == Phase::flushing) return close(close_kind_, close_reason_);
  if (phase_ == Phase::draining) continue_drain();
}

void Connection::expired() {
  if (half_open()) {
    return close("login.refused",
                 fmt::format("no Connect within {} s", server_.settings().connect_timeout_seconds));
  }
  if (phase_ == Phase::flushing || phase_ == Phase::lingering) close(close_kind_, close_reason_);
}

void Connection::leave_half_open() {
  if (!half_open()) return;
  server_.login_over(source_);
  server_.loop.cancel(*this);
}

void Connection::drop(const std::string& reason) { flush_then_close("session.dropped", reason); }

void Connection::refuse(const std::string& reason) { flush_then_close("login.refused", reason); }

void Connection::authenticated() {
  if (phase_ != Phase::authenticating) return;
  leave_half_open();
  phase_ = Phase::serving;
  announce();
}

void Connection::flush_then_close(const std::string& kind, const std::string& reason) {
  if (phase_ == Phase::closing || phase_ == Phase::flushing || phase_ == Phase::lingering) return;
  leave_half_open();
  phase_ = Phase::flushing;
  close_kind_ = kind;
  close_reason_ = reason;
  server_.loop.arm_after(*this, flush_grace);
  blocked_ = false;
  wants_to_send();
}

void Connection::drain() {
  if (half_open()) return close("login.refused", "the engine stops");
  if (phase_ != Phase::serving) return;
  phase_ = Phase::draining;
  continue_drain();
}

// What waits for the host, or for something to tell it, ends without an answer.
void Connection::continue_drain() {
  if (queue_->has_work()) return;
  flush_then_close("session.dropped", "the engine stops");
}

void Connection::close(const std::string& kind, const std::string& reason) {
  if (phase_ == Phase::closing) return;
  leave_half_open();
  phase_ = Phase::closing;
  server_.loop.cancel(*this);
  server_.loop.withdraw(static_cast<loop::TurnEnd&>(*this));
  if (handshake_ != nullptr && !handshake_->established()) ++server_.tls.failed;
  handshake_ = nullptr;
  const std::string peer = stream_->peer().text();
  const bool worth_telling = queue_ == nullptr || queue_->is_admin() || kind == "login.refused";
  if (worth_telling) {
    log_info("nvmetcp", "{} subsystem={} host={} peer={} reason=\"{}\"", kind, subsystem(), host_name(), peer,
             reason);
    server_.tell({kind, subsystem(), host_name(), peer, reason});
  }
  placing_ = receiving_ = nullptr;
  transmit_.abandon();
  if (queue_ == nullptr) return finish_close();
  queue_->close([this] { finish_close(); });
}

void Connection::finish_close() {
  // Left are those whose answer is given and whose data was still to come.
  while (!commands_.empty()) release(commands_.front());
  transmit_.abandon();
  queue_.reset();
  stream_.reset();
  server_.bury(*this);
}

void Connection::release(Command& command) {
  if (placing_ == &command) placing_ = nullptr;
  if (receiving_ == &command) receiving_ = nullptr;
  commands_.remove(command);
  server_.commands.give_back(command);
}

void Connection::hand_over() {
  std::unique_ptr<loop::LooseStream> loose = stream_->detach();
  if (loose == nullptr) {
    move_.reset();
    return close("login.refused", "the connection could not be moved to the shard of its queue");
  }
  const std::vector<uint8_t> rest = receiver_.take_rest();
  move_->said.insert(move_->said.end(), rest.begin(), rest.end());
  auto arrive = [&group = server_.group, shard = move_->shard, said = std::move(move_->said), port = port_,
                 agreed = agreed_, loose = std::move(loose)]() mutable {
    if (group[shard] != nullptr) group[shard]->impl().adopt(std::move(loose), port, agreed, said);
  };
  server_.loop.shards().send(move_->shard, std::move(arrive));
  leave_half_open();
  phase_ = Phase::closing;
  server_.loop.withdraw(static_cast<loop::TurnEnd&>(*this));
  finish_close();
}

void Connection::resume(const Agreed& agreed, ConstBytes said) {
  phase_ = Phase::connecting;
  use(agreed);
  constexpr size_t capsule = capsule_header_bytes + connect_data_bytes;
  connect(said.data(), said.subspan(capsule_header_bytes, connect_data_bytes));
  if (!stopped()) receiver_.feed(said.subspan(capsule));
}

void Connection::use(const Agreed& agreed) {
  agreed_ = agreed;
  receiver_.set_digests(agreed.header_digest, agreed.data_digest);
}

}  // namespace ashlar::nvmetcp
