// Jobs, saved again and again as they go on. Calls want the database's lock.
#pragma once

#include "state/connection.h"
#include "state/database.h"

namespace ashlar::state {

Result<void> save_job(Connection& connection, const JobRow& job, size_t kept);
Result<std::optional<JobRow>> find_job(Connection& connection, const std::string& id);
Result<std::vector<JobRow>> list_jobs(Connection& connection, size_t limit);

}  // namespace ashlar::state
