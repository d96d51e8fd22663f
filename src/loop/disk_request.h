// One file operation on its way through the ring, and what of it is still to do.
#pragma once

#include <deque>
#include <vector>

#include "loop/file.h"
#include "loop/ring.h"

namespace ashlar::loop {

class RealLoop;

/// Where a read or write stands: the kernel may do less than it was asked for, then the rest is asked for again.
class Transfer {
 public:
  Transfer() = default;
  explicit Transfer(const FileOperation& operation) : parts_(operation.parts), offset_(operation.offset) {
    skip_empty();
  }
  bool finished() const { return part_ == parts_.size(); }
  uint64_t done() const { return done_; }
  uint64_t offset() const { return offset_ + done_; }
  /// What to ask for next: at most IOV_MAX pieces; valid until advance(), with this object where it is.
  std::span<const iovec> next();
  void advance(uint64_t bytes);

 private:
  void skip_empty();
  std::span<const iovec> parts_;
  uint64_t offset_ = 0;
  uint64_t done_ = 0;
  size_t part_ = 0;
  size_t within_ = 0;  // bytes of parts_[part_] that are done
  iovec rest_{};       // the rest of a piece that was done in part
};

/// Pooled: see DiskRequests.
class DiskRequest final : public RingOperation {
 public:
  explicit DiskRequest(RealLoop& loop) : loop_(loop) {}
  /// `transfer`: how far direct calls have come already.
  void begin(int descriptor, bool block_device, FileOperation& operation, const Transfer& transfer);
  void prepare(io_uring_sqe& entry) override;
  void completed(int32_t result, bool more) override;

 private:
  bool continue_after(int32_t result);
  void finish(int64_t result);

  // A device that answers EAGAIN so often is broken; waiting on would hang its commands for ever.
  static constexpr uint32_t max_retries = 1000;

  RealLoop& loop_;
  FileOperation* operation_ = nullptr;
  int descriptor_ = -1;
  bool block_device_ = false;
  bool zero_instead_ = false;
  uint32_t retries_ = 0;
  Transfer transfer_;
};

/// The requests of one loop. Grows to the most that were ever in flight at once, which the owners of the operations bound.
class DiskRequests {
 public:
  explicit DiskRequests(RealLoop& loop);
  DiskRequest& take();
  void give_back(DiskRequest& request) { free_.push_back(&request); }

 private:
  static constexpr size_t made_at_start = 256;
  RealLoop& loop_;
  std::deque<DiskRequest> all_;  // a deque: their addresses are the kernel's handles
  std::vector<DiskRequest*> free_;
};

}  // namespace ashlar::loop
