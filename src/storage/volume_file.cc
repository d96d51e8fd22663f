#include "storage/volume_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "json/sizes.h"
#include "storage/descriptor.h"
#include "storage/folder_facts.h"
#include "storage/folder_path.h"

namespace ashlar::storage {
namespace {

Error failed(const std::string& path, std::string_view what) { return error_of_errno(errno, path, what); }

Result<void> sync_folder(int folder, const std::string& place) {
  // Some file systems cannot sync a folder (EINVAL); they have nothing to sync then.
  if (::fsync(folder) != 0 && errno != EINVAL) return std::unexpected(failed(place, "cannot be synced"));
  return {};
}

/// The file of that name if it is an ordinary one; never waits, as opening a pipe would.
Result<Descriptor> open_file(int folder, const std::string& path, const std::string& name, int how) {
  Descriptor file(::openat(folder, name.c_str(), how | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file.valid() && errno == ELOOP)
    return fail(ErrorCode::permission_denied, path, "is a symbolic link, not a volume's file");
  if (!file.valid() && errno == ENOENT) return fail(ErrorCode::not_found, path, "there is no such file");
  if (!file.valid()) return std::unexpected(failed(path, "cannot be opened"));
  struct stat there{};
  if (::fstat(file.get(), &there) != 0) return std::unexpected(failed(path, "cannot be looked at"));
  if (!S_ISREG(there.st_mode)) return fail(ErrorCode::invalid_argument, path, "is not an ordinary file");
  // A second name may lie in another folder, whose owner did not mean it for us.
  if (there.st_nlink > 1)
    return fail(ErrorCode::permission_denied, path, "has {} names (hard links); a volume's file has one",
                there.st_nlink);
  return file;
}

/// A file under a name that nobody looks for, until publish(): a crash never leaves a half-made file under the final name.
class UnfinishedFile {
 public:
  static Result<UnfinishedFile> make(int folder, const std::string& place, const std::string& name) {
    std::string beside = "." + name + ".new";
    if (::unlinkat(folder, beside.c_str(), 0) != 0 && errno != ENOENT)
      return std::unexpected(failed(place + "/" + beside, "is left over and cannot be removed"));
    Descriptor file(
        ::openat(folder, beside.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file.valid()) return std::unexpected(failed(place + "/" + name, "cannot be made"));
    return UnfinishedFile(folder, std::move(file), std::move(beside));
  }
  UnfinishedFile(UnfinishedFile&& other) noexcept
      : folder_(other.folder_), file_(std::move(other.file_)), beside_(std::exchange(other.beside_, {})) {}
  UnfinishedFile& operator=(UnfinishedFile&&) = delete;
  ~UnfinishedFile() {
    if (!beside_.empty()) ::unlinkat(folder_, beside_.c_str(), 0);
  }

  int descriptor() const { return file_.get(); }

  Result<void> publish(const std::string& place, const std::string& name) {
    const std::string path = place + "/" + name;
    if (::fsync(file_.get()) != 0) return std::unexpected(failed(path, "cannot be synced"));
    int status = ::renameat2(folder_, beside_.c_str(), folder_, name.c_str(), RENAME_NOREPLACE);
    if (status != 0 && errno == EINVAL) {
      // Not every file system knows RENAME_NOREPLACE; none links over a name that exists.
      status = ::linkat(folder_, beside_.c_str(), folder_, name.c_str(), 0);
      if (status == 0) status = ::unlinkat(folder_, beside_.c_str(), 0);
    }
    if (status == 0) beside_.clear();
    if (status != 0 && errno == EEXIST)
      return fail(ErrorCode::already_exists, path, "is there already; nothing was changed");
    if (status != 0) return std::unexpected(failed(path, "cannot be given its name"));
    return sync_folder(folder_, place);
  }

 private:
  UnfinishedFile(int folder, Descriptor file, std::string beside)
      : folder_(folder), file_(std::move(file)), beside_(std::move(beside)) {}

  int folder_;
  Descriptor file_;
  std::string beside_;
};

Result<void> give_size(int file, const std::string& path, uint64_t bytes, bool allocate) {
  const auto size = static_cast<off_t>(bytes);
  int status = 0;
  do {  // not posix_fallocate(): where it cannot reserve, it would write all of it
    status = allocate ? ::fallocate(file, 0, 0, size) : ::ftruncate(file, size);
  } while (status != 0 && errno == EINTR);
  if (status == 0) return {};
  const std::string file_system = file_system_name(file);
  switch (errno) {
    case ENOSPC:
    case EDQUOT:
      return fail(ErrorCode::no_space, path, "{} do not fit on this {}: free some space, or make it thin",
                  json::print_size(bytes), file_system);
    case EFBIG:
      return fail(ErrorCode::no_space, path, "{} is more than a file on {} can have", json::print_size(bytes),
                  file_system);
    case EOPNOTSUPP:
      return fail(ErrorCode::unsupported, path, "{} cannot reserve space: make the volume thin", file_system);
    default: return std::unexpected(failed(path, "cannot be given its size"));
  }
}

/// May the file that is there stand for the new one? Space that was reserved but never written counts as a hole.
Result<void> check_never_written(int file, const std::string& path, uint64_t bytes) {
  struct stat there{};
  if (::fstat(file, &there) != 0) return std::unexpected(failed(path, "cannot be looked at"));
  const auto size = static_cast<uint64_t>(there.st_size);
  if (size != bytes)
    return fail(ErrorCode::already_exists, path, "is there already, with {} bytes instead of {}", size,
                bytes);
  if (::lseek(file, 0, SEEK_DATA) < 0 && errno == ENXIO) return {};
  return fail(ErrorCode::already_exists, path, "is there already and holds data");
}

}  // namespace

Result<void> create_volume_file(int folder, const std::string& place, const std::string& name, uint64_t bytes,
                                bool allocate) {
  const std::string path = place + "/" + name;
  if (bytes == 0 || bytes > max_file_bytes)
    return fail(ErrorCode::out_of_range, path, "a volume's file has 1 byte to {}, not {}",
                json::print_size(max_file_bytes), bytes);
  Result<Descriptor> there = open_file(folder, path, name, O_RDWR);
  if (there) {
    TRY(check_never_written(there->get(), path, bytes));
    if (allocate) TRY(give_size(there->get(), path, bytes, true));
    if (::fsync(there->get()) != 0) return std::unexpected(failed(path, "cannot be synced"));
    return sync_folder(folder, place);
  }
  if (there.error().code != ErrorCode::not_found) return std::unexpected(std::move(there).error());
  TRY_ASSIGN(UnfinishedFile file, UnfinishedFile::make(folder, place, name));
  TRY(give_size(file.descriptor(), path, bytes, allocate));
  return file.publish(place, name);
}

Result<void> clone_volume_file(int folder, const std::string& place, const std::string& from,
                               const std::string& to) {
  const std::string path = place + "/" + to;
  TRY_ASSIGN(const Descriptor source, open_file(folder, place + "/" + from, from, O_RDONLY));
  struct stat there{};
  if (::fstatat(folder, to.c_str(), &there, AT_SYMLINK_NOFOLLOW) == 0)
    return fail(ErrorCode::already_exists, path, "is there already; nothing was changed");
  TRY_ASSIGN(UnfinishedFile file, UnfinishedFile::make(folder, place, to));
  // The kernel keeps writers of `from` out while it shares the blocks: the clone is one moment of it.
  if (::ioctl(file.descriptor(), FICLONE, source.get()) != 0) {
    const int error = errno;
    if (error == EOPNOTSUPP || error == ENOTTY || error == EXDEV || error == EINVAL)
      return fail(ErrorCode::unsupported, place,
                  "is {}, which cannot share blocks between files: use XFS (made with reflink=1) or Btrfs",
                  file_system_name(folder));
    return std::unexpected(error_of_errno(error, path, "cannot share the blocks of " + from));
  }
  return file.publish(place, to);
}

Result<void> remove_volume_file(int folder, const std::string& place, const std::string& name) {
  const std::string path = place + "/" + name;
  struct stat there{};
  if (::fstatat(folder, name.c_str(), &there, AT_SYMLINK_NOFOLLOW) == 0) {
    if (!S_ISREG(there.st_mode))
      return fail(ErrorCode::invalid_argument, path, "is not an ordinary file; it was not removed");
    if (::unlinkat(folder, name.c_str(), 0) != 0 && errno != ENOENT)
      return std::unexpected(failed(path, "cannot be removed"));
  } else if (errno != ENOENT) {
    return std::unexpected(failed(path, "cannot be looked at"));
  }
  return sync_folder(folder, place);
}

Result<FileFacts> volume_file_facts(int folder, const std::string& place, const std::string& name) {
  const std::string path = place + "/" + name;
  struct stat there{};
  if (::fstatat(folder, name.c_str(), &there, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return fail(ErrorCode::not_found, path, "there is no such file");
    return std::unexpected(failed(path, "cannot be looked at"));
  }
  if (!S_ISREG(there.st_mode)) return fail(ErrorCode::invalid_argument, path, "is not an ordinary file");
  return FileFacts{name, static_cast<uint64_t>(there.st_size), static_cast<uint64_t>(there.st_blocks) * 512};
}

Result<std::vector<FileFacts>> list_files_of(int folder, const std::string& place) {
  const int again = ::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR* const entries = again >= 0 ? ::fdopendir(again) : nullptr;
  if (entries == nullptr) {
    const int error = errno;
    if (again >= 0) ::close(again);
    return std::unexpected(error_of_errno(error, place, "cannot be listed"));
  }
  std::vector<FileFacts> found;
  errno = 0;
  while (const dirent* entry = ::readdir(entries)) {
    const std::string name = entry->d_name;
    if (found.size() == max_listed_files) break;
    if (check_file_name(name)) {
      if (Result<FileFacts> facts = volume_file_facts(folder, place, name)) found.push_back(*facts);
    }
    errno = 0;
  }
  const int error = errno;
  ::closedir(entries);
  if (found.size() == max_listed_files)
    return fail(ErrorCode::exhausted, place, "has {} files or more: use more pools", max_listed_files);
  if (error != 0) return std::unexpected(error_of_errno(error, place, "cannot be listed"));
  std::ranges::sort(found, {}, &FileFacts::name);
  return found;
}

}  // namespace ashlar::storage
