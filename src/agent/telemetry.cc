#include "agent/telemetry.h"

#include <openssl/pem.h>
#include <openssl/x509.h>

#include <cstdio>
#include <limits>
#include <memory>
#include <set>

#include "agent/exposition.h"
#include "agent/metric_families.h"
#include "api/lists.h"
#include "base/log.h"

namespace ashlar::agent {
namespace {

double certificate_days(const std::string& file) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> opened(std::fopen(file.c_str(), "re"), std::fclose);
  if (!opened) return 0;
  const std::unique_ptr<X509, void (*)(X509*)> certificate(
      PEM_read_X509(opened.get(), nullptr, nullptr, nullptr), X509_free);
  int days = 0;
  int seconds = 0;
  if (!certificate || ASN1_TIME_diff(&days, &seconds, nullptr, X509_get0_notAfter(certificate.get())) != 1)
    return 0;
  return days + seconds / 86400.0;
}

}  // namespace

std::string Telemetry::exposition(const std::vector<notify::Alert>& alerts, size_t jobs_running,
                                  const std::string& version) {
  Exposition out;
  out.family("ashlar_build_info", "gauge", "1; which version this is.");
  out.value("ashlar_build_info", {{"version", version}}, 1);
  const auto view = array_.view();
  out.family("ashlar_configuration_generation", "gauge", "The generation that is in force.");
  out.value("ashlar_configuration_generation", {}, static_cast<double>(view->generation.number));
  out.family("ashlar_jobs_running", "gauge", "Jobs that have not ended.");
  out.value("ashlar_jobs_running", {}, static_cast<double>(jobs_running));
  const auto status = engine_.status();
  out.family("ashlar_engine_up", "gauge", "1 when the engine answers.");
  out.value("ashlar_engine_up", {}, status ? 1 : 0);
  if (status) {
    add_status(out, *status, view->configuration);
    add_paths(out, *status);
    add_groups(out, *status);
  }
  if (const auto stats = engine_.stats()) {
    add_volumes(out, *stats, view->configuration);
    add_devices(out, *stats);
    add_handshakes(out, *stats);
    add_sessions(out, *stats);
  }
  add_pools(out, array_);
  add_isns(out, isns_.statuses());
  add_announcements(out, mdns_.statuses());
  out.family("ashlar_alert_active", "gauge", "1 for each alert that has not cleared.");
  for (const notify::Alert& each : alerts) {
    if (each.state != notify::AlertState::cleared)
      out.value("ashlar_alert_active",
                {{"rule", each.rule}, {"subject", each.subject}, {"severity", each.severity}}, 1);
  }
  return out.text();
}

// Volumes that stand still take no place: a gap in a series is a rate of zero.
void Telemetry::sample() {
  const auto stats = engine_.stats();
  if (!stats) return;
  const int64_t now = now_();
  std::vector<std::pair<std::string, double>> values;
  double operations_all = 0;
  double bytes_all = 0;
  const std::lock_guard lock(mutex_);
  const double span = last_time_ == 0 ? 0 : static_cast<double>(std::max<int64_t>(1, now - last_time_));
  std::map<std::string, Counters> next;
  error_rates_.clear();
  for (const rpc::VolumeStats& volume : stats->volumes) {
    error_rates_[volume.name] = 0;
    for (const rpc::OperationStats& each : volume.operations) {
      const std::string key = fmt::format("volumes.{}.{}", volume.name, plural_of(each.operation));
      const Counters counters{each.count, each.bytes, each.errors, each.latency_sum_ns};
      const auto before = last_.find(key);
      next[key] = counters;
      // Counters of an engine that began anew are smaller: then there is nothing to compare with.
      if (span == 0 || before == last_.end() || before->second.operations > counters.operations) continue;
      const auto done = static_cast<double>(counters.operations - before->second.operations);
      error_rates_[volume.name] += static_cast<double>(counters.errors - before->second.errors) / span;
      if (done == 0) continue;
      const double bytes = static_cast<double>(counters.bytes - before->second.bytes) / span;
      operations_all += done / span;
      bytes_all += bytes;
      values.emplace_back(key + ".per_second", done / span);
      values.emplace_back(key + ".bytes_per_second", bytes);
      values.emplace_back(
          key + ".latency_seconds",
          static_cast<double>(counters.latency_ns - before->second.latency_ns) * nanosecond / done);
    }
  }
  values.emplace_back("array.operations_per_second", operations_all);
  values.emplace_back("array.bytes_per_second", bytes_all);
  values.emplace_back("array.sessions", static_cast<double>(stats->sessions.size()));
  last_ = std::move(next);
  last_time_ = now;
  busy_ = operations_all > 0 || !stats->sessions.empty();
  if (const auto added = database_.add_metrics(now, values); !added)
    log_warning("agent", "the history has a gap: {}", added.error().text());
}

// Two points of grace, so that a pool at its threshold does not send a mail with every write.
double Telemetry::is_above(const std::string& pool, const char* level, double used_percent,
                           uint32_t threshold) {
  constexpr double grace = 2;
  const std::string key = fmt::format("{} {}", pool, level);
  const std::lock_guard lock(mutex_);
  if (used_percent > threshold) {
    above_.insert(key);
  } else if (used_percent <= threshold - grace) {
    above_.erase(key);
  }
  return above_.contains(key) ? 1 : 0;
}

