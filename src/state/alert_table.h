// The states of alerts. Calls want the database's lock.
#pragma once

#include "state/connection.h"
#include "state/database.h"

namespace ashlar::state {

Result<void> save_alert(Connection& connection, const AlertRow& alert, size_t kept_cleared);
Result<std::vector<AlertRow>> list_alerts(Connection& connection);

}  // namespace ashlar::state
