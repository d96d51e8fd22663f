// The seam between what is kept and the disk: every write, fsync and rename of the agent's state goes through here, so that a
// test can stop the world at each of them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace ashlar::state {

/// What read() reads at most; more is out_of_range.
constexpr size_t max_file_bytes = 64u << 20;

/// Errors carry the path as their place. Not locked: callers that share a path take turns.
class FileSystem {
 public:
  virtual ~FileSystem() = default;
  virtual Result<std::string> read(const std::string& path) = 0;
  /// Names in a folder, sorted; not_found when there is no such folder.
  virtual Result<std::vector<std::string>> list(const std::string& folder) = 0;
  virtual bool exists(const std::string& path) = 0;
  /// One level. A folder that is there already gets this mode and is no error.
  virtual Result<void> make_folder(const std::string& path, uint32_t mode) = 0;
  /// A new file with these bytes, not yet safe from a power cut. Truncates what is there. After an error the file may hold
  /// a part of them.
  virtual Result<void> write(const std::string& path, std::string_view bytes, uint32_t mode) = 0;
  virtual Result<void> sync_file(const std::string& path) = 0;
  virtual Result<void> sync_folder(const std::string& path) = 0;
  virtual Result<void> rename(const std::string& from, const std::string& to) = 0;
  virtual Result<void> remove(const std::string& path) = 0;

  /// write beside, sync, rename, sync the folder: after it the path has the old or the new bytes, never neither. After an error
  /// too; which of them is known only when the error came from stage(), which this begins with.
  Result<void> replace(const std::string& path, std::string_view bytes, uint32_t mode);
  /// The first half of replace(): the bytes are safe in staged_name(path), or that file is taken away again.
  Result<void> stage(const std::string& path, std::string_view bytes, uint32_t mode);
};

/// Where stage() writes: PATH.new. What is found there after a power cut may be torn and is litter.
std::string staged_name(const std::string& path);
/// The folder that holds `path`: "." when it names none.
std::string folder_of(const std::string& path);

/// The real one.
std::unique_ptr<FileSystem> make_file_system();

}  // namespace ashlar::state
