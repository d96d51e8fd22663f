// Privileged's verbs, done here. Every path is checked again at every call: what the helper is told may come from an agent that
// somebody else has taken over.
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <mutex>
#include <optional>

#include "storage/block_devices.h"
#include "storage/folder_facts.h"
#include "storage/folder_path.h"
#include "storage/privileged.h"
#include "storage/volume_file.h"

namespace ashlar::storage {
namespace {

constexpr size_t max_folders = 1024;
constexpr time_t connect_seconds = 5;

class Direct final : public Privileged {
 public:
  Result<void> allow_folder(const std::string& folder) override {
    TRY(check_data_folder(folder));
    TRY(open_folder(folder));
    const std::lock_guard lock(mutex_);
    if (folders_.size() >= max_folders && !folders_.contains(folder))
      return fail(ErrorCode::exhausted, folder, "at most {} folders are allowed at once: restart ashlard",
                  max_folders);
    folders_.try_emplace(folder);
    return {};
  }

  Result<FolderFacts> folder_facts(const std::string& folder) override {
    TRY_ASSIGN(const Descriptor opened, open_allowed(folder));
    std::optional<TriedAbilities> tried = tried_of(folder);
    TRY_ASSIGN(const FolderFacts facts, look_at_folder(opened.get(), folder, tried));
    const std::lock_guard lock(mutex_);
    folders_[folder] = std::move(tried);
    return facts;
  }

  Result<std::vector<FileFacts>> list_files(const std::string& folder) override {
    TRY_ASSIGN(const Descriptor opened, open_allowed(folder));
    return list_files_of(opened.get(), folder);
  }

  Result<FileFacts> file_facts(const std::string& folder, const std::string& name) override {
    TRY(check_file_name(name));
    TRY_ASSIGN(const Descriptor opened, open_allowed(folder));
    return volume_file_facts(opened.get(), folder, name);
  }

  Result<void> create_file(const std::string& folder, const std::string& name, uint64_t bytes,
                           bool allocate) override {
    TRY(check_volume_file_name(name));
    TRY_ASSIGN(const Descriptor opened, open_allowed(folder));
    return create_volume_file(opened.get(), folder, name, bytes, allocate);
  }

  Result<void> clone_file(const std::string& folder, const std::string& from,
                          const std::string& to) override {
    TRY(check_volume_file_name(from));
    TRY(check_volume_file_name(to));
    TRY_ASSIGN(const Descriptor opened, open_allowed(folder));
    return clone_volume_file(opened.get(), folder, from, to);
  }

  Result<void> remove_file(const std::string& folder, const std::string& name) override {
    TRY(check_volume_file_name(name));
    TRY_ASSIGN(const Descriptor opened, open_allowed(folder));
    return remove_volume_file(opened.get(), folder, name);
  }

  Result<std::vector<DeviceFacts>> list_devices() override { return list_block_devices(); }

  Result<int> connect_engine(const std::string& socket_path) override {
    TRY(check_path(socket_path));
    TRY(keep_to_one_socket(socket_path));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (socket_path.size() >= sizeof address.sun_path)
      return fail(ErrorCode::invalid_argument, socket_path, "a socket's path has at most {} bytes",
                  sizeof address.sun_path - 1);
    std::memcpy(address.sun_path, socket_path.data(), socket_path.size());
    Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!socket.valid()) return std::unexpected(error_of_errno(errno, socket_path, "cannot make a socket"));
    // An engine that accepts nothing must not hold up every other verb.
    timeval limit{connect_seconds, 0};
    ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
      return std::unexpected(error_of_errno(errno, socket_path, "cannot reach the engine; is it running?"));
    limit = {};
    ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    return socket.release();
  }

 private:
  // Root's connections open doors (a container daemon's socket makes root); the first path, which is asked for before any
  // client is heard, is the only one.
  Result<void> keep_to_one_socket(const std::string& path) {
    const std::lock_guard lock(mutex_);
    if (engine_socket_.empty()) engine_socket_ = path;
    if (engine_socket_ == path) return {};
    return fail(ErrorCode::permission_denied, path,
                "the engine's socket is {} since this process began: restart ashlard to change it",
                engine_socket_);
  }

  std::optional<TriedAbilities> tried_of(const std::string& folder) {
    const std::lock_guard lock(mutex_);
    return folders_[folder];
  }

  Result<Descriptor> open_allowed(const std::string& folder) {
    TRY(check_data_folder(folder));
    {
      const std::lock_guard lock(mutex_);
      if (!folders_.contains(folder))
        return fail(ErrorCode::permission_denied, folder, "is the folder of no pool");
    }
    return open_folder(folder);
  }

  std::mutex mutex_;
  std::map<std::string, std::optional<TriedAbilities>> folders_;
  std::string engine_socket_;
};

}  // namespace

std::unique_ptr<Privileged> make_direct() { return std::make_unique<Direct>(); }

}  // namespace ashlar::storage
