#include "agent/fake_disk_test.h"

#include <algorithm>

namespace ashlar::agent {

using Kind = Faults::Kind;

template <typename Work>
auto LockedFiles::locked(const std::string& path, Work work) -> decltype(work()) {
  const std::lock_guard lock(mutex_);
  if constexpr (std::is_same_v<decltype(work()), bool>) {
    return !power_.off && work();
  } else {
    if (power_.off) return fail(ErrorCode::io_error, path, "the power is cut");
    auto result = work();
    if (disk_.power_is_cut()) power_.off = true;
    return result;
  }
}

Result<std::string> LockedFiles::read(const std::string& path) {
  return locked(path, [&] { return disk_.read(path); });
}
Result<std::vector<std::string>> LockedFiles::list(const std::string& folder) {
  return locked(folder, [&] { return disk_.list(folder); });
}
bool LockedFiles::exists(const std::string& path) {
  return locked(path, [&] { return disk_.exists(path); });
}
Result<void> LockedFiles::make_folder(const std::string& path, uint32_t mode) {
  return locked(path, [&] { return disk_.make_folder(path, mode); });
}
Result<void> LockedFiles::write(const std::string& path, std::string_view bytes, uint32_t mode) {
  return locked(path, [&] { return disk_.write(path, bytes, mode); });
}
Result<void> LockedFiles::sync_file(const std::string& path) {
  return locked(path, [&] { return disk_.sync_file(path); });
}
Result<void> LockedFiles::sync_folder(const std::string& path) {
  return locked(path, [&] { return disk_.sync_folder(path); });
}
Result<void> LockedFiles::rename(const std::string& from, const std::string& to) {
  return locked(from, [&] { return disk_.rename(from, to); });
}
Result<void> LockedFiles::remove(const std::string& path) {
  return locked(path, [&] { return disk_.remove(path); });
}

namespace {

/// A call with its fault: `work` is done or not, and its answer arrives or not.
template <typename T, typename Work>
Result<T> with_fault(Faults& faults, Power& power, const std::string& place, Work work) {
  const auto gone = [&place] { return fail(ErrorCode::closed, place, "is away"); };
  if (power.off) return gone();
  const Kind fault = faults.next();
  if (fault == Kind::refuse) return fail(ErrorCode::io_error, place, "is made to fail");
  if (fault == Kind::cut_before) power.off = true;
  if (fault == Kind::away || fault == Kind::cut_before) return gone();
  Result<T> result = work();
  if (fault == Kind::cut_after) power.off = true;
  if (fault == Kind::lost_answer || fault == Kind::cut_after) return gone();
  return result;
}

}  // namespace

template <typename T, typename Work>
Result<T> FakePrivileged::verb(const std::string& folder, Work work) {
  const std::lock_guard lock(mutex_);
  return with_fault<T>(faults, power_, folder, [&]() -> Result<T> {
    const auto found = folders_.find(folder);
    if (found == folders_.end()) return fail(ErrorCode::not_found, folder, "there is no such folder");
    return work(found->second);
  });
}

FakePrivileged::Folders FakePrivileged::folders() const {
  const std::lock_guard lock(mutex_);
  return folders_;
}
void FakePrivileged::set_folders(Folders folders) {
  const std::lock_guard lock(mutex_);
  folders_ = std::move(folders);
}
void FakePrivileged::write(const std::string& folder, const std::string& name, const std::string& content) {
  const std::lock_guard lock(mutex_);
  folders_.at(folder).at(name).content = content;
}
void FakePrivileged::add_device(const std::string& stable_id, uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  storage::DeviceFacts facts;
  facts.stable_id = stable_id;
  facts.path = fmt::format("/dev/sd{}", static_cast<char>('a' + devices_.size()));
  facts.size_bytes = bytes;
  devices_.push_back(std::move(facts));
}

Result<void> FakePrivileged::allow_folder(const std::string& folder) {
  return verb<void>(folder, [](auto&) { return Result<void>(); });
}

Result<storage::FolderFacts> FakePrivileged::folder_facts(const std::string& folder) {
  return verb<storage::FolderFacts>(folder, [&](auto&) -> Result<storage::FolderFacts> {
    return storage::FolderFacts{.file_system = "xfs",
                                .reflink = true,
                                .punch_hole = true,
                                .size_bytes = uint64_t{1} << 40,
                                .available_bytes = available_};
  });
}

Result<std::vector<storage::FileFacts>> FakePrivileged::list_files(const std::string& folder) {
  using Files = std::vector<storage::FileFacts>;
  return verb<Files>(folder, [](auto& files) -> Result<Files> {
    Files found;
    for (const auto& [name, file] : files) found.push_back({name, file.bytes, file.content.size()});
    return found;
  });
}

Result<storage::FileFacts> FakePrivileged::file_facts(const std::string& folder, const std::string& name) {
  return verb<storage::FileFacts>(folder, [&](auto& files) -> Result<storage::FileFacts> {
    const auto found = files.find(name);
    if (found == files.end()) return fail(ErrorCode::not_found, folder + "/" + name, "is not there");
    return storage::FileFacts{name, found->second.bytes, found->second.content.size()};
  });
}

Result<void> FakePrivileged::create_file(const std::string& folder, const std::string& name, uint64_t bytes,
                                         bool allocate) {
  return verb<void>(folder, [&](auto& files) -> Result<void> {
    const File file{bytes, allocate, ""};
    const auto [there, fresh] = files.emplace(name, file);
    if (fresh || there->second == file) return {};
    return fail(ErrorCode::already_exists, folder + "/" + name, "is there, and is not empty");
  });
}

Result<void> FakePrivileged::clone_file(const std::string& folder, const std::string& from,
                                        const std::string& to) {
  return verb<void>(folder, [&](auto& files) -> Result<void> {
    const auto found = files.find(from);
    if (found == files.end()) return fail(ErrorCode::not_found, folder + "/" + from, "is not there");
    if (files.contains(to)) return fail(ErrorCode::already_exists, folder + "/" + to, "is there");
    files[to] = found->second;
    return {};
  });
}

Result<void> FakePrivileged::remove_file(const std::string& folder, const std::string& name) {
  return verb<void>(folder, [&](auto& files) -> Result<void> {
    files.erase(name);
    return {};
  });
}

Result<std::vector<storage::DeviceFacts>> FakePrivileged::list_devices() {
  const std::lock_guard lock(mutex_);
  if (power_.off) return fail(ErrorCode::closed, "devices", "is away");
  return devices_;
}

Result<int> FakePrivileged::connect_engine(const std::string& socket_path) {
  return fail(ErrorCode::closed, socket_path, "there is no engine behind this helper");
}

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

Result<void> FakeEngine::follow(uint64_t /*since*/, const std::function<bool(const rpc::Event&)>& /*take*/) {
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
