#include "state/database_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <ctime>

#include "state/schema.h"

namespace ashlar::state {
namespace {

// A year of many series takes gigabytes, and a start must not read them all: above this, only the tables beside the history
// are looked at, and the history when it was found damaged in use.
constexpr off_t checked_wholly_bytes = 256 << 20;

std::string suspect_name(const std::string& path) { return path + ".suspect"; }

bool exists(const std::string& path) {
  struct stat there{};
  return ::stat(path.c_str(), &there) == 0;
}

off_t size_of(const std::string& path) {
  struct stat there{};
  return ::stat(path.c_str(), &there) == 0 ? there.st_size : 0;
}

Result<void> check_with(Connection& connection, const std::string& pragma, bool& damaged) {
  Statement query = connection.statement(pragma);
  TRY(query.next());
  const std::string answer = query.text(0);
  if (answer == "ok") return {};
  damaged = true;
  return fail(ErrorCode::io_error, connection.path(), "is damaged: {}", answer);
}

Result<void> check(Connection& connection, bool& damaged) {
  if (size_of(connection.path()) <= checked_wholly_bytes || exists(suspect_name(connection.path())))
    return check_with(connection, "PRAGMA quick_check(1)", damaged);
  for (const char* table : {"meta", "events", "audit", "jobs", "answers", "alerts", "series"})
    TRY(check_with(connection, fmt::format("PRAGMA quick_check({})", table), damaged));
  return {};
}

Result<std::unique_ptr<Connection>> open_checked(const std::string& path, bool& damaged) {
  TRY_ASSIGN(std::unique_ptr<Connection> connection, Connection::open(path, damaged));
  Result<void> done = migrate(*connection);
  if (done) done = check(*connection, damaged);
  damaged = damaged || connection->found_corrupt();
  if (!done) return std::unexpected(std::move(done).error());
  return connection;
}

std::string name_of_time(int64_t now) {
  const time_t seconds = now;
  tm parts{};
  ::gmtime_r(&seconds, &parts);
  char text[32];
  const size_t length = std::strftime(text, sizeof text, "%Y%m%dT%H%M%SZ", &parts);
  return {text, length};
}

}  // namespace

Result<std::unique_ptr<Connection>> open_database_file(const std::string& path, int64_t now,
                                                       std::string& notice) {
  bool damaged = false;
  Result<std::unique_ptr<Connection>> connection = open_checked(path, damaged);
  if (connection || !damaged) {
    if (connection) ::unlink(suspect_name(path).c_str());
    return connection;
  }
  const std::string cause = connection.error().text();
  std::string aside = fmt::format("{}.damaged-{}", path, name_of_time(now));
  for (int i = 2; exists(aside); ++i) aside = fmt::format("{}.damaged-{}-{}", path, name_of_time(now), i);
  // The log first: a new database beside an old log would take that log for its own.
  for (const char* ending : {"-wal", "-shm", ""}) {
    if (std::rename((path + ending).c_str(), (aside + ending).c_str()) != 0 && errno != ENOENT)
      return std::unexpected(error_of_errno(errno, path + ending, "is damaged and cannot be moved aside"));
  }
  ::unlink(suspect_name(path).c_str());
  notice = fmt::format("{}; moved to {} and begun anew: events, audit, jobs and history start empty", cause,
                       aside);
  damaged = false;
  return open_checked(path, damaged);
}

void suspect_database_file(const std::string& path) {
  const int file = ::open(suspect_name(path).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (file >= 0) ::close(file);
}

}  // namespace ashlar::state
