// What is measured: read from the engine and the pools, for /metrics, for the history, and for the rules of alerts.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/array.h"
#include "agent/isns_clients.h"
#include "agent/mdns_announcer.h"
#include "notify/notify.h"
#include "state/database.h"

namespace ashlar::agent {

/// Any thread.
class Telemetry {
 public:
  Telemetry(Array& array, EngineLink& engine, state::Database& database, const IsnsClients& isns,
            const MdnsAnnouncer& mdns, std::string certificate_file, std::function<int64_t()> now)
      : array_(array),
        engine_(engine),
        database_(database),
        isns_(isns),
        mdns_(mdns),
        certificate_file_(std::move(certificate_file)),
        now_(std::move(now)) {}

  /// The Prometheus text, as of now.
  std::string exposition(const std::vector<notify::Alert>& alerts, size_t jobs_running,
                         const std::string& version);
  /// One point of each series that moves, into the history. Call once a second.
  void sample();
  /// Did anything move, or was anybody logged in, when it was last looked?
  bool busy() const { return busy_; }
  /// Goes through the whole audit, which may take seconds. Call it now and then; readings() tells what came of it.
  void verify_audit();
  /// Tells the engine how full the pools of thin volumes are, so that their hosts hear of it. Call it now and then: an engine that
  /// was started again knows nothing.
  void tell_pool_levels();
  /// For the rules.
  std::vector<notify::Reading> readings();

 private:
  struct Counters {
    uint64_t operations = 0, bytes = 0, errors = 0, latency_ns = 0;
  };
  Array& array_;
  EngineLink& engine_;
  state::Database& database_;
  const IsnsClients& isns_;
  const MdnsAnnouncer& mdns_;
  std::string certificate_file_;
  std::function<int64_t()> now_;
  std::atomic<bool> busy_ = true;
  std::mutex mutex_;
  std::map<std::string, Counters> last_;  // by "volume.operation"
  int64_t last_time_ = 0;
  std::map<std::string, double> error_rates_;  // by volume
  std::set<std::string> above_;                // pools, as "NAME warning"
  std::optional<bool> audit_intact_;

  double is_above(const std::string& pool, const char* level, double used_percent, uint32_t threshold);
  void add_isns_readings(std::vector<notify::Reading>& readings) const;
  void add_pool_readings(std::vector<notify::Reading>& readings);
};

}  // namespace ashlar::agent
