// The machine's block devices: disks, partitions, md, device mapper, and loop devices that have a file.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "storage/privileged.h"

namespace ashlar::storage {

/// Where the kernel and udev show devices; a test shows its own.
struct DeviceTree {
  std::string sys = "/sys", dev = "/dev", proc = "/proc";
};

/// By path. A device whose content cannot be read is said to hold something ("unreadable ..."): only what was seen to be empty
/// is free. stable_id is the best link in dev/disk/by-id; a loop device's is its path; empty when there is none.
Result<std::vector<DeviceFacts>> list_block_devices(const DeviceTree& tree = {});

}  // namespace ashlar::storage
