// Files and block devices as the engine sees them: asynchronous operations that complete through the ready list.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/result.h"
#include "loop/ready.h"
#include "loop/task.h"

namespace ashlar::loop {

class File;

enum class FileVerb : uint8_t {
  read,
  write,
  sync_data,   ///< fdatasync: what was written is on stable storage when it completes with 0
  punch_hole,  ///< range reads as zeroes and gives its space back (fallocate, or BLKDISCARD on a block device)
  zero_range,  ///< range reads as zeroes, space kept (fallocate ZERO_RANGE, or BLKZEROOUT)
  find_extent,  ///< is `offset` allocated? fills `extent_allocated` and result = bytes from offset with that same state
};

/// One operation. Owned by the caller, untouched and alive until completed() runs; reusable after that.
class FileOperation : public Ready {
 public:
  FileVerb verb = FileVerb::read;
  bool durable = false;  ///< write: on stable storage (RWF_DSYNC) before it completes
  std::span<const iovec>
      parts;            ///< read, write: kept alive by the caller; pieces need File::Traits::memory_alignment
  uint64_t offset = 0;  ///< bytes
  uint64_t length = 0;  ///< bytes; for read and write the sum of `parts`
  /// read, write: bytes done (short only at the end of the file); find_extent: bytes, -ENXIO at or past the end; the others:
  /// 0. Or -errno.
  int64_t result = 0;
  bool extent_allocated = false;

 protected:
  ~FileOperation() = default;
};

struct OpenOptions {
  bool writable = true;
  bool create = false;  ///< make it (mode 0600) when missing; an existing one is kept as it is
  bool prefer_direct =
      true;  ///< O_DIRECT when file system and `block_bytes` allow, else buffered; see Traits::direct
  uint32_t block_bytes = 512;  ///< alignment that the caller will keep for offsets and lengths
  bool exclusive = true;       ///< take a lock, so that no second engine opens it for writing (flock)
};

/// A file as one shard uses it. Channels of one open file on several shards share the descriptor; see on().
class File {
 public:
  struct Traits {
    uint64_t size_bytes = 0;        ///< at open; after resize() ask size()
    bool direct = false;            ///< O_DIRECT is in force
    uint32_t memory_alignment = 1;  ///< bytes, of each piece's address
    uint32_t offset_alignment = 1;  ///< bytes, of offset and length
    bool block_device = false;
    bool rotational = false;
    uint32_t logical_block_bytes = 512;
    uint32_t physical_block_bytes = 4096;
    uint32_t atomic_write_bytes =
        0;  ///< an aligned write of this size is not torn by loss of power; 0: not known
    uint32_t discard_granularity_bytes = 0;  ///< 0: punch_hole is not supported
    bool zero_range = false;                 ///< zero_range is supported
  };
  virtual ~File() = default;
  virtual const Traits& traits() const = 0;
  virtual uint64_t size() const = 0;
  /// Starts the operation; it completes later through the ready list of this channel's loop, never inside this call.
  virtual void submit(FileOperation& operation) = 0;
  /// Another shard's channel on the same open file (`shard` is an index of Loop::shards()).
  virtual std::unique_ptr<File> on(class Loop& shard) = 0;
  /// Grows or shrinks (not for block devices). `allocate` reserves the space now, so that writes cannot meet ENOSPC.
  virtual Task<Result<void>> resize(uint64_t bytes, bool allocate) = 0;
};

}  // namespace ashlar::loop
