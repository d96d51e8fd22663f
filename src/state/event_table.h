// The newest events. Calls want the database's lock.
#pragma once

#include "state/connection.h"
#include "state/database.h"

namespace ashlar::state {

Result<uint64_t> add_event(Connection& connection, const EventRow& row, size_t kept);
Result<std::vector<EventRow>> events(Connection& connection, const Page& page);
Result<uint64_t> first_event(Connection& connection);
/// The next event's id is above this: ids rise for ever, over a database that was begun anew too.
Result<void> raise_event_id(Connection& connection, uint64_t id);

/// " FROM table WHERE id > ? AND column = ? ... ORDER BY id LIMIT ?", bound as the page says. `columns` are those it may name.
struct PageQuery {
  std::string sql;
  std::vector<std::string> values;
};
Result<PageQuery> query_of(const Page& page, std::string_view select, std::string_view table,
                           const std::vector<std::string_view>& columns);
void bind_page(Statement& statement, const Page& page, const PageQuery& query);
/// The JSON of a column; null when it cannot be read.
json::Json json_of(const std::string& text);

}  // namespace ashlar::state
