// Which folders and names the privileged verbs may touch, and how a folder is opened so that no symbolic link leads elsewhere.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "storage/descriptor.h"

namespace ashlar::storage {

constexpr size_t max_path_bytes = 1024;
constexpr size_t max_name_bytes = 200;  // leaves room for what a half-made file is called
constexpr std::string_view volume_file_ending = ".img";

/// Absolute, in its shortest form (no "..", no ".", no "//", no '/' at the end), no control characters, at most
/// max_path_bytes. Looks at no disk.
Result<void> check_path(const std::string& path);

/// check_path(), and not a folder of the system: permission_denied for those, for what is in most of them, and for the folders
/// that only hold other data folders ("/srv" itself).
Result<void> check_data_folder(const std::string& folder);

/// Letters, digits and "._-@", the first a letter or a digit, at most max_name_bytes: nothing hidden, no way out of the folder.
Result<void> check_file_name(const std::string& name);
/// check_file_name(), and it ends in ".img": the helper makes and removes nothing else, whatever it is asked.
Result<void> check_volume_file_name(const std::string& name);

/// `folder` opened for reading. A path through a symbolic link is permission_denied, and the message names the real folder.
Result<Descriptor> open_folder(const std::string& folder);

}  // namespace ashlar::storage
