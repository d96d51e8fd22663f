// The secret store: secrets/ID, mode 0600. The configuration holds "secret:ID" and nothing else.
#pragma once

#include <set>
#include <string>

#include "state/file_system.h"

namespace ashlar::state {

class SecretStore {
 public:
  static Result<SecretStore> open(FileSystem& files, std::string folder);
  /// On disk when it returns. The answer is "secret:" and 32 hex digits of randomness.
  Result<std::string> put(std::string_view value);
  /// `reference` as put() gave it. not_found.
  Result<std::string> get(std::string_view reference) const;
  static bool is_reference(std::string_view text);
  /// Removes every secret that is in none of the generations kept.
  Result<size_t> remove_all_but(const std::set<std::string>& references);
};

}  // namespace ashlar::state
