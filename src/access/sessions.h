// Sessions of people: in memory only, so that a restart asks for the password again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "access/random.h"

namespace ashlar::access {

struct Session {
  std::string id_hash, user, address,
      csrf;  ///< id_hash: SHA-256 of the id, hex; good for nothing but naming it
  int64_t created = 0, last_used = 0;
};

/// Ids are 256 random bits and kept hashed, so that neither a dump of the memory nor the time of a look-up gives one away.
/// A session ends `idle_seconds` after its last use and `longest_seconds` after its begin. At most `most`: when one more
/// begins, the one not used for the longest time ends. Thread safe. Time in seconds, given.
class Sessions {
 public:
  Sessions(int64_t idle_seconds, int64_t longest_seconds, size_t most, RandomSource random = system_random);
  /// The id (for the cookie or the Authorization header) and its CSRF token, each 43 characters of base64url.
  std::pair<std::string, std::string> begin(const std::string& user, const std::string& address, int64_t now);
  /// The session as it is now that it was used.
  std::optional<Session> find(std::string_view id, int64_t now);
  /// False: there was none.
  bool end(std::string_view id);
  /// The same by Session::id_hash, for those who end a session of somebody else.
  bool end_hashed(std::string_view id_hash);
  /// How many there were.
  size_t end_all_of(const std::string& user);
  /// Those that have not ended, as of the last begin() or find(); oldest first, without their CSRF tokens.
  std::vector<Session> list() const;

 private:
  bool is_over(const Session& session, int64_t now) const;
  void make_room(int64_t now);

  const int64_t idle_seconds_, longest_seconds_;
  const size_t most_;
  const RandomSource random_;
  mutable std::mutex mutex_;
  int64_t seen_now_ = 0;
  std::unordered_map<std::string, Session> sessions_;  // by id_hash
};

/// Is `given` the session's CSRF token? In constant time.
bool is_csrf_of(const Session& session, std::string_view given);

}  // namespace ashlar::access
