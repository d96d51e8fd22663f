// A file or block device as a channel of a store: what `file` and `block` share.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "base/log.h"
#include "block/live_limits.h"
#include "block/store.h"
#include "loop/file.h"
#include "loop/loop.h"
#include "stores/sync_group.h"

namespace ashlar::stores {

/// What all channels of one file share.
struct FileShared {
  std::string path;
  std::string component;             ///< of log lines: stores.file or stores.block
  std::unique_ptr<loop::File> file;  ///< shard 0's, also for resize
  block::Limits limits;              ///< but for the size
  std::atomic<uint64_t> size_bytes = 0;
  bool thin = true;
  std::shared_ptr<SyncGroup> home_syncs;  ///< null with a single shard
  /// A sync failed, or the device is gone. Nothing turns it back: what was not yet on stable storage may be lost, and a
  /// second sync that says 0 would turn that loss into a promise (the kernel forgets the error, and the dirty pages).
  std::atomic<bool> failed = false;
  // What the file system turned out not to know; then zeroes are written.
  std::atomic<bool> can_punch = false;
  std::atomic<bool> can_zero = false;
  std::atomic<bool> can_clone = false;
};

/// Memory aligned for O_DIRECT that stands in for pieces that are not.
struct Bounce {
  Buffer buffer;  // empty: the reserve page
  uint8_t* memory = nullptr;
  uint32_t capacity = 0;  // bytes; 0: free
};

class FileChannel;

/// A file that others of its file system may share extents with.
struct FileCloneSource final : block::CloneSource {
  std::unique_ptr<loop::File> file;
};

/// One request on its way through the file, in as many operations as it takes.
class FileWork final : public loop::FileOperation, public SyncWaiter {
 public:
  enum class Step : uint8_t { transfer, bounced, punch, zero, write_zeroes, clone, extent, sync };
  void run() override;
  void synced(int64_t outcome) override;

  FileChannel* channel = nullptr;
  block::Request* request = nullptr;
  Bounce* bounce = nullptr;
  Step step = Step::transfer;
  uint64_t done = 0;  // bytes of the request that are over
  iovec piece{};
};

class FileChannel final : public block::BlockDevice {
 public:
  /// Requests in the file at a time; more wait in the order of submission.
  static constexpr uint32_t max_works = 128;
  static constexpr uint32_t max_bounces = 4;
  static constexpr uint32_t max_bounce_bytes = 256 << 10;
  static constexpr uint32_t reserve_bytes = 4096;
  static constexpr uint64_t max_zeroing_bytes = 1 << 30;  // one fallocate
  static constexpr uint64_t max_written_zeroes_bytes = 1 << 20;

  FileChannel(loop::Loop& loop, std::shared_ptr<FileShared> shared);
  ~FileChannel() override;
  const block::Limits& limits() const override { return limits_.get(); }
  void submit(block::Request& request) override;
  /// Thin files alone: what is shared needs new space when it is written, which a thick volume was promised to have.
  std::shared_ptr<block::CloneSource> clone_source() override;

 private:
  friend class FileWork;
  void begin(block::Request& request);
  void next(FileWork& work);
  void next_bounced(FileWork& work);
  void next_zeroing(FileWork& work);
  void start(FileWork& work, loop::FileVerb verb, uint64_t offset, uint64_t length,
             std::span<const iovec> parts);
  void ended(FileWork& work);
  void moved(FileWork& work);
  void advanced(FileWork& work, uint64_t bytes);
  void extent_found(FileWork& work);
  void error(FileWork& work, int64_t result);
  bool fall_back(FileWork& work, int64_t result);
  bool cannot_clone(FileWork& work, int64_t result);
  bool can_clone(const block::Request& request) const;
  void finish(FileWork& work, block::Status status);
  bool needs_bounce(const block::Request& request) const;
  bool needs_sync(const block::Request& request) const;
  bool take_bounce(FileWork& work);
  void fail_device(const FileWork& work, int64_t result);
  void log_failure(const FileWork& work, int64_t result);

  loop::Loop& loop_;
  std::shared_ptr<FileShared> shared_;
  std::unique_ptr<loop::File> file_;
  SyncGroup syncs_;
  block::LiveLimits limits_;
  LogLimiter log_limiter_{10, 10'000'000'000};
  std::unique_ptr<FileWork[]> works_;
  std::vector<FileWork*> free_;
  std::array<Bounce, max_bounces> bounces_;
  Bounce reserve_;  // so that misaligned requests go on, a page at a time, when the pool is dry
  struct alignas(reserve_bytes) Page {
    uint8_t bytes[reserve_bytes];
  };
  std::unique_ptr<Page> reserve_page_;
  loop::ReadyList waiting_requests_;  // for a FileWork
  loop::ReadyList waiting_works_;     // for a Bounce
};

/// The store around it. `resize_file` false: a block device, whose size is followed, not made.
std::shared_ptr<block::Store> make_file_store(std::shared_ptr<FileShared> shared, bool resize_file);

/// The shared half on an open file; limits are filled in from its traits.
std::shared_ptr<FileShared> share_file(std::unique_ptr<loop::File> file, const block::StoreSpec& spec,
                                       std::string component);

}  // namespace ashlar::stores
