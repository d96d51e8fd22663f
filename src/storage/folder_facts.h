// What a folder's file system is and can do.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "storage/privileged.h"

namespace ashlar::storage {

/// What only a try can tell. Kept by the caller, so that asking for the fill level each minute writes nothing.
struct TriedAbilities {
  std::string file_system_id;  ///< of the file system that it was tried on
  bool reflink = false, punch_hole = false;
};

/// "xfs", "ext4" (its elders too), or "unknown (0x...)", of what holds the open file or folder.
std::string file_system_name(int descriptor);

/// `tried` is used when it is of this file system, else made anew, with two small files that have no name for longer than a
/// moment; not on a file system that is read-only.
Result<FolderFacts> look_at_folder(int folder, const std::string& place,
                                   std::optional<TriedAbilities>& tried);

}  // namespace ashlar::storage
