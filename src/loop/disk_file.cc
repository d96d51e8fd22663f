#include "loop/disk_file.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "loop/disk_open.h"
#include "loop/disk_request.h"
#include "loop/on_worker.h"
#include "loop/real_loop.h"

namespace ashlar::loop {
namespace {

// Reads or writes by direct calls as far as they get. 0 when finished or at the end of the file, else -errno.
int64_t transfer_directly(int descriptor, FileVerb verb, Transfer& transfer, int flags) {
  while (!transfer.finished()) {
    const std::span<const iovec> parts = transfer.next();
    const int count = static_cast<int>(parts.size());
    const off_t offset = static_cast<off_t>(transfer.offset());
    const ssize_t done = verb == FileVerb::read ? ::preadv2(descriptor, parts.data(), count, offset, flags)
                                                : ::pwritev2(descriptor, parts.data(), count, offset, flags);
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return -errno;
    if (done == 0) return verb == FileVerb::write ? -EIO : 0;
    transfer.advance(static_cast<uint64_t>(done));
  }
  return 0;
}

int64_t allocate_directly(int descriptor, const FileOperation& operation) {
  const int mode = FALLOC_FL_KEEP_SIZE |
                   (operation.verb == FileVerb::punch_hole ? FALLOC_FL_PUNCH_HOLE : FALLOC_FL_ZERO_RANGE);
  const off_t offset = static_cast<off_t>(operation.offset);
  const off_t length = static_cast<off_t>(operation.length);
  for (;;) {
    if (::fallocate(descriptor, mode, offset, length) == 0) return 0;
    if (errno != EINTR) return -errno;
  }
}

void find_extent(const OpenFile& file, FileOperation& operation) {
  const uint64_t size = file.size_bytes;
  operation.extent_allocated = false;
  operation.result = -ENXIO;
  if (operation.offset >= size) return;
  uint64_t end = size;
  if (file.traits.block_device) {
    operation.extent_allocated = true;
  } else {
    const off_t start = static_cast<off_t>(operation.offset);
    const off_t data = ::lseek(file.descriptor, start, SEEK_DATA);
    if (data < 0 && errno != ENXIO) {  // ENXIO: a hole up to the end
      operation.result = -errno;
      return;
    }
    operation.extent_allocated = data == start;
    const off_t change = operation.extent_allocated ? ::lseek(file.descriptor, start, SEEK_HOLE) : data;
    if (change > start) end = std::min(size, static_cast<uint64_t>(change));
  }
  operation.result = static_cast<int64_t>(end - operation.offset);
}

int64_t clone_range(const OpenFile& file, const OpenFile& source, const FileOperation& operation) {
  file_clone_range range{};
  range.src_fd = source.descriptor;
  range.src_offset = operation.clone_source_offset;
  range.src_length = operation.length;
  range.dest_offset = operation.offset;
  for (;;) {
    if (::ioctl(file.descriptor, FICLONERANGE, &range) == 0) return 0;
    if (errno != EINTR) return -errno;
  }
}

class DiskFile final : public File {
 public:
  DiskFile(RealLoop& loop, std::shared_ptr<OpenFile> file) : loop_(loop), file_(std::move(file)) {}

  const Traits& traits() const override { return file_->traits; }
  uint64_t size() const override { return file_->size_bytes; }
  std::unique_ptr<File> on(Loop& shard) override {
    return std::make_unique<DiskFile>(static_cast<RealLoop&>(shard), file_);
  }

  void submit(FileOperation& operation) override {
    if (operation.verb == FileVerb::find_extent) return submit_find_extent(operation);
    if (operation.verb == FileVerb::clone_range) return submit_clone(operation);
    if (file_->in_memory) return run_in_memory(operation);
    Transfer transfer(operation);
    const bool moves = operation.verb == FileVerb::read || operation.verb == FileVerb::write;
    if (moves && transfer.finished()) return complete(operation, 0);
    if (operation.verb == FileVerb::read && file_->try_without_wait.load(std::memory_order_relaxed)) {
      if (read_from_cache(operation, transfer)) return;
    }
    loop_.disk_requests().take().begin(file_->descriptor, file_->traits.block_device, operation, transfer);
  }

