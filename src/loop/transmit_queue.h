// What a connection has still to send: headers and small payloads copied one behind the other, large payloads by reference,
// all of it in one gathered send a turn. A send per answer would cost 7-8 times as much (per-segment TCP work, not syscalls).
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "base/bytes.h"
#include "loop/stream.h"

namespace ashlar::loop {

/// Told when all bytes appended before it was registered have been taken by the network (or the queue was abandoned).
class Transmitted {
 public:
  virtual void transmitted() = 0;

 protected:
  ~Transmitted() = default;
};

/// Pieces of memory for headers and copies, shared by the connections of a shard; taken at start, grown to a bound.
class ChunkPool {
 public:
  static constexpr size_t chunk_bytes = 65536;
  ChunkPool(size_t prepared, size_t maximum);
  using Chunk = std::unique_ptr<uint8_t[]>;
  Chunk take();  ///< null at the bound
  void give_back(Chunk chunk);

 private:
  size_t maximum_;
  size_t made_ = 0;
  std::vector<Chunk> free_;
};

/// FIFO of one connection, on its shard. Not more than chunk memory bounds it; the connection stops reading commands while
/// backlog_bytes() is high.
class TransmitQueue {
 public:
  explicit TransmitQueue(ChunkPool& pool) : pool_(pool) {}
  ~TransmitQueue() { abandon(); }
  TransmitQueue(const TransmitQueue&) = delete;
  TransmitQueue& operator=(const TransmitQueue&) = delete;

  /// Room for `bytes` (<= ChunkPool::chunk_bytes) at the end, to be filled by the caller at once; null when memory is out:
  /// the connection must then be closed.
  uint8_t* append(size_t bytes);
  bool append_copy(ConstBytes bytes);
  /// Memory that its owner keeps alive until the next `call_when_sent` registered after it has been called.
  void append_reference(const iovec& piece);
  void call_when_sent(Transmitted& owner);
  bool empty() const { return head_ == items_.size(); }
  size_t backlog_bytes() const { return backlog_bytes_; }

  enum class Flushed { everything, some, failed };
  /// Sends until all is gone or the stream takes no more.
  Flushed flush(Stream& stream);
  /// Drops everything; owners are called.
  void abandon();

 private:
  struct Item {
    iovec piece;
    Transmitted* owner;  // called when this item is done; piece is empty then
    bool ends_chunk;     // the oldest chunk goes back to the pool
  };
  static constexpr size_t send_pieces = 512;
  bool open_chunk();
  void consume(size_t bytes);
  void finish_items();
  ChunkPool& pool_;
  std::vector<Item> items_;
  size_t head_ = 0;
  std::vector<ChunkPool::Chunk> chunks_;  // oldest first; the last one is being filled
  size_t chunk_used_ = ChunkPool::chunk_bytes;
  size_t backlog_bytes_ = 0;
};

}  // namespace ashlar::loop
