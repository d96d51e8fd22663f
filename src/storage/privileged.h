// What needs root, as a closed list of verbs: nothing here takes a command or a shell's word. `ashlard` starts as root, forks
// the helper that does these (storage/helper.h), and gives up every privilege; the two talk over a socket pair, a JSON object
// a line, answers may carry one descriptor.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"

namespace ashlar::storage {

struct FolderFacts {
  std::string file_system;  ///< "xfs", "ext4", "btrfs", "tmpfs" ...
  bool reflink = false;     ///< tried with two small files
  bool punch_hole = false;
  bool read_only = false;
  bool mount_root = false;  ///< the folder is where its file system is mounted, not one further in
  uint64_t size_bytes = 0, available_bytes = 0;
};
struct FileFacts {
  std::string name;
  uint64_t size_bytes = 0, allocated_bytes = 0;
};
struct DeviceFacts {
  std::string path, stable_id;  ///< "/dev/sdb", "/dev/disk/by-id/wwn-..."
  uint64_t size_bytes = 0;
  uint32_t block_bytes = 512;
  std::string model, serial;
  bool rotational = false;
  std::string
      holds;  ///< what libblkid or the kernel found on it: "xfs", "LVM2_member", "mounted on /", "partitions"; empty: free
};

/// Paths are absolute and without ".."; a folder must be one of those allowed to the helper by allow_folder(), whose call
/// is itself refused for system folders (/, /etc, /usr, /proc ...).
class Privileged {
 public:
  virtual ~Privileged() = default;
  virtual Result<void> allow_folder(const std::string& folder) = 0;
  virtual Result<FolderFacts> folder_facts(const std::string& folder) = 0;
  virtual Result<std::vector<FileFacts>> list_files(const std::string& folder) = 0;
  virtual Result<FileFacts> file_facts(const std::string& folder, const std::string& name) = 0;
  /// fsynced, with its folder. `allocate`: all of the space now. already_exists when it is there with another size or content.
  virtual Result<void> create_file(const std::string& folder, const std::string& name, uint64_t bytes,
                                   bool allocate) = 0;
  /// FICLONE of `from` to a new file `to`; unsupported says which file system cannot.
  virtual Result<void> clone_file(const std::string& folder, const std::string& from,
                                  const std::string& to) = 0;
  virtual Result<void> remove_file(const std::string& folder, const std::string& name) = 0;
  virtual Result<std::vector<DeviceFacts>> list_devices() = 0;
  /// A connected descriptor of the engine's socket, which is open to root alone.
  virtual Result<int> connect_engine(const std::string& socket_path) = 0;
};

/// In this process, with what rights it has.
std::unique_ptr<Privileged> make_direct();

}  // namespace ashlar::storage
