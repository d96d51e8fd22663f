#include "state/event_table.h"

#include <algorithm>

#include "json/fields.h"

namespace ashlar::state {
namespace {

constexpr size_t longest_page = 10'000;

}  // namespace

json::Json json_of(const std::string& text) {
  Result<json::Json> json = json::parse_json(text);
  return json ? std::move(*json) : json::Json();
}

Result<PageQuery> query_of(const Page& page, std::string_view select, std::string_view table,
                           const std::vector<std::string_view>& columns) {
  PageQuery query{fmt::format("SELECT {} FROM {} WHERE id > ?", select, table), {}};
  for (const auto& [column, value] : page.equal) {
    if (std::find(columns.begin(), columns.end(), column) == columns.end()) {
      return fail(ErrorCode::invalid_argument, column, "is not a column to choose by{}",
                  json::advice(column, columns));
    }
    query.sql += fmt::format(" AND {} = ?", column);
    query.values.push_back(value);
  }
  query.sql += " ORDER BY id LIMIT ?";
  return query;
}

void bind_page(Statement& statement, const Page& page, const PageQuery& query) {
  statement.bind(static_cast<int64_t>(std::min<uint64_t>(page.after, INT64_MAX)));
  for (const std::string& value : query.values) statement.bind(std::string_view(value));
  statement.bind(static_cast<int64_t>(std::min(page.limit, longest_page)));
}

Result<uint64_t> add_event(Connection& connection, const EventRow& row, size_t kept) {
  uint64_t id = 0;
  TRY(connection.transaction([&]() -> Result<void> {
    TRY(connection
            .statement("INSERT INTO events (time, topic, action, name, actor, data) VALUES (?,?,?,?,?,?)")
            .bind_all(row.time, row.topic, row.action, row.name, row.actor, json::print_json(row.data))
            .run());
    id = static_cast<uint64_t>(connection.last_id());
    if (id > kept) TRY(connection.statement("DELETE FROM events WHERE id <= ?").bind_all(id - kept).run());
    return {};
  }));
  return id;
}

Result<std::vector<EventRow>> events(Connection& connection, const Page& page) {
  TRY_ASSIGN(const PageQuery query, query_of(page, "id, time, topic, action, name, actor, data", "events",
                                             {"time", "topic", "action", "name", "actor"}));
  Statement statement = connection.statement(query.sql);
  bind_page(statement, page, query);
  std::vector<EventRow> rows;
  while (true) {
    TRY_ASSIGN(const bool row, statement.next());
    if (!row) return rows;
    rows.push_back({statement.number(0), statement.text(1), statement.text(2), statement.text(3),
                    statement.text(4), statement.text(5), json_of(statement.text(6))});
  }
}

Result<uint64_t> first_event(Connection& connection) {
  Statement statement = connection.statement("SELECT ifnull(min(id), 0) FROM events");
  TRY(statement.next());
  return statement.number(0);
}

Result<void> raise_event_id(Connection& connection, uint64_t id) {
  return connection.transaction([&]() -> Result<void> {
    TRY(connection.statement("DELETE FROM sqlite_sequence WHERE name = 'events'").run());
    return connection.statement("INSERT INTO sqlite_sequence (name, seq) VALUES ('events', ?)")
        .bind_all(id)
        .run();
  });
}

}  // namespace ashlar::state
