#include "loop/disk_request.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <climits>

#include "loop/real_loop.h"

namespace ashlar::loop {

void Transfer::skip_empty() {
  while (part_ < parts_.size() && parts_[part_].iov_len == within_) {
    ++part_;
    within_ = 0;
  }
}

std::span<const iovec> Transfer::next() {
  if (within_ == 0) return parts_.subspan(part_, std::min<size_t>(parts_.size() - part_, IOV_MAX));
  rest_ = {static_cast<uint8_t*>(parts_[part_].iov_base) + within_, parts_[part_].iov_len - within_};
  return {&rest_, 1};
}

void Transfer::advance(uint64_t bytes) {
  done_ += bytes;
  while (bytes > 0) {
    const uint64_t step = std::min<uint64_t>(bytes, parts_[part_].iov_len - within_);
    within_ += step;
    bytes -= step;
    skip_empty();
  }
}

void DiskRequest::begin(int descriptor, bool block_device, FileOperation& operation,
                        const Transfer& transfer) {
  descriptor_ = descriptor;
  block_device_ = block_device;
  zero_instead_ = false;
  retries_ = 0;
  operation_ = &operation;
  transfer_ = transfer;
  loop_.ring().start(*this);
}

void DiskRequest::prepare(io_uring_sqe& entry) {
  const FileOperation& operation = *operation_;
  switch (operation.verb) {
    case FileVerb::read: {
      const std::span<const iovec> parts = transfer_.next();
      io_uring_prep_readv(&entry, descriptor_, parts.data(), static_cast<unsigned>(parts.size()),
                          transfer_.offset());
      return;
    }
    case FileVerb::write: {
      const std::span<const iovec> parts = transfer_.next();
      io_uring_prep_writev2(&entry, descriptor_, parts.data(), static_cast<unsigned>(parts.size()),
                            transfer_.offset(), operation.durable ? RWF_DSYNC : 0);
      return;
    }
    case FileVerb::sync_data: return io_uring_prep_fsync(&entry, descriptor_, IORING_FSYNC_DATASYNC);
    case FileVerb::punch_hole:
    case FileVerb::zero_range: {
      const bool punch = operation.verb == FileVerb::punch_hole && !zero_instead_;
      const int mode = FALLOC_FL_KEEP_SIZE | (punch ? FALLOC_FL_PUNCH_HOLE : FALLOC_FL_ZERO_RANGE);
      return io_uring_prep_fallocate(&entry, descriptor_, mode, static_cast<off_t>(operation.offset),
                                     static_cast<off_t>(operation.length));
    }
    case FileVerb::clone_range:
    case FileVerb::find_extent: break;
  }
  check_failed("a verb of the ring", __FILE__, __LINE__, "");
}

void DiskRequest::completed(int32_t result, bool /*more*/) {
  if (continue_after(result)) {
    loop_.ring().start(*this);
    return;
  }
  const bool transfers = operation_->verb == FileVerb::read || operation_->verb == FileVerb::write;
  if (result < 0) return finish(result);
  finish(transfers ? static_cast<int64_t>(transfer_.done()) : 0);
}

bool DiskRequest::continue_after(int32_t result) {
  // A sync that failed is never asked again: the second would succeed, though the data are lost.
  if (operation_->verb == FileVerb::sync_data) return false;
  if ((result == -EAGAIN || result == -EINTR) && ++retries_ <= max_retries) return true;
  // A device that cannot unmap to zeroes must still read as zeroes after it.
  if (result == -EOPNOTSUPP && block_device_ && operation_->verb == FileVerb::punch_hole && !zero_instead_) {
    zero_instead_ = true;
    return true;
  }
  const bool transfers = operation_->verb == FileVerb::read || operation_->verb == FileVerb::write;
  if (result <= 0 || !transfers) return false;
  transfer_.advance(static_cast<uint64_t>(result));
  return !transfer_.finished();
}

void DiskRequest::finish(int64_t result) {
  FileOperation& operation = *operation_;
  // Zero bytes written with some left to write is no success (pwrite(2) does not say what it is).
  const bool stuck = operation.verb == FileVerb::write && result >= 0 && !transfer_.finished();
  operation.result = stuck ? -EIO : result;
  operation_ = nullptr;
  loop_.disk_requests().give_back(*this);
  loop_.post(operation);
}

DiskRequests::DiskRequests(RealLoop& loop) : loop_(loop) {
  free_.reserve(2 * made_at_start);
  for (size_t i = 0; i < made_at_start; ++i) free_.push_back(&all_.emplace_back(loop));
}

DiskRequest& DiskRequests::take() {
  if (free_.empty()) return all_.emplace_back(loop_);
  DiskRequest& request = *free_.back();
  free_.pop_back();
  return request;
}

}  // namespace ashlar::loop
