#include "state/file_system.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <utility>

namespace ashlar::state {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  int number() const { return number_; }
  bool open() const { return number_ >= 0; }
  /// 0 or errno. Network file systems and quotas tell of a lost write here and nowhere else.
  int close() {
    const int done = ::close(std::exchange(number_, -1));
    return done == 0 || errno == EINTR ? 0 : errno;
  }

 private:
  int number_;
};

int open_file(const std::string& path, int flags, mode_t mode = 0) {
  while (true) {
    const int descriptor = ::open(path.c_str(), flags | O_CLOEXEC, mode);
    if (descriptor >= 0 || errno != EINTR) return descriptor;
  }
}

// A disk that went read-only, or a folder that is another's, is a fault of this machine: no lack of rights of whoever asks.
std::unexpected<Error> failed(const std::string& path, std::string_view what, int number = errno) {
  Error error = error_of_errno(number, path, what);
  if (error.code == ErrorCode::permission_denied) error.code = ErrorCode::io_error;
  return std::unexpected(std::move(error));
}

Result<void> sync_path(const std::string& path, int flags) {
  const Descriptor file(open_file(path, O_RDONLY | flags));
  if (!file.open()) return failed(path, "cannot be opened to be synced");
  while (::fsync(file.number()) != 0) {
    if (errno != EINTR) return failed(path, "cannot be synced to the disk");
  }
  return {};
}

class RealFileSystem final : public FileSystem {
 public:
  Result<std::string> read(const std::string& path) override {
    const Descriptor file(open_file(path, O_RDONLY));
    if (!file.open()) return failed(path, "cannot be opened");
    std::string bytes;
    char chunk[65536];
    while (true) {
      const ssize_t got = ::read(file.number(), chunk, sizeof chunk);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return failed(path, "cannot be read");
      if (got == 0) return bytes;
      bytes.append(chunk, static_cast<size_t>(got));
      if (bytes.size() > max_file_bytes)
        return fail(ErrorCode::out_of_range, path, "is longer than {} bytes; it is not ours", max_file_bytes);
    }
  }

  Result<std::vector<std::string>> list(const std::string& folder) override {
    const std::unique_ptr<DIR, int (*)(DIR*)> opened(::opendir(folder.c_str()), ::closedir);
    if (!opened) return failed(folder, "cannot be opened");
    std::vector<std::string> names;
    while (true) {
      errno = 0;
      const dirent* entry = ::readdir(opened.get());
      if (entry == nullptr && errno != 0) return failed(folder, "cannot be listed");
      if (entry == nullptr) break;
      const std::string_view name = entry->d_name;
      if (name != "." && name != "..") names.emplace_back(name);
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  bool exists(const std::string& path) override {
    struct stat there{};
    return ::stat(path.c_str(), &there) == 0;
  }

  Result<void> make_folder(const std::string& path, uint32_t mode) override {
    if (::mkdir(path.c_str(), mode) != 0 && errno != EEXIST) return failed(path, "cannot be made");
    struct stat there{};
    if (::stat(path.c_str(), &there) != 0) return failed(path, "cannot be looked at");
    if (!S_ISDIR(there.st_mode))
      return fail(ErrorCode::already_exists, path, "is a file; a folder is wanted: move it away");
    // Only when it differs, so that a medium that is read-only now does not keep us from starting.
    if ((there.st_mode & 07777) != mode && ::chmod(path.c_str(), mode) != 0)
      return failed(path, "cannot be given its mode");
    return {};
  }

  Result<void> write(const std::string& path, std::string_view bytes, uint32_t mode) override {
    Descriptor file(open_file(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode));
    if (!file.open()) return failed(path, "cannot be opened to be written");
    // A file of before keeps its mode, and the umask has its say: a secret's must be right before its first byte.
    if (::fchmod(file.number(), mode) != 0) return failed(path, "cannot be given its mode");
    while (!bytes.empty()) {
      const ssize_t written = ::write(file.number(), bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return failed(path, "cannot be written");
      bytes.remove_prefix(static_cast<size_t>(written));
    }
    if (const int error = file.close(); error != 0) return failed(path, "cannot be written", error);
    return {};
  }

  Result<void> sync_file(const std::string& path) override { return sync_path(path, 0); }
  Result<void> sync_folder(const std::string& path) override { return sync_path(path, O_DIRECTORY); }

  Result<void> rename(const std::string& from, const std::string& to) override {
    if (std::rename(from.c_str(), to.c_str()) != 0) return failed(to, "cannot be renamed to");
    return {};
  }
  Result<void> remove(const std::string& path) override {
    if (::unlink(path.c_str()) != 0) return failed(path, "cannot be removed");
    return {};
  }
};

}  // namespace

std::string staged_name(const std::string& path) { return path + ".new"; }

std::string folder_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

Result<void> FileSystem::stage(const std::string& path, std::string_view bytes, uint32_t mode) {
  const std::string beside = staged_name(path);
  Result<void> done = write(beside, bytes, mode);
  if (done) done = sync_file(beside);
  if (!done) (void)remove(beside);  // what stays is litter that the next start sweeps up
  return done;
}

Result<void> FileSystem::replace(const std::string& path, std::string_view bytes, uint32_t mode) {
  TRY(stage(path, bytes, mode));
  if (Result<void> done = rename(staged_name(path), path); !done) {
    (void)remove(staged_name(path));
    return done;
  }
  return sync_folder(folder_of(path));
}

std::unique_ptr<FileSystem> make_file_system() { return std::make_unique<RealFileSystem>(); }

}  // namespace ashlar::state
