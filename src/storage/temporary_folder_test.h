// Folders and file systems of their own for tests, gone at the end.
#pragma once

#include <gtest/gtest.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "base/result.h"
#include "storage/helper.h"
#include "storage/privileged.h"

namespace ashlar::storage {

inline std::string why(const Error& error) { return error.text(); }
template <typename T>
std::string why(const Result<T>& result) {
  return result ? "done" : result.error().text();
}

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = std::filesystem::canonical(testing::TempDir()).string() + "/ashlar-storage-XXXXXX";
    if (::mkdtemp(pattern.data()) != nullptr) path_ = pattern;
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

inline void write_file(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

inline bool run(const std::string& command) {
  const int status = std::system((command + " >/dev/null 2>&1").c_str());
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/// Mounts of this process are nobody else's from here on, and end with it even when it is killed.
inline bool own_mounts() {
  static const bool own = ::geteuid() == 0 && ::unshare(CLONE_NEWNS) == 0 &&
                          ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
  return own;
}

/// A file system in a file, or a tmpfs, mounted for the life of this object. When it cannot be made (not root, no loop devices)
/// `mounted()` is false: the test says so and looks at what can be had without.
class MountedFileSystem {
 public:
  /// `make`: "mkfs.xfs -q -m reflink=1", or "tmpfs". `bytes` of an image are sparse.
  MountedFileSystem(const std::string& make, uint64_t bytes) {
    if (!own_mounts()) return;
    const std::string where = folder_ / "mounted", image = folder_ / "image";
    std::filesystem::create_directory(where);
    if (make == "tmpfs") {
      mounted_ = run(fmt::format("mount -t tmpfs -o size={} tmpfs '{}'", bytes, where));
      return;
    }
    write_file(image, "");
    std::filesystem::resize_file(image, bytes);
    mounted_ = run(fmt::format("{0} '{1}' && mount -o loop '{1}' '{2}'", make, image, where));
  }
  ~MountedFileSystem() { unmount(); }
  void unmount() {
    if (std::exchange(mounted_, false)) run(fmt::format("umount '{0}' || umount -l '{0}'", path()));
  }
  bool mounted() const { return mounted_; }
  std::string path() const { return folder_ / "mounted"; }

 private:
  TemporaryFolder folder_;
  bool mounted_ = false;
};

/// A loop device with a file behind it, for the life of this object; `path()` is empty when it cannot be made.
class LoopDevice {
 public:
  explicit LoopDevice(uint64_t bytes) {
    if (::geteuid() != 0) return;
    const std::string image = folder_ / "image", told = folder_ / "told";
    write_file(image, "");
    std::filesystem::resize_file(image, bytes);
    if (std::system(fmt::format("losetup -f --show '{}' >'{}' 2>/dev/null", image, told).c_str()) != 0)
      return;
    std::getline(std::ifstream(told), path_);
  }
  LoopDevice(const LoopDevice&) = delete;
  LoopDevice& operator=(const LoopDevice&) = delete;
  ~LoopDevice() {
    if (!path_.empty()) run("losetup -d " + path_);
  }
  const std::string& path() const { return path_; }

 private:
  TemporaryFolder folder_;
  std::string path_;
};

#define ASHLAR_XFS "mkfs.xfs -q -m reflink=1"
constexpr uint64_t xfs_bytes = 320u << 20;  // mkfs.xfs makes none below 300 MiB

}  // namespace ashlar::storage
