// One TCP connection: initialization, Connect, then a queue of a controller (NVMe/TCP 1.0 3.1).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "nvmetcp/command.h"
#include "nvmetcp/receiver.h"
#include "nvmetcp/server.h"
#include "tls/secure_stream.h"
#include "wire/nvme_fabrics.h"

namespace ashlar::nvmetcp {

struct ConnectionTag;

/// With which a ClientHello begins (RFC 8446 5.1); an ICReq begins with 00h.
constexpr uint8_t tls_handshake_record = 0x16;

/// What ICReq and ICResp agreed on.
struct Agreed {
  bool header_digest = false, data_digest = false;
  uint8_t host_alignment = 0;  ///< HPDA: data for the host begins at multiples of 4 * (this + 1)
  std::optional<nvme::Secured> secured = {};  ///< by TLS, before them
};

/// Life: Server::serve() makes it; close() ends it; it is destroyed through the server when no command is in flight.
class Connection final : public ListNode<ConnectionTag>,
                         public loop::StreamWatcher,
                         public loop::TurnEnd,
                         private loop::Timer,
                         private PduHandler,
                         private nvme::QueueHost {
 public:
  Connection(Server::Impl& server, std::unique_ptr<loop::Stream> stream, nvme::Port port);
  ~Connection();

  // For its commands.
  nvme::Queue& queue() { return *queue_; }
  bool is_placing(const Command& command) const { return placing_ == &command; }
  void send_ready_to_transfer(const Command& command, uint32_t bytes);
  void answer(Command& command);
  void release(Command& command);
  void forget(const Buffer& buffer) { receiver_.forget(buffer); }

  // For the server.
  const std::string& source() const { return source_; }
  bool closing() const { return phase_ == Phase::closing; }
  bool half_open() const {
    return phase_ == Phase::greeting || phase_ == Phase::initializing || phase_ == Phase::connecting ||
           phase_ == Phase::authenticating;
  }
  /// No more is read; what is in flight ends without answers.
  void close(const std::string& kind, const std::string& reason);
  /// Reads no more; closes when what the device has is answered and all is sent.
  void drain();
  /// Goes on where another shard stopped: initialized, with the capsule of Connect, its data, and what came behind.
  void resume(const Agreed& agreed, ConstBytes said);

 private:
  enum class Phase : uint8_t {
    greeting,  ///< of a port with TLS: the first byte tells whether the host begins it
    initializing,
    connecting,
    authenticating,  ///< the queue is there and times its host's proof
    serving,
    draining,
    flushing,
    lingering,  ///< all is sent, the host has still to close: a close over what it sends would destroy what it has not read
    closing
  };

  // loop
  void readable() override;
  void writable() override;
  void turn_end() override;
  void expired() override;

  // PduHandler
  DataPlan header_arrived(const CommonHeader& header, const uint8_t* bytes) override;
  void pdu_arrived(const CommonHeader& header, const uint8_t* bytes, ConstBytes data) override;
  void header_failed(wire::nvme::Termination why, ConstBytes bytes) override;
  void data_digest_failed(const CommonHeader& header, const uint8_t* bytes) override;
  uint32_t most_data_bytes(wire::nvme::PduType type) const override;
  bool stopped() const override {
    return phase_ == Phase::closing || phase_ == Phase::flushing || phase_ == Phase::lingering ||
           phase_ == Phase::draining || move_.has_value();
  }

  // nvme::QueueHost
  void drop(const std::string& reason) override;
  void refuse(const std::string& reason) override;
  void authenticated() override;
  loop::Endpoint local() const override { return stream_->local(); }
  loop::Endpoint peer() const override { return stream_->peer(); }

  bool greet();
  void secure(uint8_t first);
  void refuse_clear(uint8_t first);
  std::optional<nvme::Secured> take_secured();
  void lose();
  void initialize(const uint8_t* bytes);
  void use(const Agreed& agreed);
  void connect(const uint8_t* bytes, ConstBytes data);
  void hand_over();
  DataPlan command_arrived(const CommonHeader& header, const uint8_t* bytes);
  DataPlan data_arrived(const CommonHeader& header, const uint8_t* bytes);
  bool is_next(wire::nvme::PduType type) const;
  void terminate(wire::nvme::Termination why, ConstBytes header, const std::string& what,
                 const std::string& kind = "protocol.error");
  uint8_t* append_header(wire::nvme::PduType type, uint8_t flags, uint32_t data_bytes, size_t inline_bytes);
  void seal_header(uint8_t* header);
  void send_data(Command& command, bool success);
  void send_completion(const wire::nvme::Completion& completion);
  uint32_t data_offset(uint32_t header_bytes) const;
  void wants_to_send();
  void flush_then_close(const std::string& kind, const std::string& reason);
  void continue_drain();
  void linger();
  void finish_close();
  void leave_half_open();
  void announce();
  std::string subsystem() const { return queue_ ? queue_->controller().facts.subsystem : std::string(); }
  std::string host_name() const { return queue_ ? queue_->controller().facts.host_name : std::string(); }

  Server::Impl& server_;
  std::unique_ptr<loop::Stream> stream_;
  const tls::Session* handshake_ = nullptr;  // of stream_, until ICReq comes
  nvme::Port port_;
  const std::string source_;  // of the peer, in the table of sources
  Phase phase_ = Phase::initializing;
  Receiver receiver_;
  loop::TransmitQueue transmit_;
  Agreed agreed_;
  std::unique_ptr<nvme::Queue> queue_;  // null before Connect
  CommandList commands_;
  Command* placing_ = nullptr;    // whose capsule's data is arriving
  Command* receiving_ = nullptr;  // whose H2CData is arriving
  struct Move {
    uint32_t shard;
    std::vector<uint8_t> said;
  };
  std::optional<Move> move_;
  bool linger_ = false;   // the host is to read our last word before the close
  bool blocked_ = false;  // the network takes no more just now
  std::string close_kind_, close_reason_;
};

}  // namespace ashlar::nvmetcp
