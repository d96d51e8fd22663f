// THE WAIST. A block device as one shard sees it: what it can do, do this, close.
#pragma once

#include <cstdint>
#include <memory>

#include "block/request.h"

namespace ashlar::block {

/// What a device can do. Fixed while a channel is open, but for size_bytes, which a resize moves, and erasable_key.
struct Limits {
  uint64_t size_bytes = 0;
  uint32_t block_bytes = 512;               ///< offsets and lengths are multiples of this
  uint32_t physical_block_bytes = 4096;     ///< writes smaller than this may cost a read
  uint32_t max_transfer_bytes = 16u << 20;  ///< of one read or write
  /// A write of up to this size that begins and ends at multiples of `atomic_alignment_bytes` is wholly there or not at all
  /// after a loss of power; 0: nothing is promised. Against other requests only a range lock of the unit protects.
  uint32_t atomic_write_bytes = 0;
  uint32_t atomic_alignment_bytes = 0;      ///< 0: any block
  uint32_t discard_granularity_bytes = 0;   ///< 0: discard is not supported
  uint64_t max_discard_bytes = UINT64_MAX;  ///< of one discard or write_zeroes
  bool discard_zeroes = false;              ///< discarded ranges read as zeroes
  bool find_extent = false;                 ///< find_extent is supported
  bool read_only = false;
  bool rotational = false;
  bool volatile_cache = true;  ///< completed writes may be lost with the power until a flush
  bool erasable_key = false;   ///< Store::erase_key() is there, and nothing but this device needs the key
};

class Passthrough;

/// What a channel's bytes are to a clone. Each kind of store knows its own; to others it is nothing.
class CloneSource {
 public:
  virtual ~CloneSource() = default;
};

/// A channel of a device, opened by one shard and used on its thread only, so that I/O takes no lock.
class BlockDevice {
 public:
  virtual ~BlockDevice() = default;
  virtual const Limits& limits() const = 0;
  /// Takes the request (request.begin() was called by the owner); it completes later through the ready list, never here.
  virtual void submit(Request& request) = 0;
  /// For Operation::clone, from this channel and into it; used on its shard, also after close(). Null: this stack cannot share
  /// ranges. A layer that hands bytes down as they are asks below; one that changes or places them leaves it so.
  virtual std::shared_ptr<CloneSource> clone_source() { return nullptr; }
  /// The commands' way to a device that takes them whole, beside requests for blocks; null: it is blocks. Layers hand it up.
  virtual Passthrough* passthrough() { return nullptr; }
  /// No request is in flight and none will come. The destructor may follow at once.
  virtual void close() {}
};

}  // namespace ashlar::block
