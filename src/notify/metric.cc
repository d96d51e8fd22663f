#include "notify/metric.h"

#include <algorithm>
#include <array>
#include <limits>

namespace ashlar::notify {
namespace {

constexpr double unbounded = std::numeric_limits<double>::max();
constexpr std::array metrics = {
    MetricInfo{"audit_intact", MetricType::flag, 0, 1, "audit",
               "1: every row of the audit fits its chain; 0: a row was changed or taken out"},
    MetricInfo{"certificate_days_left", MetricType::count, -unbounded, unbounded, "certificates/NAME",
               "whole days until the certificate ends; negative: it has ended"},
    MetricInfo{"config_damaged", MetricType::flag, 0, 1, "configuration",
               "1: the newest generation could not be read and an older one serves; 0: all is well"},
    MetricInfo{"engine_up", MetricType::flag, 0, 1, "engine", "1: the engine answers; 0: it is away"},
    MetricInfo{"helper_up", MetricType::flag, 0, 1, "helper", "1: the storage helper answers; 0: it is away"},
    MetricInfo{"isns_registered", MetricType::flag, 0, 1, "isns-servers/NAME",
               "1: the iSNS server knows the targets; 0: it does not, or cannot be reached"},
    MetricInfo{"pool_above_critical", MetricType::flag, 0, 1, "pools/NAME",
               "1: the pool is fuller than its critical_percent"},
    MetricInfo{"pool_above_warning", MetricType::flag, 0, 1, "pools/NAME",
               "1: the pool is fuller than its warn_percent"},
    MetricInfo{"pool_online", MetricType::flag, 0, 1, "pools/NAME", "1: the pool can be used; 0: it cannot"},
    MetricInfo{"pool_used_percent", MetricType::measure, 0, 100, "pools/NAME",
               "how full the pool is, in percent"},
    MetricInfo{"session_count", MetricType::count, 0, unbounded, "hosts/NAME",
               "sessions that the host has now"},
    MetricInfo{"state_writable", MetricType::flag, 0, 1, "state",
               "1: the state folder can be written; 0: it cannot"},
    MetricInfo{"volume_error_rate", MetricType::measure, 0, unbounded, "volumes/NAME",
               "commands of the volume that failed, per second"},
    MetricInfo{"volume_online", MetricType::flag, 0, 1, "volumes/NAME",
               "1: the volume is served; 0: it has failed"},
    MetricInfo{"volume_reservations_lost", MetricType::flag, 0, 1, "volumes/NAME",
               "1: what was kept of its reservations cannot be read, so its hosts are kept out"},
};

}  // namespace

std::span<const MetricInfo> known_metrics() { return metrics; }

const MetricInfo* find_metric(std::string_view name) {
  const auto* found = std::ranges::find(metrics, name, &MetricInfo::name);
  return found == metrics.end() ? nullptr : found;
}

}  // namespace ashlar::notify
