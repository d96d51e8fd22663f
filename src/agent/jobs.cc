#include "agent/jobs.h"

#include "agent/clock.h"
#include "base/log.h"

namespace ashlar::agent {

struct Jobs::Entry {
  state::JobRow row;
  JobWork work;
  std::atomic<bool> cancelled = false;
};

class Jobs::Handle final : public JobHandle {
 public:
  Handle(Jobs& jobs, std::shared_ptr<Entry> entry) : jobs_(jobs), entry_(std::move(entry)) {}
  void progress(uint64_t done, uint64_t total, const std::string& unit) override {
    const std::lock_guard lock(jobs_.mutex_);
    entry_->row.done = done;
    entry_->row.total = total;
    entry_->row.unit = unit;
    jobs_.changed_.notify_all();
  }
  void log(const std::string& line) override {
    const std::lock_guard lock(jobs_.mutex_);
    if (entry_->row.log.size() < most_log_lines) entry_->row.log.push_back(line);
  }
  bool cancelled() const override { return entry_->cancelled; }

 private:
  Jobs& jobs_;
  std::shared_ptr<Entry> entry_;
};

Jobs::Jobs(state::Database& database, EventBus& events, std::function<std::string()> now,
           std::function<std::string()> new_id)
    : database_(database), events_(events), now_(std::move(now)), new_id_(std::move(new_id)) {
  // What ran when the agent ended has ended with it. A change that it was making was taken back when the array was opened.
  if (const auto rows = database_.jobs(most_waiting + 1)) {
    for (state::JobRow row : *rows) {
      if (row.state != "queued" && row.state != "running") continue;
      row.state = "failed";
      row.error = "the agent ended while it ran: begin it again";
      row.ended_at = now_();
      save(row, "failed");
    }
  }
  worker_ = std::thread([this] { run(); });
}

Jobs::~Jobs() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    for (const auto& [id, entry] : live_) entry->cancelled = true;
  }
  changed_.notify_all();
  worker_.join();
}

void Jobs::save(const state::JobRow& row, const char* action) {
  if (const auto saved = database_.save_job(row); !saved)
    log_warning("agent", "job {} is not kept: {}", row.id, saved.error().text());
  events_.tell("jobs", action, row.id, row.actor,
               {{"kind", row.kind}, {"resource", row.resource}, {"error", row.error}});
}

Result<std::string> Jobs::begin(const JobRequest& request, JobWork work) {
  auto entry = std::make_shared<Entry>();
  entry->row.id = new_id_();
  entry->row.kind = request.kind;
  entry->row.resource = request.resource;
  entry->row.actor = request.actor;
  entry->row.cancellable = request.cancellable;
  entry->row.state = "queued";
  entry->row.created_at = now_();
  entry->work = std::move(work);
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return fail(ErrorCode::closed, "jobs", "the agent is stopping");
    if (waiting_.size() >= most_waiting)
      return fail(ErrorCode::exhausted, "jobs", "{} jobs wait already", most_waiting);
    live_[entry->row.id] = entry;
  }
  save(entry->row, "queued");
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(entry);
  }
  changed_.notify_all();
  return entry->row.id;
}

void Jobs::run() {
  while (true) {
    std::shared_ptr<Entry> entry;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
      if (waiting_.empty()) return;
      entry = waiting_.front();
      waiting_.pop_front();
      if (!entry->cancelled) {
        entry->row.state = "running";
        entry->row.started_at = now_();
      }
    }
    if (entry->cancelled) {
      finish(entry, fail(ErrorCode::aborted, "", "was cancelled before it began"));
      continue;
    }
    Handle handle(*this, entry);
    finish(entry, entry->work(handle));
  }
}

void Jobs::finish(const std::shared_ptr<Entry>& entry, Result<api::Json> outcome) {
  state::JobRow row;
  {
    const std::lock_guard lock(mutex_);
    entry->row.ended_at = now_();
    if (outcome) {
      entry->row.state = "succeeded";
      entry->row.result = std::move(*outcome);
    } else {
      entry->row.state = entry->cancelled ? "cancelled" : "failed";
      entry->row.error = outcome.error().text();
    }
    row = entry->row;
  }
  save(row, row.state.c_str());
  {
    const std::lock_guard lock(mutex_);
    live_.erase(row.id);
  }
  changed_.notify_all();
}

Result<state::JobRow> Jobs::find(const std::string& id) {
  {
    const std::lock_guard lock(mutex_);
    const auto live = live_.find(id);
    if (live != live_.end()) return live->second->row;
  }
  TRY_ASSIGN(std::optional<state::JobRow> row, database_.job(id));
  if (!row) return fail(ErrorCode::not_found, "jobs/" + id, "there is no such job");
  return *row;
}

Result<std::vector<state::JobRow>> Jobs::list() {
  constexpr size_t most = 1000;
  TRY_ASSIGN(std::vector<state::JobRow> rows, database_.jobs(most));
  const std::lock_guard lock(mutex_);
  for (state::JobRow& each : rows) {
    const auto live = live_.find(each.id);
    if (live != live_.end()) each = live->second->row;
  }
  return rows;
}

Result<state::JobRow> Jobs::wait(const std::string& id, std::chrono::seconds longest) {
  {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, longest, [&] { return stopping_ || !live_.contains(id); });
  }
  return find(id);
}

Result<state::JobRow> Jobs::cancel(const std::string& id) {
  {
    const std::lock_guard lock(mutex_);
    const auto live = live_.find(id);
    if (live != live_.end()) {
      const bool waits = live->second->row.state == "queued";
      if (!live->second->row.cancellable && !waits)
        return fail(ErrorCode::busy, "jobs/" + id, "cannot be cancelled once it runs");
      live->second->cancelled = true;
    }
  }
  return find(id);
}

size_t Jobs::running() const {
  const std::lock_guard lock(mutex_);
  return live_.size();
}

api::Json job_json(const state::JobRow& job, int64_t now_seconds) {
  api::Json progress = {{"done", job.done},
                        {"total", job.total},
                        {"unit", job.unit},
                        {"percent", nullptr},
                        {"eta_seconds", nullptr}};
  if (job.total > 0) {
    progress["percent"] = 100.0 * static_cast<double>(job.done) / static_cast<double>(job.total);
    const auto began = parse_rfc3339(job.started_at);
    if (began && job.done > 0 && job.state == "running") {
      const double spent = static_cast<double>(now_seconds - *began);
      progress["eta_seconds"] = static_cast<int64_t>(spent * static_cast<double>(job.total - job.done) /
                                                     static_cast<double>(job.done));
    }
  }
  return {{"id", job.id},
          {"kind", job.kind},
          {"state", job.state},
          {"actor", job.actor},
          {"resource", job.resource},
          {"created_at", job.created_at},
          {"started_at", job.started_at},
          {"ended_at", job.ended_at},
          {"progress", std::move(progress)},
          {"cancellable", job.cancellable},
          {"result", job.result},
          {"error", job.error},
          {"log", job.log}};
}

}  // namespace ashlar::agent
