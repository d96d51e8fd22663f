// An NVMe command on its connection: the command of the nvme room, and how its data travels (NVMe/TCP 1.0 3.3).
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "loop/transmit_queue.h"
#include "nvme/command.h"
#include "wire/nvme_tcp_pdu.h"

namespace ashlar::nvmetcp {

class Connection;
struct TransportTag;

/// Pooled; lives from its capsule to the last byte of its answer, and of the data that was asked for. On the connection's shard.
class Command final : public nvme::Command, public loop::Transmitted, public ListNode<TransportTag> {
 public:
  void begin(Connection& connection, const uint8_t* submission);

  // nvme::Command
  void fetch_data() override;
  void completed() override;
  // Transmitted: the answer has been sent.
  void transmitted() override;

  uint16_t tag() const { return tag_; }  ///< TTAG: its place in the pool
  bool belongs_to(const Connection& connection) const { return connection_ == &connection; }
  /// Data was asked for and has not all come.
  bool awaits_data() const { return asked_ > received_; }
  /// What is wrong with data that comes for it; none: nothing.
  wire::nvme::HeaderFault check(const wire::nvme::DataTransfer& data, bool last) const;
  /// The buffer that takes it; null: the command has ended, and it is forgotten.
  Buffer* place() { return over_ ? nullptr : &buffer; }
  void arrived(uint32_t bytes);
  void data_lost();
  bool over() const { return over_; }

 private:
  friend class CommandPool;
  Connection* connection_ = nullptr;  // null: in the pool
  uint16_t tag_ = 0;
  uint32_t asked_ = 0, received_ = 0;  // by R2T
  bool over_ = false;                  // completed() was called
  bool sent_ = false;                  // its answer has left
};
using CommandList = IntrusiveList<Command, TransportTag>;

/// Commands of a shard, made at start, in one piece.
class CommandPool {
 public:
  explicit CommandPool(uint16_t count);
  Command* take();  ///< null when all are in use
  void give_back(Command& command);
  /// By its tag; null when there is none, or it is not in use.
  Command* find(uint16_t tag);
  size_t in_use() const { return commands_.size() - free_.size(); }

 private:
  std::vector<Command> commands_;
  std::vector<Command*> free_;
};

}  // namespace ashlar::nvmetcp
