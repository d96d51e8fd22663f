#include "state/connection.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <cerrno>

namespace ashlar::state {
namespace {

constexpr int busy_milliseconds = 5000;

// SQLite would make it 0644; -wal and -shm take the mode of the file.
Result<void> make_private(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) return std::unexpected(error_of_errno(errno, path, "cannot be opened"));
  ::close(file);
  return {};
}

}  // namespace

Result<std::unique_ptr<Connection>> Connection::open(const std::string& path, bool& damaged) {
  TRY(make_private(path));
  sqlite3* database = nullptr;
  const int code =
      sqlite3_open_v2(path.c_str(), &database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  std::unique_ptr<Connection> connection(new Connection(database, path));
  if (code != SQLITE_OK) return std::unexpected(connection->error(code));
  sqlite3_extended_result_codes(database, 1);
  sqlite3_busy_timeout(database, busy_milliseconds);
  const Result<void> done = connection->execute(
      "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA journal_size_limit=67108864; "
      "PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF");
  damaged = connection->found_corrupt();
  if (!done) return std::unexpected(done.error());
  return connection;
}

Connection::~Connection() {
  for (const auto& [sql, statement] : statements_) sqlite3_finalize(statement);
  sqlite3_close_v2(database_);
}

Error Connection::error(int code) {
  if (is_corruption(code)) corrupt_ = true;
  return error_of_sqlite(database_, code, path_);
}

Result<void> Connection::execute(const std::string& sql) {
  const int code = sqlite3_exec(database_, sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return std::unexpected(error(code));
  return {};
}

Statement Connection::statement(const std::string& sql) {
  sqlite3_stmt*& cached = statements_[sql];
  int code = SQLITE_OK;
  if (cached == nullptr) {
    code = sqlite3_prepare_v3(database_, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                              &cached, nullptr);
  }
  return Statement(database_, cached, path_, code, &corrupt_);
}

Result<void> Connection::transaction(const std::function<Result<void>()>& work) {
  TRY(execute("BEGIN IMMEDIATE"));
  Result<void> done = work();
  if (done) done = execute("COMMIT");
  // Some errors have rolled back already, and then there is nothing to roll back.
  if (!done && sqlite3_get_autocommit(database_) == 0) (void)execute("ROLLBACK");
  return done;
}

int64_t Connection::last_id() const { return sqlite3_last_insert_rowid(database_); }
int64_t Connection::changed() const { return sqlite3_changes64(database_); }

}  // namespace ashlar::state
