#include "http/safe_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <utility>

namespace ashlar::http {
namespace {

int write_all(int file, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file, bytes.data(), bytes.size());
    if (written < 0 && errno != EINTR) return errno;
    if (written > 0) bytes.remove_prefix(static_cast<size_t>(written));
  }
  return 0;
}

}  // namespace

Result<SafeFolder> SafeFolder::open(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), error);
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
    return std::unexpected(error_of_errno(errno, path, "cannot be made"));
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return std::unexpected(error_of_errno(errno, path, "cannot be opened"));
  SafeFolder folder(descriptor);
  if (::fchmod(descriptor, 0700) != 0)
    return std::unexpected(error_of_errno(errno, path, "cannot be closed to others"));
  while (::flock(descriptor, LOCK_EX) != 0) {
    if (errno != EINTR) return std::unexpected(error_of_errno(errno, path, "cannot be locked"));
  }
  return folder;
}

SafeFolder::SafeFolder(SafeFolder&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

SafeFolder::~SafeFolder() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Result<void> SafeFolder::write(const std::string& path, std::string_view bytes, mode_t mode) const {
  const std::string beside = path + ".new";
  static_cast<void>(::unlink(beside.c_str()));  // of a writer that died; its mode may be another
  const int file = ::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
  if (file < 0) return std::unexpected(error_of_errno(errno, beside, "cannot be written"));
  int error = ::fchmod(file, mode) == 0 ? write_all(file, bytes) : errno;
  if (error == 0 && ::fsync(file) != 0) error = errno;
  if (::close(file) != 0 && error == 0) error = errno;
  if (error == 0 && std::rename(beside.c_str(), path.c_str()) != 0) error = errno;
  if (error == 0 && ::fsync(descriptor_) != 0) error = errno;
  if (error != 0) return std::unexpected(error_of_errno(error, path, "cannot be written"));
  return {};
}

bool is_there(const std::string& path) {
  struct stat there{};
  return ::stat(path.c_str(), &there) == 0 || errno != ENOENT;
}

}  // namespace ashlar::http
