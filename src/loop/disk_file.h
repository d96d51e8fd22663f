// Files and block devices: io_uring for disks, direct calls where those are faster.
#pragma once

#include <memory>
#include <string>

#include "loop/file.h"

namespace ashlar::loop {

class RealLoop;

/// See Loop::open() and Loop::remove().
Task<Result<std::unique_ptr<File>>> open_disk_file(RealLoop& loop, std::string path, OpenOptions options);
Task<Result<void>> remove_disk_file(RealLoop& loop, std::string path);

}  // namespace ashlar::loop
