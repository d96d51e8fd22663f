#include "state/schema.h"

#include <array>

namespace ashlar::state {
namespace {

// Never change one that was shipped: add another. The count of those done is the file's user_version.
constexpr std::array migrations = {R"sql(
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE events (
  id INTEGER PRIMARY KEY AUTOINCREMENT, time TEXT NOT NULL, topic TEXT NOT NULL, action TEXT NOT NULL,
  name TEXT NOT NULL, actor TEXT NOT NULL, data TEXT NOT NULL);
CREATE INDEX events_topic ON events (topic, id);
CREATE TABLE audit (
  id INTEGER PRIMARY KEY, time TEXT NOT NULL, actor TEXT NOT NULL, address TEXT NOT NULL, method TEXT NOT NULL,
  path TEXT NOT NULL, outcome TEXT NOT NULL, detail TEXT NOT NULL, previous_hash TEXT NOT NULL, hash TEXT NOT NULL);
CREATE INDEX audit_actor ON audit (actor, id);
CREATE TABLE jobs (
  number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, state TEXT NOT NULL,
  actor TEXT NOT NULL, resource TEXT NOT NULL, created_at TEXT NOT NULL, started_at TEXT NOT NULL,
  ended_at TEXT NOT NULL, done INTEGER NOT NULL, total INTEGER NOT NULL, unit TEXT NOT NULL,
  cancellable INTEGER NOT NULL, result TEXT NOT NULL, error TEXT NOT NULL, log TEXT NOT NULL);
CREATE TABLE answers (
  key TEXT PRIMARY KEY, time INTEGER NOT NULL, body_hash TEXT NOT NULL, status INTEGER NOT NULL,
  headers TEXT NOT NULL, body TEXT NOT NULL);
CREATE INDEX answers_time ON answers (time);
CREATE TABLE alerts (
  number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, rule TEXT NOT NULL, subject TEXT NOT NULL,
  severity TEXT NOT NULL, message TEXT NOT NULL, state TEXT NOT NULL, raised_at TEXT NOT NULL,
  acknowledged_at TEXT NOT NULL, acknowledged_by TEXT NOT NULL, cleared_at TEXT NOT NULL, value REAL NOT NULL,
  told INTEGER NOT NULL);
CREATE TABLE series (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, last INTEGER NOT NULL);
-- By time first: a sample is written behind the last one and the oldest go from the front, a few pages each.
CREATE TABLE seconds (time INTEGER, series INTEGER, value REAL NOT NULL, PRIMARY KEY (time, series)) WITHOUT ROWID;
CREATE TABLE minutes (
  time INTEGER, series INTEGER, sum REAL NOT NULL, count INTEGER NOT NULL, lowest REAL NOT NULL,
  highest REAL NOT NULL, PRIMARY KEY (time, series)) WITHOUT ROWID;
CREATE TABLE hours (
  time INTEGER, series INTEGER, sum REAL NOT NULL, count INTEGER NOT NULL, lowest REAL NOT NULL,
  highest REAL NOT NULL, PRIMARY KEY (time, series)) WITHOUT ROWID;
)sql"};

}  // namespace

Result<void> migrate(Connection& connection) {
  size_t version = 0;
  {
    Statement query = connection.statement("PRAGMA user_version");
    TRY(query.next());
    version = static_cast<size_t>(query.integer(0));
  }
  if (version > migrations.size()) {
    return fail(
        ErrorCode::unsupported, connection.path(),
        "is of version {} and this program knows {}: a newer one made it; start that, or move the file away and "
        "lose events, audit and history, but no configuration",
        version, migrations.size());
  }
  for (; version < migrations.size(); ++version) {
    TRY(connection.transaction([&]() -> Result<void> {
      TRY(connection.execute(migrations.at(version)));
      return connection.execute(fmt::format("PRAGMA user_version={}", version + 1));
    }));
  }
  return {};
}

}  // namespace ashlar::state
