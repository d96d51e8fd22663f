// The arrays that this user knows: ~/.config/ashlar/arrays.json. It holds tokens, so it is 0600 or not used at all.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace ashlar::cli {

struct KnownArray {
  std::string name;
  std::string url;          ///< "https://array1:8443"
  std::string fingerprint;  ///< of its certificate: hex SHA-256; empty: its CA is asked
  std::string ca_file;
  std::string user;
  std::string token;    ///< of the API; goes before the session
  std::string session;  ///< of a login
  const std::string& credential() const { return token.empty() ? session : token; }
  bool operator==(const KnownArray&) const = default;
};

struct Arrays {
  std::string preferred;  ///< name of the one that is meant when none is said; may be empty
  std::vector<KnownArray> arrays;
  KnownArray* find(std::string_view name);
  const KnownArray* find(std::string_view name) const;
  const KnownArray* find_url(std::string_view url) const;
};

/// No file: no arrays. Errors: permission_denied when others may read it, invalid_argument when it is not what we wrote.
Result<Arrays> load_arrays(const std::string& path);
/// Written beside and renamed, 0600; makes the folder (0700).
Result<void> save_arrays(const std::string& path, const Arrays& arrays);

/// "array1" and "array1:8443" become "https://array1:8443"; "unix:PATH" stays. Anything but https and unix is refused.
Result<std::string> full_url(std::string_view typed);
/// Hex SHA-256 with or without colons, in either case: 64 lower case digits.
Result<std::string> read_fingerprint(std::string_view typed);
/// "AB:CD:..." for people to compare.
std::string print_fingerprint(std::string_view hex);

}  // namespace ashlar::cli
