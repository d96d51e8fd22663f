// state.db (SQLite, WAL): events, audit, jobs, answers kept for Idempotency-Key, metric history, alert states. Losing it loses
// no configuration. One object for all threads; a lock within. A power cut may take the newest rows with it, never a part of a
// change (synchronous=NORMAL).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "json/json.h"

namespace ashlar::state {

struct EventRow {
  uint64_t id = 0;                               ///< from 1, rising, for ever
  std::string time, topic, action, name, actor;  ///< "volumes", "created", "db1", "alice"
  json::Json data;
};

struct AuditRow {
  uint64_t id = 0;
  std::string time, actor, address, method, path, outcome;  ///< outcome: "201", "denied: role viewer"
  std::string detail;                                       ///< never a secret
  std::string previous_hash,
      hash;  ///< SHA-256 over previous_hash and all fields: a row changed or taken out is found
};

struct JobRow {
  std::string id, kind, state;  ///< "queued", "running", "succeeded", "failed", "cancelled"
  std::string actor, resource, created_at, started_at, ended_at;
  uint64_t done = 0, total = 0;
  std::string unit;
  bool cancellable = false;
  json::Json result;  ///< what a caller that waited would have got
  std::string error;
  std::vector<std::string> log;
};

struct KeptAnswer {
  std::string body_hash;
  int status = 0;
  json::Json headers;
  std::string body;
};

struct AlertRow {
  std::string id, rule, subject, severity, message;  ///< id is rule and subject
  std::string state;                                 ///< "raised", "acknowledged", "cleared"
  std::string raised_at, acknowledged_at, acknowledged_by, cleared_at;
  double value = 0;
  bool told = false;  ///< to all its channels, in this state
};

/// A point of a series: how much it spans is the resolution's to say.
struct MetricPoint {
  int64_t time = 0;  ///< seconds since 1970
  double value = 0, lowest = 0, highest = 0;
};
enum class Resolution : uint8_t { second, minute, hour };  ///< kept for an hour, a week, a year

/// Rows in the order of their ids.
struct Page {
  size_t limit = 100;  ///< at most 10,000 are given
  uint64_t after = 0;  ///< id
  std::map<std::string, std::string>
      equal;  ///< column: value; a column that is not text or not there is invalid_argument
};

/// Bounds, and the clock: for tests.
struct DatabaseOptions {
  std::function<int64_t()> clock;  ///< seconds since 1970; empty: the system's
  size_t kept_events = 100'000;
  size_t kept_audit = 1'000'000;
  size_t kept_jobs = 10'000;
  size_t kept_answers = 10'000;         ///< as long as they are not too old
  size_t kept_cleared_alerts = 10'000;  ///< those that are not cleared are all kept
  size_t series = 20'000;
};

class Database {
 public:
  /// Makes or migrates it. A damaged file is moved aside to NAME.damaged-TIME and a new one begun: told in `notice`.
  /// unsupported when a newer version made it. Errors of all calls: no_space, busy (another program holds it for 5 s), io_error.
  static Result<std::unique_ptr<Database>> open(const std::string& path, std::string& notice,
                                                DatabaseOptions options = {});
  virtual ~Database() = default;

  virtual Result<uint64_t> add_event(EventRow row) = 0;  ///< the newest 100,000 are kept
  virtual Result<std::vector<EventRow>> events(const Page& page) = 0;
  virtual uint64_t first_event() = 0;  ///< the oldest kept; 0: none

  /// `id` and the hashes are set here. The newest 1,000,000 are kept.
  virtual Result<uint64_t> add_audit(AuditRow row) = 0;
  virtual Result<std::vector<AuditRow>> audit(const Page& page) = 0;
  /// The id of the first row that was changed, taken out or put in, also at the end; 0: all fit. Others may work meanwhile.
  virtual Result<uint64_t> verify_audit() = 0;

  virtual Result<void> save_job(const JobRow& job) = 0;  ///< the newest 10,000 are kept
  virtual Result<std::optional<JobRow>> job(const std::string& id) = 0;
  virtual Result<std::vector<JobRow>> jobs(size_t limit) = 0;  ///< newest first, by their first save

  /// For 24 h; `key` is the user's name and the Idempotency-Key. An answer longer than 4 MiB is out_of_range.
  virtual Result<std::optional<KeptAnswer>> kept_answer(const std::string& key) = 0;
  virtual Result<void> keep_answer(const std::string& key, const KeptAnswer& answer) = 0;

  virtual Result<void> save_alert(const AlertRow& alert) = 0;
  virtual Result<std::vector<AlertRow>> alerts() = 0;  ///< newest first, by their first raising

  /// One sample of many series at `time`; minutes and hours are made of seconds as they pass, and what is too old goes.
  /// A value that is no finite number, or of a series too many (20,000), is left out and counted.
  virtual Result<void> add_metrics(int64_t time,
                                   const std::vector<std::pair<std::string, double>>& values) = 0;
  virtual Result<std::vector<MetricPoint>> metric(const std::string& series, Resolution resolution,
                                                  int64_t from, int64_t to) = 0;
  virtual Result<std::vector<std::string>> metric_names() = 0;  ///< sorted
  virtual uint64_t metrics_refused() = 0;                       ///< values left out since open()
};

}  // namespace ashlar::state
