// Opening a file or block device: what it is, what it can do, who else has it. Blocking calls: for the worker pool.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "loop/file.h"

namespace ashlar::loop {

/// An open file, shared by the channels of all shards. Closes (and so unlocks) when the last of them goes.
struct OpenFile {
  OpenFile(int opened, std::string name) : descriptor(opened), path(std::move(name)) {}
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  ~OpenFile();

  const int descriptor;
  const std::string path;
  File::Traits traits;
  bool writable = false;
  /// Lives in memory (tmpfs): direct calls do it at once, the ring would hand it to a thread (speed.md 3: 2.3 times slower).
  bool in_memory = false;
  std::atomic<bool> try_without_wait =
      false;  ///< buffered: what the page cache holds is read by a direct call
  std::atomic<uint64_t> size_bytes = 0;
};

Result<std::shared_ptr<OpenFile>> open_blocking(const std::string& path, const OpenOptions& options);
/// Removes the file, and makes that durable.
Result<void> remove_blocking(const std::string& path);
/// Not for block devices.
Result<void> resize_blocking(OpenFile& file, uint64_t bytes, bool allocate);

}  // namespace ashlar::loop
