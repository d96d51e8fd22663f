#include "agent/metric_families.h"

#include <charconv>
#include <map>

#include "api/lists.h"
#include "base/name_index.h"
#include "base/nqn.h"

namespace ashlar::agent {
namespace {

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

}  // namespace

std::string_view plural_of(const std::string& operation) {
  if (operation == "read") return "reads";
  if (operation == "write") return "writes";
  if (operation == "flush") return "flushes";
  if (operation == "discard") return "discards";
  if (operation == "clone") return "clones";
  if (operation == "find_extent") return "others";
  return operation;  // no two may share a name: a series is told once
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

void add_handshakes(Exposition& out, const rpc::Stats& stats) {
  out.family("ashlar_tls_handshakes_total", "counter",
             "TLS handshakes of NVMe/TCP hosts; how they ended stands in the label.");
  const auto sum_of = [&stats](const char* counter) {
    uint64_t sum = 0;
    for (const rpc::ShardStats& each : stats.shards)
      if (const auto found = each.counters.find(counter); found != each.counters.end()) sum += found->second;
    return static_cast<double>(sum);
  };
  out.value("ashlar_tls_handshakes_total", {{"outcome", "established"}}, sum_of("tls_handshakes"));
  out.value("ashlar_tls_handshakes_total", {{"outcome", "failed"}}, sum_of("tls_failures"));
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

void add_paths(Exposition& out, const rpc::EngineStatus& status) {
  struct Family {
    const char *name, *help;
    uint64_t rpc::PathStatus::* count;
  };
  static constexpr Family families[] = {
      {"ashlar_volume_path_commands_total", "Commands that went to a unit of another array by this path.",
       &rpc::PathStatus::commands},
      {"ashlar_volume_path_reconnects_total", "Sessions by this path after a shard's first.",
       &rpc::PathStatus::reconnects},
      {"ashlar_volume_path_losses_total", "Sessions by this path that ended by themselves.",
       &rpc::PathStatus::losses},
      {"ashlar_volume_path_refused_total", "Sessions by this path that led to another unit.",
       &rpc::PathStatus::refused}};
  static constexpr std::string_view states[] = {"optimized",     "non_optimized", "standby", "unavailable",
                                                "transitioning", "down",          "refused"};
  out.family("ashlar_volume_path_up", "gauge", "1 when a session to the other array stands by this path.");
  out.family("ashlar_volume_path_state", "gauge",
             "1 for the state of a path to a unit of another array, 0 for the others.");
  for (const Family& family : families) out.family(family.name, "counter", family.help);
  for (const rpc::VolumeStatus& volume : status.volumes) {
    if (!volume.remote) continue;
    for (const rpc::PathStatus& path : volume.remote->paths) {
      const Exposition::Labels labels = {{"volume", volume.name}, {"path", path.url}};
      out.value("ashlar_volume_path_up", labels, path.shards > 0 ? 1 : 0);
      for (const std::string_view state : states)
        out.value("ashlar_volume_path_state", {{"volume", volume.name}, {"path", path.url}, {"state", state}},
                  path.state == state ? 1 : 0);
      for (const Family& family : families)
        out.value(family.name, labels, static_cast<double>(path.*family.count));
    }
  }
}

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

}  // namespace ashlar::agent
