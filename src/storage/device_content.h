// What is on a block device, and what this system does with it.
#pragma once

#include <map>
#include <string>

namespace ashlar::storage {

/// By libblkid's low-level probing: "xfs", "LVM2_member", "partitions"; "several signatures"; "unreadable (why)"; empty when
/// nothing was found. Reads only.
std::string content_of(const std::string& device_path);

/// What is mounted and swapped to, from mountinfo and swaps of `proc`. When these cannot be read, everything counts as in use.
struct DeviceUses {
  std::map<std::string, std::string> by_number;  ///< "8:1" -> "mounted on /"
  std::map<std::string, std::string> by_path;    ///< "/dev/sda1", as realpath() tells it -> the same
  bool readable = false;
};
DeviceUses read_device_uses(const std::string& proc);

/// "mounted on /srv", "swap in use", or empty. `number` as sysfs tells it: "8:1".
std::string use_of(const DeviceUses& uses, const std::string& path, const std::string& number);

}  // namespace ashlar::storage