// What has only begun says nothing yet.
void Telemetry::add_isns_readings(std::vector<notify::Reading>& readings) const {
  constexpr double unknown = std::numeric_limits<double>::quiet_NaN();
  for (const api::IsnsServer& each : array_.view()->configuration.isns_servers) {
    if (!each.enabled) continue;
    const std::optional<IsnsStatus> status = isns_.status(each.name);
    const bool known = status && status->state != "starting";
    const double registered = !known ? unknown : status->well() ? 1 : 0;
    readings.push_back({"isns_registered", "isns-servers/" + each.name, registered});
  }
}

void Telemetry::add_pool_readings(std::vector<notify::Reading>& readings) {
  const auto view = array_.view();
  for (const api::Pool& each : view->configuration.pools) {
    const std::string subject = "pools/" + each.name;
    const auto driver = array_.pool(each.name);
    const auto usage =
        driver ? (*driver)->usage() : Result<storage::PoolUsage>(std::unexpected(driver.error()));
    readings.push_back({"pool_online", subject, usage && usage->state == "online" ? 1.0 : 0.0});
    if (!usage || usage->size_bytes == 0) continue;
    const double used =
        100.0 * static_cast<double>(usage->used_bytes) / static_cast<double>(usage->size_bytes);
    readings.push_back({"pool_used_percent", subject, used});
    readings.push_back(
        {"pool_above_warning", subject, is_above(each.name, "warning", used, each.warn_percent)});
    readings.push_back(
        {"pool_above_critical", subject, is_above(each.name, "critical", used, each.critical_percent)});
  }
}

namespace {

// The thin volumes of a pool, with what each takes of it when the driver can tell.
std::vector<rpc::PoolVolume> thin_volumes(const api::Configuration& configuration, const std::string& pool,
                                          storage::PoolDriver& driver) {
  std::map<std::string, uint64_t> used;
  if (const auto found = driver.list()) {
    for (const storage::FoundBacking& each : *found) used.emplace(each.backing, each.allocated_bytes);
  }
  std::vector<rpc::PoolVolume> out;
  for (const api::Volume& each : configuration.volumes) {
    if (!each.thin || each.pool != pool) continue;
    rpc::PoolVolume& volume = out.emplace_back();
    volume.name = each.name;
    if (const auto found = used.find(each.backing); found != used.end()) volume.used_bytes = found->second;
  }
  return out;
}

}  // namespace

void Telemetry::tell_pool_levels() {
  const auto view = array_.view();
  for (const api::Pool& each : view->configuration.pools) {
    const auto driver = array_.pool(each.name);
    if (!driver) continue;
    const auto usage = (*driver)->usage();
    if (!usage || usage->size_bytes == 0) continue;
    rpc::PoolLevelParams level;
    level.volumes = thin_volumes(view->configuration, each.name, **driver);
    if (level.volumes.empty()) continue;
    level.size_bytes = usage->size_bytes;
    level.available_bytes = usage->available_bytes;
    level.threshold_bytes = usage->size_bytes / 100 * (100 - std::min(each.warn_percent, 100u));
    if (!engine_.pool_level(level)) return;  // it is away; the next time comes soon
  }
}

void Telemetry::verify_audit() {
  const auto bad = database_.verify_audit();
  if (!bad) return;  // it could not be read: that is another fault, and told by who reads it
  const std::lock_guard lock(mutex_);
  audit_intact_ = *bad == 0;
}

std::vector<notify::Reading> Telemetry::readings() {
  std::vector<notify::Reading> readings;
  const auto view = array_.view();
  const auto status = engine_.status();
  readings.push_back({"engine_up", "engine", status ? 1.0 : 0.0});
  const auto failures = array_.failures();
  std::set<std::string> online;
  if (status) {
    for (const rpc::VolumeStatus& each : status->volumes) {
      if (each.state != "failed") online.insert(each.name);
      const bool lost = each.reservations && each.reservations->lost;
      readings.push_back({"volume_reservations_lost", "volumes/" + each.name, lost ? 1.0 : 0.0});
    }
  }
  for (const api::Volume& each : view->configuration.volumes) {
    // An engine that is away says nothing of its volumes: one alert, not a thousand.
    if (status || failures.contains("volumes/" + each.name))
      readings.push_back({"volume_online", "volumes/" + each.name, online.contains(each.name) ? 1.0 : 0.0});
  }
  add_pool_readings(readings);
  add_isns_readings(readings);
  if (status) {
    for (const rpc::HostStatus& each : status->hosts)
      readings.push_back({"session_count", "hosts/" + each.name, static_cast<double>(each.sessions)});
  }
  readings.push_back({"certificate_days_left", "certificates/server", certificate_days(certificate_file_)});
  readings.push_back({"config_damaged", "configuration", array_.damaged().empty() ? 0.0 : 1.0});
  readings.push_back({"helper_up", "helper", array_.helper_answers() ? 1.0 : 0.0});
  readings.push_back({"state_writable", "state", array_.state_writable() ? 1.0 : 0.0});
  const std::lock_guard lock(mutex_);
  if (audit_intact_) readings.push_back({"audit_intact", "audit", *audit_intact_ ? 1.0 : 0.0});
  for (const auto& [volume, rate] : error_rates_)
    readings.push_back({"volume_error_rate", "volumes/" + volume, rate});
  return readings;
}

}  // namespace ashlar::agent
