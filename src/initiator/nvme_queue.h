// The host's side of one queue of an NVMe/TCP controller: initialization, Connect, commands and their answers (NVMe/TCP 1.0).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/tls_psk.h"
#include "initiator/nvme_authentication.h"
#include "loop/loop.h"
#include "wire/nvme_fabrics.h"
#include "wire/nvme_tcp_pdu.h"

namespace ashlar::initiator {

struct NvmeQueueOptions {
  loop::Endpoint endpoint;
  std::string subsystem;  ///< NQN
  std::string host_name;  ///< NQN
  Uuid host_id{};
  uint16_t queue_id = 0;
  uint16_t controller_id = wire::nvme::dynamic_controller;
  uint16_t entries = 32;  ///< from 1
  bool flow_control = true;
  bool header_digest = false, data_digest = false;
  uint8_t data_alignment = 0;  ///< HPDA
  uint32_t keep_alive_milliseconds = 0;
  uint32_t in_capsule_bytes = 8192;  ///< longer data waits for R2T
  loop::Nanoseconds timeout = loop::seconds(10);
  std::optional<TlsPsk> tls_psk = {};  ///< it comes by TLS: derive_tls_psk()
  /// How to prove itself where the controller asks for it; none: it does not.
  std::optional<NvmeProof> proof;
  bool prove_at_once = true;  ///< false: connected is enough; authenticate() comes later
  /// A command that is not answered for so long, events apart, ends the queue; 0: never.
  loop::Nanoseconds answer_timeout{0};
  loop::Cancellation* cancellation = nullptr;  ///< ends connect(): aborted
};

/// What came back for one command.
struct NvmeAnswer {
  wire::nvme::Completion completion;
  std::vector<uint8_t> data;
  bool ok() const { return completion.outcome.ok(); }
};

/// A connected queue without its engine.
struct NvmeConnection {
  std::unique_ptr<loop::Stream> stream;
  NvmeQueueOptions options;      ///< digests: as agreed on
  uint32_t most_data_bytes = 0;  ///< of one H2CData: MAXH2CDATA
  uint8_t data_alignment = 0;    ///< CPDA: data for the controller begins at multiples of 4 * (this + 1)
};

/// On one loop. Made for stories: each command allocates. No run() is under way when it dies.
class NvmeQueue final : loop::StreamWatcher, loop::TurnEnd, loop::Timer {
 public:
  /// The largest PDU that a controller may send.
  static constexpr uint32_t most_pdu_bytes = 4u << 20;

  static loop::Task<Result<std::unique_ptr<NvmeQueue>>> connect(loop::Loop& loop, NvmeQueueOptions options);
  ~NvmeQueue();

  /// Sends the command and waits for its answer. Its id and descriptor are filled in here; `data` goes to the controller, up to
  /// `room` bytes come from it.
  loop::Task<Result<NvmeAnswer>> run(wire::nvme::Submission entry, std::vector<uint8_t> data = {},
                                     uint32_t room = 0);
  /// Proves itself, once more if it has already, with the keys of its options (DH-HMAC-CHAP). Not while another one runs.
  loop::Task<Result<void>> authenticate();
  /// One message of it each; for tests as well.
  loop::Task<Result<NvmeAnswer>> send_message(std::vector<uint8_t> message);
  loop::Task<Result<NvmeAnswer>> receive_message();
  /// "none", or as the status of the controller has it.
  const std::string& authentication() const { return authentication_; }
  /// Gives the connection away after connect(), for NvmeSession; this queue is closed then. No command is under way.
  /// protocol_error: the controller said something unasked.
  Result<NvmeConnection> give_away();
  uint16_t controller_id() const { return controller_id_; }
  bool open() const { return stream_ != nullptr; }
  /// Closes the connection: what waits ends with `reason`.
  void close(Error reason) { lose(std::move(reason)); }
  /// Why it is open no more.
  const Error& reason() const { return reason_; }
  /// FES of the termination request that ended it; 0: none came.
  uint16_t terminated() const { return terminated_; }

  // For tests of the other side: bytes as they are, and what the next PDUs do wrong.
  void send_raw(ConstBytes bytes);
  bool spoil_header_digest = false, spoil_data_digest = false;
  bool hold_data = false;  ///< R2Ts are not answered
  /// Bends a message of authentication before it is sent; a lie to itself for what comes.
  std::function<void(std::vector<uint8_t>&)> bend_message, bend_answer;
  uint16_t last_transfer_tag = 0;
  uint32_t ready_to_transfers = 0;
  uint32_t successes = 0;  ///< answers that came with the data alone

 private:
  struct Waiting {
    loop::Event answered;
    NvmeAnswer answer;
    std::vector<uint8_t> data;  // for the controller
    bool lost = false;
    bool endless = false;  // an event may never come
    loop::Instant since;
  };
  NvmeQueue(loop::Loop& loop, NvmeQueueOptions options) : loop_(loop), options_(std::move(options)) {}
  Result<void> secure();
  loop::Task<Result<void>> initialize();
  loop::Task<Result<bool>> send_connect();
  loop::Task<Result<std::vector<uint8_t>>> next_message();
  loop::Task<Result<std::vector<uint8_t>>> exponentiate(DhExponentiation work);
  loop::Task<Result<void>> exchange_messages(NvmeAuthentication& machine);
  void readable() override;
  void writable() override;
  void turn_end() override;
  void expired() override;
  void watch_answers();
  void parse();
  bool take_pdu(const wire::nvme::CommonHeader& header, ConstBytes pdu);
  void take_data(const wire::nvme::CommonHeader& header, ConstBytes pdu);
  void take_completion(const wire::nvme::Completion& completion);
  void answer_ready_to_transfer(const wire::nvme::DataTransfer& asked);
  void append(wire::nvme::PduType type, uint8_t flags, ConstBytes specific, ConstBytes data);
  std::string stream_failure() const;
  void lose(Error reason);

  loop::Loop& loop_;
  NvmeQueueOptions options_;
  std::unique_ptr<loop::Stream> stream_;
  std::vector<uint8_t> received_, to_send_;
  std::map<uint16_t, Waiting*> waiting_;
  loop::Event initialized_;
  bool digests_on_ = false;
  bool initialized_ok_ = false;
  uint32_t most_data_bytes_ = wire::nvme::least_data_bytes;
  uint8_t data_alignment_ = 0;  // CPDA
  uint16_t controller_id_ = 0;
  uint16_t next_command_ = 0;
  uint16_t terminated_ = 0;
  std::string authentication_ = "none";
  Error reason_;
};

}  // namespace ashlar::initiator
