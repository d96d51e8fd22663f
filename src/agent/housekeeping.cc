#include "agent/housekeeping.h"

#include "agent/alarms.h"
#include "agent/isns_clients.h"
#include "agent/mdns_announcer.h"
#include "agent/recycling.h"
#include "agent/telemetry.h"
#include "api/lists.h"
#include "api/settings.h"
#include "base/log.h"

namespace ashlar::agent {
namespace {
constexpr int64_t life_sign_seconds = 15;
constexpr int64_t purge_seconds = 60;
constexpr int64_t idle_sample_seconds = 10;
}  // namespace

void Housekeeping::start() {
  clock_ = std::thread([this] { keep_time(); });
  sender_ = std::thread([this] { send(); });
}

void Housekeeping::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stop_asked_.notify_all();
  if (clock_.joinable()) clock_.join();
  if (sender_.joinable()) sender_.join();
}

bool Housekeeping::wait_a_second() {
  std::unique_lock lock(mutex_);
  return !stop_asked_.wait_for(lock, std::chrono::seconds(1), [this] { return stopping_; });
}

void Housekeeping::keep_time() {
  int64_t second = 0;
  while (wait_a_second()) {
    ++second;
    service_.isns.follow();
    service_.mdns.follow();
    const auto view = service_.array.view();
    const api::Configuration& configuration = view->configuration;
    // An array that nobody uses is asked less often: an idle engine should stay idle.
    const bool busy = service_.telemetry.busy();
    if (api::setting_boolean(configuration, "history.enabled") && (busy || second % idle_sample_seconds == 0))
      service_.telemetry.sample();
    if (second % api::setting_number(configuration, "alerts.interval_seconds") == 0) watch();
    if (second % life_sign_seconds == 0) service_.events.tick();
    if (second % purge_seconds == 0) purge_due();
  }
}

void Housekeeping::watch() {
  service_.alarms.judge(service_.telemetry.readings());
  service_.telemetry.tell_pool_levels();
}

void Housekeeping::send() {
  constexpr int64_t audit_seconds = 3600;
  constexpr int64_t first_audit = 30;  // not while everything starts
  int64_t second = 0;
  while (wait_a_second()) {
    service_.alarms.deliver();
    if (++second % audit_seconds == first_audit) service_.telemetry.verify_audit();
  }
}

void Housekeeping::purge_due() {
  const std::vector<std::string> names = due(service_.array.view()->configuration, service_.now());
  if (names.empty()) return;
  Change change;
  change.author = "system";
  change.comment = "the recycle bin's time is over";
  change.force = true;
  change.edit = [&names](api::Configuration& next) -> Result<void> {
    std::erase_if(next.recycle_bin, [&names](const api::DeletedVolume& each) {
      return std::ranges::find(names, each.name) != names.end();
    });
    return {};
  };
  if (const auto changed = service_.array.change(change); !changed)
    log_warning("agent", "the recycle bin is not emptied: {}", changed.error().error.text());
}

}  // namespace ashlar::agent
