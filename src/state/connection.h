// An open SQLite file with its prepared statements. Not thread safe: its owner has a lock.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "state/statement.h"

namespace ashlar::state {

class Connection {
 public:
  /// Opens or makes the file (mode 0600), in WAL, with a busy timeout of 5 s. `damaged` is set when it is no database.
  static Result<std::unique_ptr<Connection>> open(const std::string& path, bool& damaged);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  /// Statements without parameters, several with ';' between.
  Result<void> execute(const std::string& sql);
  /// Prepared once, then kept. Do not use the same text again while the answer lives. An error is told by its first step.
  Statement statement(const std::string& sql);
  /// `work` wholly or not at all.
  Result<void> transaction(const std::function<Result<void>()>& work);
  int64_t last_id() const;
  /// Rows that the last statement changed.
  int64_t changed() const;
  const std::string& path() const { return path_; }
  /// A call has found the file damaged.
  bool found_corrupt() const { return corrupt_; }

 private:
  Connection(sqlite3* database, std::string path) : database_(database), path_(std::move(path)) {}
  Error error(int code);

  sqlite3* database_;
  std::string path_;
  std::map<std::string, sqlite3_stmt*> statements_;  // as many as the code has texts
  bool corrupt_ = false;
};

}  // namespace ashlar::state
