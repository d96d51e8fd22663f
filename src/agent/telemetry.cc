#include "agent/telemetry.h"

#include <openssl/pem.h>
#include <openssl/x509.h>

#include <charconv>
#include <cstdio>
#include <limits>
#include <memory>
#include <set>

#include "agent/exposition.h"
#include "api/lists.h"
#include "base/log.h"
#include "base/name_index.h"
#include "base/nqn.h"

namespace ashlar::agent {
namespace {

constexpr double nanosecond = 1e-9;

std::string_view plural_of(const std::string& operation) {
  if (operation == "read") return "reads";
  if (operation == "write") return "writes";
  if (operation == "flush") return "flushes";
  if (operation == "discard") return "discards";
  if (operation == "clone") return "clones";
  if (operation == "find_extent") return "others";
  return operation;  // no two may share a name: a series is told once
}

// "below_1280" (nanoseconds) of the engine's histogram, to its bound in seconds; in rising order.
std::vector<std::pair<double, uint64_t>> buckets_of(const rpc::OperationStats& operation) {
  std::map<uint64_t, uint64_t> sorted;
  for (const auto& [name, count] : operation.latency_ns) {
    const size_t digits = name.find_first_of("0123456789");
    uint64_t bound = 0;
    if (digits != std::string::npos) std::from_chars(name.data() + digits, name.data() + name.size(), bound);
    sorted[bound] += count;
  }
  std::vector<std::pair<double, uint64_t>> buckets;
  for (const auto& [bound, count] : sorted) {
    if (bound != 0) buckets.emplace_back(static_cast<double>(bound) * nanosecond, count);
  }
  return buckets;
}

void add_volumes(Exposition& out, const rpc::Stats& stats, const api::Configuration& configuration) {
  out.family("ashlar_volume_operations_completed_total", "counter", "Operations that a volume has answered.");
  out.family("ashlar_volume_bytes_total", "counter", "Bytes that a volume has moved.");
  out.family("ashlar_volume_errors_total", "counter", "Operations of a volume that failed.");
  out.family("ashlar_volume_operations_in_flight", "gauge",
             "Operations of a volume that are not answered yet.");
  out.family("ashlar_volume_io_duration_seconds", "histogram",
             "How long a volume's device took, from submit to answer.");
  for (const rpc::VolumeStats& volume : stats.volumes) {
    const api::Volume* known = api::find_named(configuration.volumes, volume.name);
    const std::string pool = known == nullptr ? "" : known->pool;
    for (const rpc::OperationStats& each : volume.operations) {
      const std::string operation(plural_of(each.operation));
      const Exposition::Labels labels = {{"volume", volume.name}, {"pool", pool}, {"operation", operation}};
      out.value("ashlar_volume_operations_completed_total", labels, static_cast<double>(each.count));
      out.value("ashlar_volume_bytes_total", labels, static_cast<double>(each.bytes));
      out.value("ashlar_volume_errors_total", labels, static_cast<double>(each.errors));
      out.value("ashlar_volume_operations_in_flight", labels, static_cast<double>(each.in_flight));
      uint64_t cumulative = 0;
      for (const auto& [bound, count] : buckets_of(each)) {
        cumulative += count;
        out.bucket("ashlar_volume_io_duration_seconds", labels, fmt::format("{}", bound),
                   static_cast<double>(cumulative));
      }
      out.bucket("ashlar_volume_io_duration_seconds", labels, "+Inf", static_cast<double>(each.count));
      out.value("ashlar_volume_io_duration_seconds_sum", labels,
                static_cast<double>(each.latency_sum_ns) * nanosecond);
      out.value("ashlar_volume_io_duration_seconds_count", labels, static_cast<double>(each.count));
    }
  }
}

// Of volumes that are SCSI devices passed through; others have no such counters.
void add_devices(Exposition& out, const rpc::Stats& stats) {
  struct Family {
    const char *counter, *name, *help;
  };
  static constexpr Family families[] = {
      {"scsi_commands", "ashlar_device_commands_total", "Commands that a passed-through device was given."},
      {"scsi_read_bytes", "ashlar_device_read_bytes_total", "Bytes that came from such a device."},
      {"scsi_written_bytes", "ashlar_device_written_bytes_total", "Bytes that went to such a device."},
      {"scsi_check_conditions", "ashlar_device_check_conditions_total",
       "Answers of such a device with sense data."},
      {"scsi_errors", "ashlar_device_errors_total",
       "Commands that such a device did not answer, timeouts among them."},
      {"scsi_timeouts", "ashlar_device_timeouts_total", "Commands that took longer than they may."},
  };
  for (const Family& family : families) {
    out.family(family.name, "counter", family.help);
    for (const rpc::VolumeStats& volume : stats.volumes) {
      if (const auto found = volume.counters.find(family.counter); found != volume.counters.end())
        out.value(family.name, {{"volume", volume.name}}, static_cast<double>(found->second));
    }
  }
}

void add_sessions(Exposition& out, const rpc::Stats& stats) {
  out.family("ashlar_session_commands_total", "counter", "Commands of a session.");
  out.family("ashlar_session_read_bytes_total", "counter", "Bytes that a session has read.");
  out.family("ashlar_session_written_bytes_total", "counter", "Bytes that a session has written.");
  out.family("ashlar_session_tasks_in_flight", "gauge", "Commands of a session that are not answered yet.");
  out.family("ashlar_session_connections", "gauge",
             "What carries a session: connections of iSCSI, queues of NVMe/TCP.");
  out.family(
      "ashlar_session_commands_by_kind_total", "counter",
      "Commands of a controller of NVMe/TCP by what they do; failed ones of all kinds stand beside them.");
  for (const rpc::SessionStatus& each : stats.sessions) {
    if (each.target.empty()) continue;
    const std::string id = std::to_string(each.id);
    const Exposition::Labels labels = {{"session", id}, {"host", each.host}, {"target", each.target}};
    out.value("ashlar_session_commands_total", labels, static_cast<double>(each.commands));
    out.value("ashlar_session_read_bytes_total", labels, static_cast<double>(each.read_bytes));
    out.value("ashlar_session_written_bytes_total", labels, static_cast<double>(each.written_bytes));
    out.value("ashlar_session_tasks_in_flight", labels, each.tasks_in_flight);
    out.value("ashlar_session_connections", labels, each.connections);
    for (const auto& [kind, count] : each.commands_by_kind) {
      out.value("ashlar_session_commands_by_kind_total",
                {{"session", id}, {"host", each.host}, {"target", each.target}, {"kind", kind}},
                static_cast<double>(count));
    }
  }
}

void add_status(Exposition& out, const rpc::EngineStatus& status, const api::Configuration& configuration) {
  out.family("ashlar_engine_uptime_seconds", "gauge", "Since the engine began.");
  out.value("ashlar_engine_uptime_seconds", {}, static_cast<double>(status.uptime_seconds));
  out.family("ashlar_volume_info", "gauge", "1 for each volume; what it is stands in the labels.");
  out.family("ashlar_volume_size_bytes", "gauge", "How large a volume is to its hosts.");
  out.family("ashlar_volume_online", "gauge", "1 when the engine serves the volume.");
  const NameIndex volumes(configuration.volumes);
  for (const rpc::VolumeStatus& each : status.volumes) {
    const api::Volume* volume = volumes.find(each.name);
    out.value("ashlar_volume_info",
              {{"volume", each.name},
               {"naa", each.identity.naa},
               {"serial", each.identity.serial},
               {"profile", volume == nullptr ? "" : volume->profile}},
              1);
    out.value("ashlar_volume_size_bytes", {{"volume", each.name}}, static_cast<double>(each.size_bytes));
    out.value("ashlar_volume_online", {{"volume", each.name}}, each.state == "online" ? 1 : 0);
  }
  out.family("ashlar_volume_registrations", "gauge",
             "I_T nexuses that are registered for persistent reservations.");
  out.family("ashlar_volume_reserved", "gauge",
             "1 when a reservation stands; of which type stands in the label.");
  out.family("ashlar_volume_reservations_lost", "gauge",
             "1 when what was kept of a volume's reservations cannot be read: its hosts are kept out.");
  for (const rpc::VolumeStatus& each : status.volumes) {
    if (!each.reservations) continue;
    const rpc::ReservationStatus& now = *each.reservations;
    out.value("ashlar_volume_registrations", {{"volume", each.name}}, now.registered);
    out.value("ashlar_volume_reserved", {{"volume", each.name}, {"type", now.type}},
              now.type == "none" ? 0 : 1);
    out.value("ashlar_volume_reservations_lost", {{"volume", each.name}}, now.lost ? 1 : 0);
  }
  out.family("ashlar_host_sessions", "gauge", "Sessions of a host.");
  for (const rpc::HostStatus& each : status.hosts)
    out.value("ashlar_host_sessions", {{"host", each.name}}, each.sessions);
  out.family("ashlar_target_sessions", "gauge", "Sessions at a target.");
  for (const rpc::TargetStatus& each : status.targets)
    out.value("ashlar_target_sessions",
              {{"protocol", is_nqn(each.name) ? "nvme-tcp" : "iscsi"}, {"target", each.name}}, each.sessions);
  out.family("ashlar_portal_listening", "gauge", "1 when a portal takes connections.");
  out.family("ashlar_portal_connections_accepted_total", "counter", "Connections that a portal has taken.");
  for (const rpc::PortalStatus& each : status.portals) {
    out.value("ashlar_portal_listening", {{"portal", each.name}}, each.listening ? 1 : 0);
    out.value("ashlar_portal_connections_accepted_total", {{"portal", each.name}},
              static_cast<double>(each.connections_accepted));
  }
}

// One series for each state, so that no number has to be known by heart: the one that is in force is 1.
void add_groups(Exposition& out, const rpc::EngineStatus& status) {
  out.family("ashlar_group_access_state", "gauge",
             "1 for the access state in force of a group by a portal group tag, 0 for the others.");
  out.family("ashlar_group_access_preferred", "gauge", "1 when hosts are to prefer this way.");
  for (const rpc::GroupStatus& group : status.groups) {
    for (const rpc::PortGroupStatus& each : group.access) {
      const std::string tag = std::to_string(each.group_tag);
      for (const std::string_view state : rpc::access_states)
        out.value("ashlar_group_access_state", {{"group", group.name}, {"group_tag", tag}, {"state", state}},
                  each.state == state ? 1 : 0);
      out.value("ashlar_group_access_preferred", {{"group", group.name}, {"group_tag", tag}},
                each.preferred ? 1 : 0);
    }
  }
}

void add_pools(Exposition& out, Array& array) {
  out.family("ashlar_pool_size_bytes", "gauge", "How much a pool can hold.");
  out.family("ashlar_pool_used_bytes", "gauge", "How much of a pool is taken.");
  out.family("ashlar_pool_available_bytes", "gauge", "How much more a pool can hold.");
  out.family("ashlar_pool_online", "gauge", "1 when a pool can be used.");
  for (const api::Pool& each : array.view()->configuration.pools) {
    const auto driver = array.pool(each.name);
    const auto usage =
        driver ? (*driver)->usage() : Result<storage::PoolUsage>(std::unexpected(driver.error()));
    out.value("ashlar_pool_online", {{"pool", each.name}}, usage && usage->state == "online" ? 1 : 0);
    if (!usage) continue;
    out.value("ashlar_pool_size_bytes", {{"pool", each.name}}, static_cast<double>(usage->size_bytes));
    out.value("ashlar_pool_used_bytes", {{"pool", each.name}}, static_cast<double>(usage->used_bytes));
    out.value("ashlar_pool_available_bytes", {{"pool", each.name}},
              static_cast<double>(usage->available_bytes));
  }
}

void add_announcements(Exposition& out, const std::vector<MdnsAnnouncer::Status>& announcements) {
  out.family("ashlar_portal_announced", "gauge", "1 when Avahi publishes a port of NVMe/TCP by mDNS.");
  for (const MdnsAnnouncer::Status& each : announcements)
    out.value("ashlar_portal_announced", {{"portal", each.announcement.portal}}, each.published ? 1 : 0);
}

void add_isns(Exposition& out, const std::vector<IsnsStatus>& servers) {
  out.family("ashlar_isns_registered", "gauge", "1 when an iSNS server knows all that it is to know.");
  out.family("ashlar_isns_targets", "gauge", "Targets that an iSNS server was told.");
  out.family("ashlar_isns_portals", "gauge", "Addresses that an iSNS server was told.");
  out.family("ashlar_isns_registrations_total", "counter", "Registrations that an iSNS server has taken.");
  out.family("ashlar_isns_failures_total", "counter", "What an iSNS server was asked in vain.");
  for (const IsnsStatus& each : servers) {
    const Exposition::Labels labels = {{"server", each.name}};
    out.value("ashlar_isns_registered", labels, each.well() ? 1 : 0);
    out.value("ashlar_isns_targets", labels, static_cast<double>(each.targets));
    out.value("ashlar_isns_portals", labels, static_cast<double>(each.portals));
    out.value("ashlar_isns_registrations_total", labels, static_cast<double>(each.registrations));
    out.value("ashlar_isns_failures_total", labels, static_cast<double>(each.failures));
  }
}

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
    add_groups(out, *status);
  }
  if (const auto stats = engine_.stats()) {
    add_volumes(out, *stats, view->configuration);
    add_devices(out, *stats);
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
