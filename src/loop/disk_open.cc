#include "loop/disk_open.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <thread>

#include "base/log.h"

#ifndef STATX_DIOALIGN
#error "kernel headers of Linux 6.1 or newer are needed"
#endif

namespace ashlar::loop {
namespace {

constexpr uint32_t file_system_block_bytes = 4096;
constexpr int64_t xfs_magic = 0x58465342;
// A lock may be held for a moment longer than its holder lives: the kernel ends the I/O of a killed process before it lets
// go of the file, and udev takes a device's lock while it probes. 60 tries of 50 ms: 3 s.
constexpr int lock_tries = 60;
constexpr auto lock_pause = std::chrono::milliseconds(50);

Error errno_error(const std::string& path, std::string_view what) {
  return error_of_errno(errno, path, what);
}

Result<void> sync_directory_of(const std::string& path) {
  const std::filesystem::path parent = std::filesystem::path(path).parent_path();
  const int directory = ::open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) return std::unexpected(errno_error(path, "cannot open its folder"));
  const int status = ::fsync(directory);
  const int error = errno;
  ::close(directory);
  // Some file systems cannot sync a folder (EINVAL); they have nothing to sync then.
  if (status != 0 && error != EINVAL)
    return std::unexpected(error_of_errno(error, path, "cannot sync its folder"));
  return {};
}

Error in_use(const std::string& path) { return {ErrorCode::busy, path, "is in use by another process"}; }

Result<void> lock(const OpenFile& file) {
  for (int attempt = 1;; ++attempt) {
    if (::flock(file.descriptor, LOCK_EX | LOCK_NB) == 0) return {};
    if (errno == EINTR) continue;
    if (errno != EWOULDBLOCK) return std::unexpected(errno_error(file.path, "cannot lock"));
    if (attempt >= lock_tries) return std::unexpected(in_use(file.path));
    std::this_thread::sleep_for(lock_pause);
  }
}

struct Found {
  bool exists = false;
  bool block_device = false;
};

Result<Found> look(const std::string& path, const OpenOptions& options) {
  struct stat there{};
  if (::stat(path.c_str(), &there) != 0) {
    if (errno == ENOENT && options.create && options.writable) return Found{};
    return std::unexpected(errno_error(path, "cannot open"));
  }
  if (!S_ISREG(there.st_mode) && !S_ISBLK(there.st_mode)) {
    return fail(ErrorCode::invalid_argument, path, "is neither a file nor a block device");
  }
  return Found{true, S_ISBLK(there.st_mode)};
}

// A number of the device's queue; 0 when there is none. A partition's queue is its disk's.
uint64_t queue_number(dev_t device, const char* name) {
  for (const char* folder : {"queue", "../queue"}) {
    const std::string path =
        fmt::format("/sys/dev/block/{}:{}/{}/{}", major(device), minor(device), folder, name);
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) continue;
    std::array<char, 32> text{};
    const ssize_t got = ::read(descriptor, text.data(), text.size() - 1);
    ::close(descriptor);
    if (got > 0) return std::strtoull(text.data(), nullptr, 10);
  }
  return 0;
}

void fill_block_traits(const OpenFile& file, dev_t device, File::Traits& traits) {
  int logical = 512;
  unsigned int physical = 0;
  unsigned short rotational = 0;
  ioctl(file.descriptor, BLKGETSIZE64, &traits.size_bytes);
  ioctl(file.descriptor, BLKSSZGET, &logical);
  ioctl(file.descriptor, BLKPBSZGET, &physical);
  ioctl(file.descriptor, BLKROTATIONAL, &rotational);
  traits.block_device = true;
  traits.rotational = rotational != 0;
  traits.logical_block_bytes = static_cast<uint32_t>(logical);
  traits.physical_block_bytes = std::max(physical, static_cast<unsigned int>(logical));
  // What file systems rely on, too; for NVMe the kernel makes it no larger than AWUPF.
  traits.atomic_write_bytes = physical;
  // Discard alone does not promise zeroes; only a device that also has WRITE ZEROES can punch as FileVerb says.
  const bool unmaps_to_zeroes =
      queue_number(device, "discard_max_bytes") > 0 && queue_number(device, "write_zeroes_max_bytes") > 0;
  traits.discard_granularity_bytes =
      unmaps_to_zeroes ? static_cast<uint32_t>(queue_number(device, "discard_granularity")) : 0;
  traits.zero_range = true;  // BLKZEROOUT writes zeroes when the device has no command for it
}

bool zero_range_known(int64_t file_system) {
  return file_system == EXT4_SUPER_MAGIC || file_system == xfs_magic || file_system == BTRFS_SUPER_MAGIC;
}

