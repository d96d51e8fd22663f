// The secret store: secrets/ID, mode 0600. The configuration holds "secret:ID" and nothing else.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "state/file_system.h"

namespace ashlar::state {

/// Not thread safe. No error names a secret's bytes.
class SecretStore {
 public:
  static constexpr size_t max_secret_bytes = 65536;

  /// `folder` is made when missing, mode 0700. `files` outlives the store.
  static Result<SecretStore> open(FileSystem& files, std::string folder);
  /// On disk when it returns. The answer is "secret:" and 32 hex digits of randomness.
  Result<std::string> put(std::string_view value);
  /// `reference` as put() gave it. not_found.
  Result<std::string> get(std::string_view reference) const;
  static bool is_reference(std::string_view text);
  /// Removes every secret that is in none of the generations kept. Count the unfinished generation among them. How many went;
  /// after an error some may have gone: call it again.
  Result<size_t> remove_all_but(const std::set<std::string>& references);

 private:
  SecretStore(FileSystem& files, std::string folder) : files_(&files), folder_(std::move(folder)) {}
  FileSystem* files_;
  std::string folder_;
};

}  // namespace ashlar::state
