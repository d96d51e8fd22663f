#include "agent/fake_disk_test.h"

namespace ashlar::agent {

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

}  // namespace ashlar::agent
