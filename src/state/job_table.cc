#include "state/job_table.h"

#include <algorithm>

#include "state/event_table.h"

namespace ashlar::state {
namespace {

constexpr std::string_view columns =
    "id, kind, state, actor, resource, created_at, started_at, ended_at, done, total, unit, cancellable, result, error, log";
constexpr size_t longest_list = 10'000;

JobRow job_of(const Statement& row) {
  JobRow job{.id = row.text(0),
             .kind = row.text(1),
             .state = row.text(2),
             .actor = row.text(3),
             .resource = row.text(4),
             .created_at = row.text(5),
             .started_at = row.text(6),
             .ended_at = row.text(7),
             .done = row.number(8),
             .total = row.number(9),
             .unit = row.text(10),
             .cancellable = row.integer(11) != 0,
             .result = json_of(row.text(12)),
             .error = row.text(13),
             .log = {}};
  const json::Json log = json_of(row.text(14));
  for (const json::Json& line : log) {
    if (line.is_string()) job.log.push_back(line.get<std::string>());
  }
  return job;
}

}  // namespace

Result<void> save_job(Connection& connection, const JobRow& job, size_t kept) {
  return connection.transaction([&]() -> Result<void> {
    TRY(connection
            .statement(fmt::format(
                "INSERT INTO jobs ({}) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT (id) DO UPDATE SET "
                "kind=excluded.kind, state=excluded.state, actor=excluded.actor, resource=excluded.resource, "
                "created_at=excluded.created_at, started_at=excluded.started_at, ended_at=excluded.ended_at, "
                "done=excluded.done, total=excluded.total, unit=excluded.unit, cancellable=excluded.cancellable, "
                "result=excluded.result, error=excluded.error, log=excluded.log",
                columns))
            .bind_all(job.id, job.kind, job.state, job.actor, job.resource, job.created_at, job.started_at,
                      job.ended_at, job.done, job.total, job.unit, job.cancellable,
                      json::print_json(job.result), job.error, json::print_json(json::Json(job.log)))
            .run());
    return connection
        .statement(
            "DELETE FROM jobs WHERE number <= (SELECT number FROM jobs ORDER BY number DESC LIMIT 1 OFFSET ?)")
        .bind_all(kept)
        .run();
  });
}

Result<std::optional<JobRow>> find_job(Connection& connection, const std::string& id) {
  Statement statement = connection.statement(fmt::format("SELECT {} FROM jobs WHERE id = ?", columns));
  statement.bind_all(id);
  TRY_ASSIGN(const bool row, statement.next());
  if (!row) return std::nullopt;
  return job_of(statement);
}

Result<std::vector<JobRow>> list_jobs(Connection& connection, size_t limit) {
  Statement statement =
      connection.statement(fmt::format("SELECT {} FROM jobs ORDER BY number DESC LIMIT ?", columns));
  statement.bind_all(std::min(limit, longest_list));
  std::vector<JobRow> jobs;
  while (true) {
    TRY_ASSIGN(const bool row, statement.next());
    if (!row) return jobs;
    jobs.push_back(job_of(statement));
  }
}

}  // namespace ashlar::state
