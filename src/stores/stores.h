// The stores: what stands at the bottom of every volume. One file each.
#pragma once

#include <memory>

#include "block/store.h"

namespace ashlar::stores {

/// Adds every kind below to `registry`.
void add_all(block::Registry& registry);

using OpenedStore = Result<std::shared_ptr<block::Store>>;

/// "null": eats writes, reads zeroes. Any size up to 8 EiB; no options. For measuring what stands above it.
loop::Task<OpenedStore> open_null(block::StoreSpec spec);

/// "memory": a sparse disk in this process's memory, gone with it. Up to 16 TiB; no options. Space is taken in 64 KiB pages
/// at the first write to each, and given back by discard.
loop::Task<OpenedStore> open_memory(block::StoreSpec spec);

/// "file": a regular file. Option path; made when missing (unless option create is "false", or spec.create is), sparse when
/// thin, else with its space reserved.
/// size_bytes 0: the existing file's. O_DIRECT where the file system allows. Writes are durable when the request says so;
/// an fsync that fails, or EIO of a durable write, fails the device on all shards for good.
loop::Task<OpenedStore> open_file(block::StoreSpec spec);

/// "block": a whole block device. Option path. size_bytes 0: all of it; smaller is allowed, larger is not.
loop::Task<OpenedStore> open_block(block::StoreSpec spec);

/// "scsi": a SCSI device of this machine by its generic node, option path; size_bytes must be 0. Its channels are
/// block::Passthrough and refuse every request for blocks. Options allow (PassthroughPolicy, words with commas) and
/// timeout_seconds.
loop::Task<OpenedStore> open_scsi(block::StoreSpec spec);

/// "cdrom": a drive, whose medium is an image file that is only read. Option path: the first medium; without it the drive is empty,
/// size_bytes of its limits 0. Blocks of 2048 bytes; what is behind the last whole one is left out.
loop::Task<OpenedStore> open_cdrom(block::StoreSpec spec);

}  // namespace ashlar::stores