void fill_file_traits(OpenFile& file, const struct stat& there, File::Traits& traits) {
  traits.size_bytes = static_cast<uint64_t>(there.st_size);
  traits.rotational = queue_number(there.st_dev, "rotational") != 0;
  traits.physical_block_bytes = file_system_block_bytes;
  struct statfs system{};
  ::fstatfs(file.descriptor, &system);
  // Smaller blocks of the file system need not lie side by side. Unknown where no one device lies below (overlay, btrfs, NFS).
  traits.atomic_write_bytes = static_cast<uint32_t>(
      std::min({queue_number(there.st_dev, "physical_block_size"), static_cast<uint64_t>(system.f_bsize),
                uint64_t{file_system_block_bytes}}));
  file.in_memory = system.f_type == TMPFS_MAGIC || system.f_type == RAMFS_MAGIC;
  if (!file.writable) return;
  traits.zero_range = zero_range_known(system.f_type);
  // A hole past the end changes nothing, so it is a fit question.
  const off_t past_end =
      (there.st_size + file_system_block_bytes) / file_system_block_bytes * file_system_block_bytes;
  if (::fallocate(file.descriptor, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, past_end,
                  file_system_block_bytes) == 0) {
    traits.discard_granularity_bytes = file_system_block_bytes;
  }
}

// O_DIRECT when what it asks of offsets is no more than the caller keeps.
void choose_direct(OpenFile& file, uint32_t block_bytes, File::Traits& traits) {
  if (file.in_memory) return;
  struct statx answer{};
  uint32_t memory = file_system_block_bytes;
  uint32_t offset = traits.block_device ? traits.logical_block_bytes : file_system_block_bytes;
  if (::statx(file.descriptor, "", AT_EMPTY_PATH, STATX_DIOALIGN, &answer) == 0 &&
      (answer.stx_mask & STATX_DIOALIGN) != 0) {
    memory = answer.stx_dio_mem_align;
    offset = answer.stx_dio_offset_align;
  }
  if (memory == 0 || offset == 0 || block_bytes % offset != 0) return;
  const int flags = ::fcntl(file.descriptor, F_GETFL);
  if (::fcntl(file.descriptor, F_SETFL, flags | O_DIRECT) != 0) return;
  traits.direct = true;
  traits.memory_alignment = memory;
  traits.offset_alignment = offset;
}

Result<std::shared_ptr<OpenFile>> open_found(const std::string& path, const OpenOptions& options,
                                             const Found& found) {
  int flags = (options.writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NOCTTY;
  if (!found.exists) flags |= O_CREAT;
  // O_EXCL on a block device: refused while a file system, an array or another engine holds it.
  if (found.block_device && options.exclusive && options.writable) flags |= O_EXCL;
  const int descriptor = ::open(path.c_str(), flags, 0600);
  if (descriptor < 0) {
    if (errno == EBUSY) return std::unexpected(in_use(path));
    return std::unexpected(errno_error(path, "cannot open"));
  }
  auto file = std::make_shared<OpenFile>(descriptor, path);
  file->writable = options.writable;
  if (options.exclusive && options.writable) TRY(lock(*file));
  if (!found.exists) TRY(sync_directory_of(path));
  return file;
}

}  // namespace

OpenFile::~OpenFile() { ::close(descriptor); }

Result<std::shared_ptr<OpenFile>> open_blocking(const std::string& path, const OpenOptions& options) {
  TRY_ASSIGN(const Found found, look(path, options));
  TRY_ASSIGN(std::shared_ptr<OpenFile> file, open_found(path, options, found));
  struct stat there{};
  if (::fstat(file->descriptor, &there) != 0) return std::unexpected(errno_error(path, "cannot stat"));
  if (S_ISBLK(there.st_mode) != found.block_device)
    return fail(ErrorCode::busy, path, "was replaced while it was opened");
  File::Traits& traits = file->traits;
  if (found.block_device) {
    fill_block_traits(*file, there.st_rdev, traits);
  } else {
    fill_file_traits(*file, there, traits);
  }
  if (options.prefer_direct) choose_direct(*file, options.block_bytes, traits);
  file->try_without_wait = !traits.direct && !file->in_memory;
  file->size_bytes = traits.size_bytes;
  return file;
}

Result<void> remove_blocking(const std::string& path) {
  if (::unlink(path.c_str()) != 0) return std::unexpected(errno_error(path, "cannot remove"));
  return sync_directory_of(path);
}

Result<void> resize_blocking(OpenFile& file, uint64_t bytes, bool allocate) {
  if (file.traits.block_device)
    return fail(ErrorCode::unsupported, file.path, "a block device cannot be resized from here");
  struct stat before{};
  if (::fstat(file.descriptor, &before) != 0) return std::unexpected(errno_error(file.path, "cannot stat"));
  const off_t wanted = static_cast<off_t>(bytes);
  if (wanted < before.st_size || !allocate || bytes == 0) {
    if (::ftruncate(file.descriptor, wanted) != 0)
      return std::unexpected(errno_error(file.path, "cannot resize"));
  }
  if (allocate && bytes > 0) {
    int status = 0;
    do {
      status = ::fallocate(file.descriptor, 0, 0, wanted);
    } while (status != 0 && errno == EINTR);
    if (status != 0) {
      const int error = errno;
      // Not half grown: what could not be reserved is given back.
      if (wanted > before.st_size && ::ftruncate(file.descriptor, before.st_size) != 0) {
        log_warning("loop.file", "{}: cannot be shortened again after it could not be grown", file.path);
      }
      return std::unexpected(error_of_errno(error, file.path, "cannot reserve the space"));
    }
  }
  // The new size must outlive a power cut, as writes into it will.
  if (::fsync(file.descriptor) != 0)
    return std::unexpected(errno_error(file.path, "cannot sync the new size"));
  file.size_bytes = bytes;
  return {};
}

}  // namespace ashlar::loop
