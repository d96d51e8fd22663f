#include "state/answer_table.h"

#include "state/event_table.h"

namespace ashlar::state {
namespace {

constexpr int64_t kept_seconds = 24 * 3600;
constexpr size_t longest_answer = 4u << 20;

}  // namespace

Result<std::optional<KeptAnswer>> kept_answer(Connection& connection, const std::string& key, int64_t now) {
  // The upper bound is for a clock that was set back: else an answer would stand for longer than a day.
  Statement statement = connection.statement(
      "SELECT body_hash, status, headers, body FROM answers WHERE key = ? AND time > ? AND time <= ?");
  statement.bind_all(key, now - kept_seconds, now + kept_seconds);
  TRY_ASSIGN(const bool row, statement.next());
  if (!row) return std::nullopt;
  return KeptAnswer{statement.text(0), static_cast<int>(statement.integer(1)), json_of(statement.text(2)),
                    statement.text(3)};
}

Result<void> keep_answer(Connection& connection, const std::string& key, const KeptAnswer& answer,
                         int64_t now, size_t kept) {
  if (answer.body.size() > longest_answer)
    return fail(ErrorCode::out_of_range, "", "an answer of {} bytes is not kept; at most {}",
                answer.body.size(), longest_answer);
  return connection.transaction([&]() -> Result<void> {
    TRY(connection.statement("DELETE FROM answers WHERE time <= ? OR time > ?")
            .bind_all(now - kept_seconds, now + kept_seconds)
            .run());
    TRY(connection
            .statement(
                "INSERT OR REPLACE INTO answers (key, time, body_hash, status, headers, body) VALUES (?,?,?,?,?,?)")
            .bind_all(key, now, answer.body_hash, answer.status, json::print_json(answer.headers),
                      answer.body)
            .run());
    return connection
        .statement(
            "DELETE FROM answers WHERE rowid <= (SELECT rowid FROM answers ORDER BY rowid DESC LIMIT 1 OFFSET ?)")
        .bind_all(kept)
        .run();
  });
}

}  // namespace ashlar::state
