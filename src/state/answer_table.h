// Answers kept for Idempotency-Key. Calls want the database's lock.
#pragma once

#include "state/connection.h"
#include "state/database.h"

namespace ashlar::state {

Result<std::optional<KeptAnswer>> kept_answer(Connection& connection, const std::string& key, int64_t now);
Result<void> keep_answer(Connection& connection, const std::string& key, const KeptAnswer& answer,
                         int64_t now, size_t kept);

}  // namespace ashlar::state
