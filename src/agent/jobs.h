// Long work: begun now, answered later. A few at a time; kept in the database, so that a restart tells what became of them.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "agent/event_bus.h"
#include "state/database.h"

namespace ashlar::agent {

/// What the work itself may say and ask while it runs.
class JobHandle {
 public:
  virtual ~JobHandle() = default;
  virtual void progress(uint64_t done, uint64_t total, const std::string& unit) = 0;
  virtual void log(const std::string& line) = 0;
  virtual bool cancelled() const = 0;
};
/// The result (what a caller that waited would have got), or why not.
using JobWork = std::function<Result<api::Json>(JobHandle&)>;

struct JobRequest {
  std::string kind, resource, actor;
  bool cancellable = false;
};

/// Any thread.
class Jobs {
 public:
  static constexpr size_t most_waiting = 256;
  static constexpr size_t most_log_lines = 1000;

  Jobs(state::Database& database, EventBus& events, std::function<std::string()> now,
       std::function<std::string()> new_id);
  ~Jobs();  ///< waits for the one at work; those that wait are failed

  /// Its id. exhausted: too many wait.
  Result<std::string> begin(const JobRequest& request, JobWork work);
  Result<state::JobRow> find(const std::string& id);
  Result<std::vector<state::JobRow>> list();
  /// As it is when it has ended, or after `wait`.
  Result<state::JobRow> wait(const std::string& id, std::chrono::seconds longest);
  Result<state::JobRow> cancel(const std::string& id);
  size_t running() const;

 private:
  struct Entry;
  class Handle;
  void run();
  void finish(const std::shared_ptr<Entry>& entry, Result<api::Json> outcome);
  void save(const state::JobRow& row, const char* action);

  state::Database& database_;
  EventBus& events_;
  std::function<std::string()> now_, new_id_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::shared_ptr<Entry>> waiting_;
  std::map<std::string, std::shared_ptr<Entry>> live_;
  bool stopping_ = false;
  std::thread worker_;
};

api::Json job_json(const state::JobRow& job, int64_t now_seconds);

}  // namespace ashlar::agent
