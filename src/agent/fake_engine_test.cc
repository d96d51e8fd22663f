#include "agent/fake_engine_test.h"

#include <algorithm>

namespace ashlar::agent {

template <typename T, typename Work>
Result<T> FakeEngine::call(Work work) {
  const std::lock_guard lock(mutex_);
  if (away_) return fail(ErrorCode::closed, "engine", "the engine does not answer");
  return with_fault<T>(faults, power_, "engine", work);
}

rpc::Document FakeEngine::served() const {
  const std::lock_guard lock(mutex_);
  return served_;
}
void FakeEngine::set_served(rpc::Document document) {
  const std::lock_guard lock(mutex_);
  served_ = std::move(document);
}
void FakeEngine::reserve(const std::string& volume, rpc::ReservationStatus reservations) {
  const std::lock_guard lock(mutex_);
  reservations_[volume] = std::move(reservations);
}

void FakeEngine::set_sessions(std::vector<rpc::SessionStatus> sessions) {
  const std::lock_guard lock(mutex_);
  sessions_ = std::move(sessions);
}
void FakeEngine::set_broken(std::set<std::string> names) {
  const std::lock_guard lock(mutex_);
  broken_ = std::move(names);
}
std::vector<std::string> FakeEngine::dropped() const {
  const std::lock_guard lock(mutex_);
  return dropped_;
}

Result<void> FakeEngine::check_volumes(const rpc::Document& document) const {
  for (size_t i = 0; i < document.volumes.size(); ++i) {
    const rpc::VolumeDocument& next = document.volumes[i];
    const std::string place = fmt::format("volumes[{}]", i);
    const auto now = std::ranges::find(served_.volumes, next.name, &rpc::VolumeDocument::name);
    if (now != served_.volumes.end()) {
      if (next.size_bytes < now->size_bytes)
        return fail(ErrorCode::already_exists, place + ".size_bytes", "would become smaller");
      rpc::VolumeDocument same = *now;
      same.size_bytes = next.size_bytes;
      same.write_cache = next.write_cache;
      if (rpc::is_cdrom(next) && rpc::is_cdrom(*now)) {
        if (same.store != next.store && prevented_.contains(next.name))
          return fail(ErrorCode::busy, place + ".store.options.path", "a host keeps the medium in");
        same.store = next.store;
      }
      same.key_shared = next.key_shared;
      if (rpc::without_credentials(same.store) == rpc::without_credentials(next.store))
        same.store = next.store;
      if (same != next) return fail(ErrorCode::already_exists, place, "cannot change while it exists");
      continue;
    }
    if (broken_.contains(next.name)) return fail(ErrorCode::io_error, place + ".store", "cannot be opened");
    for (const rpc::VolumeDocument& other : served_.volumes) {
      if (!next.store.options.empty() && other.store == next.store && !rpc::is_cdrom(next))
        return fail(ErrorCode::busy, place + ".store.options.path", "is open for volume {}", other.name);
    }
  }
  for (size_t i = 0; i < document.portals.size(); ++i) {
    if (broken_.contains(document.portals[i].name))
      return fail(ErrorCode::io_error, fmt::format("portals[{}].address", i), "cannot listen there");
  }
  return {};
}

Result<rpc::ApplyReport> FakeEngine::apply(const rpc::Document& document, bool dry_run) {
  if (at_apply) at_apply();
  return call<rpc::ApplyReport>([&]() -> Result<rpc::ApplyReport> {
    TRY(rpc::check_document(document));
    TRY(check_volumes(document));
    rpc::ApplyReport report{.dry_run = dry_run, .changed = document != served_, .steps = {}, .drawn = {}};
    if (!dry_run) served_ = document;
    if (!dry_run) ++applies_;
    return report;
  });
}

Result<rpc::EngineStatus> FakeEngine::status() {
  return call<rpc::EngineStatus>([&]() -> Result<rpc::EngineStatus> {
    rpc::EngineStatus status;
    status.version = "0";
    status.state = "serving";
    status.sessions = static_cast<uint32_t>(sessions_.size());
    for (const rpc::VolumeDocument& each : served_.volumes) {
      rpc::VolumeStatus volume;
      volume.name = each.name;
      volume.state = "online";
      volume.size_bytes = each.size_bytes;
      volume.identity = each.identity.value_or(rpc::IdentityDocument{});
      if (const auto found = reservations_.find(each.name); found != reservations_.end())
        volume.reservations = found->second;
      if (rpc::is_cdrom(each)) {
        const std::string path = rpc::medium_of(each);
        volume.medium =
            rpc::MediumStatus{path, path.empty() ? "empty" : "loaded", prevented_.contains(each.name)};
      }
      if (each.store.kind == "remote") {
        const std::string urls = each.store.options.at("urls");
        volume.remote.emplace().paths.push_back({.url = urls.substr(0, urls.find(' ')),
                                                 .state = "down",
                                                 .authentication = {},
                                                 .last_error = "login: refused",
                                                 .reconnects = 3});
      }
      status.volumes.push_back(std::move(volume));
    }
    for (const rpc::HostDocument& each : served_.hosts) {
      const auto count =
          std::ranges::count(sessions_, each.name, [](const auto& session) { return session.host; });
      status.hosts.push_back(
          {each.name, each.initiators, each.any, each.chap ? "CHAP" : "none", static_cast<uint32_t>(count)});
    }
    for (const rpc::PortalDocument& each : served_.portals)
      status.portals.push_back({each.name, each.address, each.port, each.group_tag, each.protocol, true, 0});
    for (const rpc::TargetDocument& each : served_.targets)
      status.targets.push_back({each.name, each.alias, each.portals, 0});
    status.mappings = served_.mappings;
    for (const rpc::GroupDocument& each : served_.groups) {
      rpc::GroupStatus group{each.name, each.volumes, each.explicit_changes, {}, ""};
      for (const rpc::PortGroupDocument& access : each.access)
        group.access.push_back({access.group_tag, access.state, access.preferred, "document"});
      status.groups.push_back(std::move(group));
    }
    return status;
  });
}

Result<rpc::Stats> FakeEngine::stats() {
  return call<rpc::Stats>([&]() -> Result<rpc::Stats> {
    rpc::Stats stats;
    for (const rpc::VolumeDocument& each : served_.volumes) {
      rpc::OperationStats reads;
      reads.operation = "read";
      reads.count = 10;
      reads.bytes = 40960;
      reads.latency_ns = {{"below_1280", 10}};
      rpc::OperationStats extents, clones;
      extents.operation = "find_extent";
      clones.operation = "clone";
      stats.volumes.push_back({each.name, {reads, extents, clones}, {{"file.failed", 0}}});
    }
    stats.sessions = sessions_;
    stats.shards = {{0, {{"turns", 1}}}};
    return stats;
  });
}

Result<std::vector<rpc::SessionStatus>> FakeEngine::sessions() {
  using Sessions = std::vector<rpc::SessionStatus>;
  return call<Sessions>([&] { return Result<Sessions>(sessions_); });
}

Result<rpc::Document> FakeEngine::document() {
  return call<rpc::Document>([&] { return Result<rpc::Document>(served_); });
}

Result<rpc::Json> FakeEngine::ask_elsewhere(std::string_view method, const rpc::InitiatorParams& params) {
  if (away_) return fail(ErrorCode::closed, "engine", "the engine does not answer");
  if (!at_elsewhere) return fail(ErrorCode::unsupported, "method", "there is no method \"{}\"", method);
  return at_elsewhere(method, params);
}

Result<void> FakeEngine::pool_level(const rpc::PoolLevelParams& level) {
  if (away_) return fail(ErrorCode::closed, "engine", "the engine does not answer");
  const std::lock_guard lock(mutex_);
  pool_levels_.push_back(level);
  return {};
}

std::vector<rpc::PoolLevelParams> FakeEngine::pool_levels() const {
  const std::lock_guard lock(mutex_);
  return pool_levels_;
}

Result<void> FakeEngine::drop_session(uint64_t id, const std::string& reason) {
  return call<void>([&]() -> Result<void> {
    dropped_.push_back(fmt::format("{}: {}", id, reason));
    std::erase_if(sessions_, [id](const rpc::SessionStatus& each) { return each.id == id; });
    return {};
  });
}

Result<void> FakeEngine::forget_unit(const std::string& uuid) {
  return call<void>([&]() -> Result<void> {
    for (const rpc::VolumeDocument& each : served_.volumes) {
      if (each.identity && each.identity->uuid == uuid)
        return fail(ErrorCode::busy, "uuid", "volume '{}' has it, and is served", each.name);
    }
    forgotten_.push_back(uuid);
    return {};
  });
}

std::vector<std::string> FakeEngine::forgotten() const {
  const std::lock_guard lock(mutex_);
  return forgotten_;
}

Result<void> FakeEngine::clear_reservations(const std::string& volume) {
  return call<void>([&]() -> Result<void> {
    reservations_.erase(volume);
    return {};
  });
}

Result<void> FakeEngine::allow_removal(const std::string& volume) {
  return call<void>([&]() -> Result<void> {
    prevented_.erase(volume);
    return {};
  });
}

void FakeEngine::set_prevented(std::set<std::string> volumes) {
  const std::lock_guard lock(mutex_);
  prevented_ = std::move(volumes);
}

Result<void> FakeEngine::destroy_key(const std::string& id) {
  return call<void>([&]() -> Result<void> {
    if (std::ranges::find(served_.volumes, id, &rpc::VolumeDocument::key_id) != served_.volumes.end())
      return fail(ErrorCode::busy, "id", "is the key of a volume");
    destroyed_keys_.push_back(id);
    return {};
  });
}

std::vector<std::string> FakeEngine::destroyed_keys() const {
  const std::lock_guard lock(mutex_);
  return destroyed_keys_;
}

Result<void> FakeEngine::resize(const std::string& volume, uint64_t size_bytes, bool shrink) {
  return call<void>([&]() -> Result<void> {
    const auto found = std::ranges::find(served_.volumes, volume, &rpc::VolumeDocument::name);
    if (found == served_.volumes.end()) return fail(ErrorCode::not_found, "name", "no such volume");
    if (size_bytes < found->size_bytes && !shrink)
      return fail(ErrorCode::invalid_argument, "shrink", "it would become smaller");
    found->size_bytes = size_bytes;
    return {};
  });
}

void FakeEngine::set_events(std::vector<rpc::Event> events) {
  const std::lock_guard lock(mutex_);
  events_ = std::move(events);
}

Result<void> FakeEngine::follow(uint64_t /*since*/, const std::function<bool(const rpc::Event&)>& take) {
  std::vector<rpc::Event> events;
  {
    const std::lock_guard lock(mutex_);
    events.swap(events_);
  }
  for (const rpc::Event& each : events) {
    if (!take(each)) return {};
  }
  return fail(ErrorCode::closed, "engine", "has nothing to tell");
}

rpc::SessionStatus session_of(uint64_t id, const std::string& host, const std::string& initiator,
                              const std::string& target, const std::string& local_address) {
  rpc::SessionStatus session;
  session.id = id;
  session.host = host;
  session.initiator = initiator;
  session.target = target;
  session.local_address = local_address;
  session.peer_address = "192.0.2.77:40000";
  session.authentication = "none";
  return session;
}

}  // namespace ashlar::agent
