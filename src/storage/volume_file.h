// The files of volumes in one folder, which is given as an open descriptor: names are looked up in it and nowhere else. `place`
// stands before the name in errors. Names were checked by the caller (storage/folder_path.h).
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "storage/privileged.h"

namespace ashlar::storage {

constexpr uint64_t max_file_bytes = 1ull << 60;
constexpr size_t max_listed_files = 32768;

/// An empty file of `bytes`, which gets its name when it is whole and on the disk. One of the same size that was never written
/// is as good as new.
Result<void> create_volume_file(int folder, const std::string& place, const std::string& name, uint64_t bytes,
                                bool allocate);
/// unsupported: the file system cannot share blocks, by its name.
Result<void> clone_volume_file(int folder, const std::string& place, const std::string& from,
                               const std::string& to);
/// Fine when there is none.
Result<void> remove_volume_file(int folder, const std::string& place, const std::string& name);
Result<FileFacts> volume_file_facts(int folder, const std::string& place, const std::string& name);
/// Ordinary files whose names check_file_name() likes, by name; exhausted past max_listed_files.
Result<std::vector<FileFacts>> list_files_of(int folder, const std::string& place);

}  // namespace ashlar::storage
