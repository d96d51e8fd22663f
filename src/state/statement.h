// One prepared SQL statement in use, and the errors of SQLite as ours. <sqlite3.h> stays out of all headers.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace ashlar::state {

/// The error that `code` stands for: SQLITE_FULL is no_space, SQLITE_BUSY busy, SQLITE_CORRUPT and SQLITE_NOTADB io_error ...
Error error_of_sqlite(sqlite3* database, int code, const std::string& place);
/// SQLITE_CORRUPT or SQLITE_NOTADB.
bool is_corruption(int code);

/// Borrowed from a Connection's cache; given back, reset and unbound, when it ends. Not thread safe.
class Statement {
 public:
  /// `corrupt`, where it is not null, is set when a step finds the file damaged.
  Statement(sqlite3* database, sqlite3_stmt* statement, std::string place, int error, bool* corrupt)
      : database_(database),
        statement_(statement),
        place_(std::move(place)),
        error_(error),
        corrupt_(corrupt) {}
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;
  ~Statement();

  /// In the order of the question marks. An error is told by the next step.
  Statement& bind(int64_t value);
  Statement& bind(double value);
  Statement& bind(std::string_view value);  ///< copied
  template <typename... Values>
  Statement& bind_all(const Values&... values) {
    (bind_one(values), ...);
    return *this;
  }
  /// True: there is a row to look at.
  Result<bool> next();
  /// To the end; rows are thrown away. Ready to be bound again.
  Result<void> run();

  // Of the row; columns count from 0.
  int64_t integer(int column) const;
  uint64_t number(int column) const { return static_cast<uint64_t>(integer(column)); }
  double real(int column) const;
  std::string text(int column) const;

 private:
  void bind_one(double value) { bind(value); }
  void bind_one(std::string_view value) { bind(value); }
  void bind_one(const std::string& value) { bind(std::string_view(value)); }
  void bind_one(const char* value) { bind(std::string_view(value)); }
  template <std::integral T>
  void bind_one(T value) {
    bind(static_cast<int64_t>(value));
  }
  void keep(int code) {
    if (error_ == 0) error_ = code;
  }
  void reset();

  sqlite3* database_;
  sqlite3_stmt* statement_;
  std::string place_;
  int error_;
  bool* corrupt_;
  int bound_ = 0;
};

}  // namespace ashlar::state
