#include "state/statement.h"

#include <sqlite3.h>

#include <cerrno>

namespace ashlar::state {

bool is_corruption(int code) { return (code & 0xff) == SQLITE_CORRUPT || (code & 0xff) == SQLITE_NOTADB; }

static ErrorCode code_of_sqlite(sqlite3* database, int code) {
  switch (code & 0xff) {
    case SQLITE_FULL: return ErrorCode::no_space;
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return ErrorCode::busy;
    case SQLITE_NOMEM: return ErrorCode::exhausted;
    case SQLITE_TOOBIG: return ErrorCode::out_of_range;
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH: return ErrorCode::invalid_argument;
    default: break;
  }
  // The file that WAL's readers share cannot grow on a full disk, which SQLite tells as an error of the device.
  const int system = database == nullptr ? 0 : sqlite3_system_errno(database);
  if (system == ENOSPC || system == EDQUOT) return ErrorCode::no_space;
  return ErrorCode::io_error;
}

Error error_of_sqlite(sqlite3* database, int code, const std::string& place) {
  const std::string_view what = database == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(database);
  if (is_corruption(code)) {
    return {
        ErrorCode::io_error, place,
        fmt::format("is damaged ({}): restart the agent, which moves it aside and begins a new one", what)};
  }
  return {code_of_sqlite(database, code), place, fmt::format("SQLite says: {}", what)};
}

Statement::~Statement() { reset(); }

void Statement::reset() {
  if (statement_ == nullptr) return;
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
  bound_ = 0;
}

Statement& Statement::bind(int64_t value) {
  if (statement_ != nullptr) keep(sqlite3_bind_int64(statement_, ++bound_, value));
  return *this;
}

Statement& Statement::bind(double value) {
  if (statement_ != nullptr) keep(sqlite3_bind_double(statement_, ++bound_, value));
  return *this;
}

Statement& Statement::bind(std::string_view value) {
  // A null pointer would be NULL, and an empty text is not that.
  const char* bytes = value.data() == nullptr ? "" : value.data();
  if (statement_ != nullptr)
    keep(sqlite3_bind_text64(statement_, ++bound_, bytes, value.size(), SQLITE_TRANSIENT, SQLITE_UTF8));
  return *this;
}

Result<bool> Statement::next() {
  const int code = error_ != 0 ? error_ : sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  if (is_corruption(code) && corrupt_ != nullptr) *corrupt_ = true;
  return std::unexpected(error_of_sqlite(database_, code, place_));
}

Result<void> Statement::run() {
  while (true) {
    TRY_ASSIGN(const bool row, next());
    if (!row) break;
  }
  reset();
  return {};
}

int64_t Statement::integer(int column) const { return sqlite3_column_int64(statement_, column); }
double Statement::real(int column) const { return sqlite3_column_double(statement_, column); }

std::string Statement::text(int column) const {
  const unsigned char* bytes = sqlite3_column_text(statement_, column);
  if (bytes == nullptr) return {};
  return {reinterpret_cast<const char*>(bytes),
          static_cast<size_t>(sqlite3_column_bytes(statement_, column))};
}

}  // namespace ashlar::state
