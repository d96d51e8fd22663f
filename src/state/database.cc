#include "state/database.h"

#include <chrono>
#include <mutex>

#include "base/log.h"
#include "state/alert_table.h"
#include "state/answer_table.h"
#include "state/audit_chain.h"
#include "state/connection.h"
#include "state/database_file.h"
#include "state/event_table.h"
#include "state/job_table.h"
#include "state/metric_history.h"

namespace ashlar::state {
namespace {

constexpr size_t rows_per_lock = 1000;

class SqliteDatabase final : public Database {
 public:
  SqliteDatabase(std::unique_ptr<Connection> connection, DatabaseOptions options)
      : connection_(std::move(connection)),
        options_(std::move(options)),
        history_(*connection_, options_.series) {}

  Result<void> begin(bool anew) {
    // Clients resume by the last id that they saw; a clock in milliseconds has left behind every id of before.
    if (anew) TRY(raise_event_id(*connection_, static_cast<uint64_t>(options_.clock()) * 1000));
    return history_.load();
  }

  Result<uint64_t> add_event(EventRow row) override {
    return locked([&] { return state::add_event(*connection_, row, options_.kept_events); });
  }
  Result<std::vector<EventRow>> events(const Page& page) override {
    return locked([&] { return state::events(*connection_, page); });
  }
  uint64_t first_event() override {
    return locked([&] { return state::first_event(*connection_); }).value_or(0);
  }

  Result<uint64_t> add_audit(AuditRow row) override {
    return locked([&] { return state::add_audit(*connection_, std::move(row), options_.kept_audit); });
  }
  Result<std::vector<AuditRow>> audit(const Page& page) override {
    return locked([&] { return audit_rows(*connection_, page); });
  }
  Result<uint64_t> verify_audit() override {
    AuditWalk walk;
    while (true) {
      TRY_ASSIGN(const bool ended, locked([&] { return walk.go_on(*connection_, rows_per_lock); }));
      if (ended) return walk.first_bad();
    }
  }

  Result<void> save_job(const JobRow& job) override {
    return locked([&] { return state::save_job(*connection_, job, options_.kept_jobs); });
  }
  Result<std::optional<JobRow>> job(const std::string& id) override {
    return locked([&] { return find_job(*connection_, id); });
  }
  Result<std::vector<JobRow>> jobs(size_t limit) override {
    return locked([&] { return list_jobs(*connection_, limit); });
  }

  Result<std::optional<KeptAnswer>> kept_answer(const std::string& key) override {
    return locked([&] { return state::kept_answer(*connection_, key, options_.clock()); });
  }
  Result<void> keep_answer(const std::string& key, const KeptAnswer& answer) override {
    return locked([&] {
      return state::keep_answer(*connection_, key, answer, options_.clock(), options_.kept_answers);
    });
  }

  Result<void> save_alert(const AlertRow& alert) override {
    return locked([&] { return state::save_alert(*connection_, alert, options_.kept_cleared_alerts); });
  }
  Result<std::vector<AlertRow>> alerts() override {
    return locked([&] { return list_alerts(*connection_); });
  }

  Result<void> add_metrics(int64_t time, const std::vector<std::pair<std::string, double>>& values) override {
    return locked([&] { return history_.add(time, values); });
  }
  Result<std::vector<MetricPoint>> metric(const std::string& series, Resolution resolution, int64_t from,
                                          int64_t to) override {
    return locked([&] { return history_.points(series, resolution, from, to); });
  }
  Result<std::vector<std::string>> metric_names() override {
    return locked([&] { return Result<std::vector<std::string>>(history_.names()); });
  }
  uint64_t metrics_refused() override {
    const std::lock_guard guard(mutex_);
    return history_.refused();
  }

 private:
  template <typename Work>
  auto locked(Work work) -> decltype(work()) {
    const std::lock_guard guard(mutex_);
    auto done = work();
    if (connection_->found_corrupt() && !suspected_) {
      suspected_ = true;
      suspect_database_file(connection_->path());
      log_error("state.database",
                "{} is damaged: restart the agent, which moves it aside and begins a new one",
                connection_->path());
    }
    return done;
  }

  std::mutex mutex_;
  std::unique_ptr<Connection> connection_;
  DatabaseOptions options_;
  MetricHistory history_;
  bool suspected_ = false;
};

int64_t system_seconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace

Result<std::unique_ptr<Database>> Database::open(const std::string& path, std::string& notice,
                                                 DatabaseOptions options) {
  if (!options.clock) options.clock = system_seconds;
  notice.clear();
  TRY_ASSIGN(auto connection, open_database_file(path, options.clock(), notice));
  auto database = std::make_unique<SqliteDatabase>(std::move(connection), std::move(options));
  TRY(database->begin(!notice.empty()));
  return database;
}

}  // namespace ashlar::state
