// One I/O queue of an NVMe/TCP controller as a host under load has it: commands in a pool of the caller's, received in place, one
// gathered send a turn. NvmeQueue connects it, and stays the engine of stories, which bend PDUs and want an allocation's ease.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <vector>

#include "base/crc32c.h"
#include "initiator/batch.h"
#include "initiator/nvme_command.h"
#include "initiator/nvme_queue.h"
#include "loop/loop.h"

namespace ashlar::initiator {

struct NvmeSessionCounters {
  uint64_t commands = 0;   ///< sent
  uint64_t answers = 0;    ///< successes included
  uint64_t successes = 0;  ///< that came with the data alone
  uint64_t ready_to_transfers = 0;
};

/// On one loop. Destroy it from anywhere that runs from the ready list; it closes itself first. Strict: what the standard forbids the
/// controller ends the session, with a reason that says what it did.
class NvmeSession final : public loop::StreamWatcher, loop::TurnEnd {
 public:
  static constexpr size_t receive_buffer_bytes = 256 * 1024;
  static constexpr uint16_t max_entries = 1024;  ///< of a queue

  /// Connects a queue as NvmeQueue::connect() does, and goes on with it. out_of_range: more than max_entries.
  static loop::Task<Result<std::unique_ptr<NvmeSession>>> connect(loop::Loop& loop, NvmeQueueOptions options);
  /// Goes on with a queue that is connected; 2 to max_entries entries.
  static std::unique_ptr<NvmeSession> over(loop::Loop& loop, NvmeConnection connection);
  ~NvmeSession();
  NvmeSession(const NvmeSession&) = delete;
  NvmeSession& operator=(const NvmeSession&) = delete;

  /// Takes the command; its `done` comes later, exactly once, whatever happens. One less than the queue's entries are in flight; more
  /// wait. When the session is closed it ends as not_sent.
  void submit(NvmeCommand& command);
  /// Ends it now: sent commands as unknown, waiting ones as not_sent.
  void close(const std::string& why) { end(ErrorCode::closed, why); }
  bool open() const { return stream_ != nullptr; }
  /// Why it is closed; empty while open.
  const std::optional<Error>& closed_reason() const { return closed_reason_; }
  const NvmeSessionCounters& counters() const { return counters_; }

 private:
  struct Slot {
    NvmeCommand* command = nullptr;
    uint16_t uses = 0;  // the high bits of the id, so that a late answer is seen as such
  };
  NvmeSession(loop::Loop& loop, NvmeConnection connection);

  // nvme_session.cc: life, commands, what is sent
  void end(ErrorCode code, const std::string& why);
  void complete(NvmeCommand& command, Outcome outcome);
  void writable() override;
  void turn_end() override;
  void fill();
  bool fill_command(NvmeCommand& command);
  bool fill_transfer(NvmeCommand& command);
  void add(wire::nvme::PduType type, uint8_t flags, NvmeCommand& command, uint32_t offset, uint32_t length);
  void batch_sent();
  void want_send();

  // nvme_receive.cc: what the controller sends
  void readable() override;
  int64_t receive_some();
  void parse();
  bool take_header(const uint8_t* start, size_t available);
  void take_pdu(const wire::nvme::CommonHeader& header, const uint8_t* start);
  void begin_data(const wire::nvme::CommonHeader& header, const wire::nvme::DataTransfer& transfer);
  void take_data();
  bool take_trailer();
  void take_completion(const wire::nvme::Completion& completion);
  void take_ready_to_transfer(const wire::nvme::DataTransfer& asked);
  NvmeCommand* find(uint16_t command_id);
  void violation(const std::string& what) { end(ErrorCode::protocol_error, what); }

  loop::Loop& loop_;
  std::unique_ptr<loop::Stream> stream_;
  const NvmeQueueOptions options_;
  const uint32_t most_data_bytes_;
  const uint32_t alignment_bytes_;
  std::optional<Error> closed_reason_;
  NvmeSessionCounters counters_;

  std::vector<Slot> slots_;
  std::vector<uint16_t> free_slots_;
  IntrusiveList<NvmeCommand, NvmeCommandTag> waiting_;
  IntrusiveList<NvmeCommand, NvmeTransferTag> transferring_;  // have an R2T to serve
  std::vector<NvmeCommand*> batched_;                         // the batch under way points at their data
  Batch batch_;
  bool blocked_ = false;  // the network takes no more; writable() will come

  std::unique_ptr<uint8_t[]> buffer_;
  size_t begin_ = 0;  // of what was received and not parsed
  size_t end_ = 0;
  // C2HData whose data is arriving.
  NvmeCommand* placing_ = nullptr;
  uint16_t placing_id_ = 0;
  bool placing_ends_ = false;  // with SUCCESS
  bool in_data_ = false;
  uint32_t data_left_ = 0;
  uint32_t crc_ = crc32c_start;
};

}  // namespace ashlar::initiator