  Task<Result<void>> resize(uint64_t bytes, bool allocate) override {
    auto work = [file = file_, bytes, allocate] { return resize_blocking(*file, bytes, allocate); };
    Task<Result<void>> resizing = on_worker(loop_, std::move(work));
    co_return co_await resizing;
  }

 private:
  void complete(FileOperation& operation, int64_t result) {
    operation.result = result;
    loop_.post(operation);
  }

  // True when that was all; false leaves the rest to the ring.
  bool read_from_cache(FileOperation& operation, Transfer& transfer) {
    const int64_t status = transfer_directly(file_->descriptor, FileVerb::read, transfer, RWF_NOWAIT);
    if (status == 0) {
      complete(operation, static_cast<int64_t>(transfer.done()));
      return true;
    }
    if (status == -EOPNOTSUPP) file_->try_without_wait.store(false, std::memory_order_relaxed);
    // Whatever else is wrong, the ring's try will say it.
    return false;
  }

  void run_in_memory(FileOperation& operation) {
    switch (operation.verb) {
      case FileVerb::read:
      case FileVerb::write: {
        Transfer transfer(operation);
        const int64_t status = transfer_directly(file_->descriptor, operation.verb, transfer, 0);
        return complete(operation, status < 0 ? status : static_cast<int64_t>(transfer.done()));
      }
      case FileVerb::sync_data: return complete(operation, 0);  // memory: nothing is more stable than it is
      case FileVerb::punch_hole:
      case FileVerb::zero_range: return complete(operation, allocate_directly(file_->descriptor, operation));
      case FileVerb::clone_range:
      case FileVerb::find_extent: break;
    }
    check_failed("a verb of a file in memory", __FILE__, __LINE__, "");
  }

  void submit_find_extent(FileOperation& operation) {
    if (file_->in_memory || file_->traits.block_device) {
      find_extent(*file_, operation);
      return loop_.post(operation);
    }
    // The file system may have to read its maps from the disk.
    auto work = [file = file_, &operation] { find_extent(*file, operation); };
    auto done = [this, &operation] { loop_.post(operation); };
    loop_.run_blocking(std::move(work), std::move(done));
  }

  // The ring knows no such call, and it waits for what is in flight in both files.
  void submit_clone(FileOperation& operation) {
    auto work = [file = file_, source = static_cast<DiskFile*>(operation.clone_source)->file_, &operation] {
      operation.result = clone_range(*file, *source, operation);
    };
    auto done = [this, &operation] { loop_.post(operation); };
    loop_.run_blocking(std::move(work), std::move(done));
  }

  RealLoop& loop_;
  std::shared_ptr<OpenFile> file_;
};

}  // namespace

Task<Result<std::unique_ptr<File>>> open_disk_file(RealLoop& loop, std::string path, OpenOptions options) {
  auto work = [path = std::move(path), options] { return open_blocking(path, options); };
  Task<Result<std::shared_ptr<OpenFile>>> opening = on_worker(loop, std::move(work));
  Result<std::shared_ptr<OpenFile>> opened = co_await opening;
  CO_TRY_ASSIGN(std::shared_ptr<OpenFile> file, std::move(opened));
  std::unique_ptr<File> channel = std::make_unique<DiskFile>(loop, std::move(file));
  co_return channel;
}

Task<Result<void>> remove_disk_file(RealLoop& loop, std::string path) {
  auto work = [path = std::move(path)] { return remove_blocking(path); };
  Task<Result<void>> removing = on_worker(loop, std::move(work));
  co_return co_await removing;
}

}  // namespace ashlar::loop
