// The audit: each row carries the hash of the one before, so that a row changed, taken out, put in or moved is found. `meta`
// keeps the two ends: what stood before the oldest row kept, and the newest row, so that a cut tail is found too. Someone who
// may write the file can still forge all of it; the chain finds the careless and the partial.
#pragma once

#include "state/connection.h"
#include "state/database.h"

namespace ashlar::state {

/// SHA-256 over previous_hash, id and all fields, each with its length before it: no two rows have one encoding.
std::string hash_of(const AuditRow& row);

Result<uint64_t> add_audit(Connection& connection, AuditRow row, size_t kept);
Result<std::vector<AuditRow>> audit_rows(Connection& connection, const Page& page);

/// A walk along the chain in pieces, so that the lock is free between them.
class AuditWalk {
 public:
  /// True: at the end, or at the first row that does not fit.
  Result<bool> go_on(Connection& connection, size_t rows);
  uint64_t first_bad() const { return first_bad_; }

 private:
  bool fits(const AuditRow& row);
  uint64_t next_ = 0;  ///< the id that must come; 0: not begun
  std::string hash_;
  uint64_t first_bad_ = 0;
};

}  // namespace ashlar::state
