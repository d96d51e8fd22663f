// The data-path memory of one shard: reserved at start, handed out in aligned pieces, never grown.
#pragma once

#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/bytes.h"

namespace ashlar {

class BufferPool;

/// The buffer of one command: up to `max_segments` pieces, each aligned to 4096 bytes, so that O_DIRECT may use them.
/// Owns its pieces: they go back to the pool when it dies or is released. Belongs to the shard of its pool.
class Buffer {
 public:
  static constexpr size_t max_segments = 64;

  Buffer() = default;
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer() { release(); }

  bool empty() const { return size_ == 0; }
  uint32_t size() const { return size_; }
  /// The pieces, together exactly size() bytes.
  std::span<iovec> segments() { return {segments_.data(), count_}; }
  std::span<const iovec> segments() const { return {segments_.data(), count_}; }
  /// Pieces that cover [offset, offset+length); writes at most `out.size()` of them and returns how many.
  size_t slice(uint32_t offset, uint32_t length, std::span<iovec> out) const;
  void copy_in(uint32_t offset, ConstBytes source);
  void copy_out(uint32_t offset, Bytes target) const;
  void fill_zero(uint32_t offset, uint32_t length);
  /// Shortens to `size` bytes; pieces past it stay owned until release.
  void shrink(uint32_t size);
  void release();

 private:
  friend class BufferPool;
  BufferPool* pool_ = nullptr;
  uint32_t size_ = 0;
  uint16_t count_ = 0;  // pieces visible
  uint16_t owned_ = 0;  // pieces owned (>= count_ after shrink)
  std::array<iovec, max_segments> segments_;
  std::array<uint8_t, max_segments> classes_;
};

/// Three classes of pieces (4 KiB, 32 KiB, 256 KiB), each a LIFO so that hot pieces stay in cache. Not thread safe: one
/// per shard. Largest buffer: 64 x 256 KiB = 16 MiB.
class BufferPool {
 public:
  struct Sizes {
    uint32_t small = 4096;   ///< pieces of 4 KiB (default 16 MiB)
    uint32_t medium = 1024;  ///< pieces of 32 KiB (default 32 MiB)
    uint32_t large = 512;    ///< pieces of 256 KiB (default 128 MiB)
  };
  static constexpr uint32_t max_buffer_bytes = 16u << 20;

  explicit BufferPool(const Sizes& sizes);
  BufferPool() : BufferPool(Sizes{}) {}
  ~BufferPool();
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;

  /// Fills `buffer` (which must be empty) with `bytes` bytes of undefined content (bytes > 0, <= max_buffer_bytes).
  /// False when the pool cannot: the caller answers BUSY / TASK SET FULL and nothing is taken.
  [[nodiscard]] bool allocate(Buffer& buffer, uint32_t bytes);
  /// Pieces handed out now, over all classes; 0 when idle (leak checks).
  uint32_t in_use() const { return in_use_; }
  size_t capacity_bytes() const { return memory_bytes_; }  ///< of all pieces together

 private:
  friend class Buffer;
  static constexpr std::array<uint32_t, 3> piece_bytes = {4096, 32768, 262144};
  void give_back(void* piece, uint8_t piece_class);
  void* take(uint8_t piece_class);
  void* memory_ = nullptr;
  size_t memory_bytes_ = 0;
  std::array<std::vector<void*>, 3> free_;
  uint32_t in_use_ = 0;
};

}  // namespace ashlar
