// A folder of secrets: 0700, one writer at a time, files that are there whole or not at all.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "base/result.h"

namespace ashlar::http {

/// Holds the folder's lock while it lives, against other processes too.
class SafeFolder {
 public:
  /// Made when missing, with its parents; its mode is set to 0700.
  static Result<SafeFolder> open(const std::string& path);
  SafeFolder(SafeFolder&& other) noexcept;
  SafeFolder& operator=(SafeFolder&&) = delete;
  ~SafeFolder();

  /// Beside, fsync, rename, fsync of the folder. `path` is a file of this folder.
  Result<void> write(const std::string& path, std::string_view bytes, mode_t mode) const;

 private:
  explicit SafeFolder(int descriptor) : descriptor_(descriptor) {}
  int descriptor_ = -1;
};

/// False when nothing of that name is there.
bool is_there(const std::string& path);

}  // namespace ashlar::http
