// A SCSI command in flight on an iSCSI connection: the task of the SCSI room, and how its data travels (RFC 7143 4.2.5).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "loop/ready.h"
#include "loop/transmit_queue.h"
#include "scsi/task.h"
#include "wire/iscsi_pdu.h"

namespace ashlar::iscsi {

class Connection;
struct CommandTag;

/// Tells a command, from the ready list, that all its data-out had arrived before the SCSI room asked for it.
class DataReady final : public loop::Ready {
 public:
  explicit DataReady(class Command& command) : command_(command) {}
  void run() override;

 private:
  Command& command_;
};

/// Pooled; lives from its PDU to the last byte of its answer. On the connection's shard.
class Command final : public scsi::Task, public loop::Transmitted, public ListNode<CommandTag> {
 public:
  static constexpr size_t max_outstanding_r2t = 8;

  Command() : data_ready_(*this) {}
  /// `immediate_bytes` of data are in the PDU itself.
  void begin(Connection& connection, const wire::iscsi::ScsiCommand& pdu, uint32_t unsolicited_limit);

  // scsi::Task
  void fetch_data_out() override;
  void completed() override;
  // Transmitted: the answer has been sent.
  void transmitted() override;

  uint32_t initiator_task_tag() const { return static_cast<uint32_t>(tag); }
  uint32_t command_sequence() const { return command_sequence_; }
  Connection& connection() const { return *connection_; }

  /// Checks a Data-Out header against what was asked for; the reason why it is wrong, or null.
  const char* accept(const wire::iscsi::DataOut& pdu);
  /// Where the next `length` data bytes of this command go: the buffer, or a staging one if the SCSI room has not asked yet.
  struct Place {
    Buffer* buffer = nullptr;  ///< null: forget the data
    uint32_t offset = 0;
    uint32_t useful = 0;
  };
  Place place(uint32_t length);
  /// `length` bytes placed; `final`: the last PDU of its sequence.
  void data_arrived(uint32_t length, bool final);
  /// The data of this command is lost: ends it with ABORTED COMMAND and `code` (ASC and ASCQ).
  void data_failed(uint16_t code);
  /// After data_failed(): Data-Out that still comes is read and forgotten.
  bool data_is_lost() const { return data_lost_; }

  // ErrorRecoveryLevel 1 (recovery.cc).
  /// A Data-Out was lost: what is missing is asked for again, and data that is still on its way is forgotten. Ends the command
  /// when that was too often.
  void request_again();
  /// Data of a sequence that request_again() gave up.
  bool is_given_up(const wire::iscsi::DataOut& pdu) const;
  /// Sends R2Ts again that are not answered yet, of numbers from `begin` on, `count` of them (0: all); how many there were.
  uint32_t repeat_r2ts(uint32_t begin, uint32_t count);
  /// Another connection takes it over (ErrorRecoveryLevel 2).
  void move_to(Connection& connection) { connection_ = &connection; }
  bool moves_data_out() const { return expected_data_out_bytes > 0; }
  bool finished = false;         ///< its connection failed before it could be answered
  bool retained = false;         ///< its data is kept until the host has acknowledged its status
  uint32_t transmissions = 0;    ///< of its buffer, under way
  uint32_t status_sequence = 0;  ///< of its answer; with retained
  uint32_t acknowledge_tag =
      wire::iscsi::reserved_task_tag;  ///< target transfer tag of the A bit that it sent
  uint32_t sent_segment_bytes = 0;     ///< MaxRecvDataSegmentLength that its data was cut by

  /// It waits for data that only the host can bring.
  bool awaits_data() const { return fetching_ && !delivered_ && received_ < wanted_; }
  /// R2Ts sent so far; with data_in_sequences this is the ExpDataSN of the answer.
  uint32_t solicited_sequences() const { return r2t_sequence_; }
  uint32_t data_in_sequences = 0;  ///< Data-In PDUs sent

  Command* next_in_bucket = nullptr;

 private:
  friend class CommandPool;
  friend class DataReady;
  struct Solicitation {
    uint32_t tag, offset, length, sequence;
  };
  void deliver_if_complete();
  void solicit();
  void send_r2t(const Solicitation& asked);
  void release_staging();

  Connection* connection_ = nullptr;
  DataReady data_ready_;
  uint32_t command_sequence_ = 0;
  uint32_t wanted_ = 0;             // bytes that the SCSI room asked for; valid with fetching_
  uint32_t received_ = 0;           // bytes arrived, in order
  uint32_t unsolicited_limit_ = 0;  // bytes that the host may send unasked
  uint32_t solicited_up_to_ = 0;
  uint32_t data_sequence_ = 0;  // DataSN expected in the current sequence
  uint32_t r2t_sequence_ = 0;
  bool fetching_ = false;
  bool delivered_ = false;
  bool unsolicited_open_ = false;
  bool data_lost_ = false;
  static constexpr uint8_t most_recoveries = 8;
  uint8_t recoveries_ = 0;
  bool over_ = false;  // completed() was called: data that still comes is forgotten
  uint16_t lost_code_ = 0;
  Buffer staging_;
  std::array<Solicitation, max_outstanding_r2t> solicitations_{};  // oldest first
  uint8_t solicitation_count_ = 0;
};

/// Commands of a shard, made at start, in one piece.
class CommandPool {
 public:
  explicit CommandPool(size_t count);
  Command* take();  ///< null when all are in use
  void give_back(Command& command);
  size_t size() const { return commands_.size(); }
  size_t in_use() const { return commands_.size() - free_.size(); }

 private:
  std::vector<Command> commands_;
  std::vector<Command*> free_;
};

/// Commands of a session by initiator task tag. Fixed buckets, chained through the commands.
class CommandTable {
 public:
  Command* find(uint32_t tag) const;
  void insert(Command& command);
  void remove(Command& command);
  size_t size() const { return size_; }
  template <typename Visit>
  void each(Visit visit) const {
    for (Command* head : heads_) {
      for (; head != nullptr; head = head->next_in_bucket) visit(*head);
    }
  }

 private:
  static constexpr size_t buckets = 256;
  static size_t bucket_of(uint32_t tag) { return (tag ^ tag >> 8 ^ tag >> 20) % buckets; }
  std::array<Command*, buckets> heads_{};
  size_t size_ = 0;
};

}  // namespace ashlar::iscsi
