#include "unit/copier.h"

#include <algorithm>

#include "unit/clearing.h"
#include "unit/range_lock_queue.h"

namespace ashlar::unit {

using block::Operation;
using block::Status;

Copier::~Copier() {
  CHECK(lanes_running_ == 0, "a copier destroyed while it copies");
  if (buffers_ != nullptr) budget_.leave(nexus_);
}

bool Copier::start(BufferPool& buffers) {
  if (!budget_.admit(nexus_)) return false;
  if (!buffers.allocate(lanes_[0].buffer, first_lane_bytes)) {
    budget_.leave(nexus_);
    return false;
  }
  buffers_ = &buffers;
  lane_count_ = 1;
  return true;
}

void Copier::take_lanes(uint64_t length) {
  while (lane_count_ < most_lanes && length > lane_count_ * lane_bytes && budget_.take_lane()) {
    if (!buffers_->allocate(lanes_[lane_count_].buffer, lane_bytes)) return budget_.give_lane();
    lanes_[lane_count_++].extra = true;
  }
}

void Copier::give_lanes() {
  while (lane_count_ > 1) {
    lanes_[--lane_count_].buffer.release();
    budget_.give_lane();
  }
}

void Copier::fail_at(uint64_t done, Status status, CopySide side) {
  CopyOutcome& outcome = piece_.outcome;
  if (outcome.status == Status::ok || done < outcome.done) outcome = {status, side, done};
}

block::Request& Copier::prepare(Lane& lane, Operation operation, uint64_t offset, uint64_t length) {
  lane.command.nexus = &nexus_;
  lane.command.range_lock = operation == Operation::read ? 0 : piece_.lock;
  return lane.command.prepare(operation, offset, length);
}

loop::Task<CopyOutcome> Copier::copy(CopyWork work) {
  CHECK(buffers_ != nullptr, "a copier that was not started");
  const bool entangled = work.source == work.destination &&
                         overlap(work.source_offset, work.length, work.destination_offset, work.length);
  const bool backwards = entangled && work.destination_offset > work.source_offset;
  may_clone_ = !entangled;
  if (!entangled) take_lanes(work.length);
  CopyOutcome outcome;
  while (outcome.status == Status::ok && outcome.done < work.length) {
    const uint64_t length = std::min(piece_bytes, work.length - outcome.done);
    const uint64_t offset = backwards ? work.length - outcome.done - length : outcome.done;
    auto locking = work.destination->lock_range(work.destination_offset + offset, length);
    const RangeLock lock = co_await locking;
    piece_ = {&work, offset, length, 0, lock.id, backwards, {Status::ok, CopySide::neither, length}};
    if (lock.id == 0) fail_at(0, Status::aborted, CopySide::destination);  // the unit closes
    auto running = run_piece();
    co_await running;
    if (lock.id != 0) work.destination->unlock_range(lock);
    const uint64_t before = outcome.done;
    outcome = piece_.outcome;
    outcome.done += before;
  }
  give_lanes();
  co_return outcome;
}

loop::Task<void> Copier::run_piece() {
  const CopyWork& work = *piece_.work;
  if (piece_.outcome.status != Status::ok) co_return;
  auto cloning = clone_piece();
  const bool cloned = co_await cloning;
  if (cloned || piece_.outcome.status != Status::ok) co_return;
  auto asking = is_hole(work, work.source_offset + piece_.offset, piece_.length);
  const bool hole = co_await asking;
  if (hole) {
    auto zeroing = zero_piece();
    co_await zeroing;
    co_return;
  }
  lanes_running_ = lane_count_;
  lanes_ended_.reset();
  for (size_t i = 0; i < lane_count_; ++i) run_lane(lanes_[i]).detach();
  co_await lanes_ended_;
}

// Where both units' stores can share extents, nothing is moved. Once they cannot, the rest of the work is not tried.
loop::Task<bool> Copier::clone_piece() {
  const CopyWork& work = *piece_.work;
  if (!may_clone_) co_return false;
  const std::shared_ptr<block::CloneSource> source = work.source->clone_source();
  if (!source || !work.destination->clone_source()) co_return false;
  if (!warden_.may_go_on()) co_return false;  // and the lanes say so
  Lane& lane = lanes_[0];
  block::Request& request =
      prepare(lane, Operation::clone, work.destination_offset + piece_.offset, piece_.length);
  request.clone_source = source.get();
  request.clone_source_offset = work.source_offset + piece_.offset;
  DirectWork sending({*work.destination, lane.command});
  const Status status = co_await sending;
  request.clone_source = nullptr;
  if (status == Status::ok) {
    bytes_done_ += piece_.length;
    co_return true;
  }
  may_clone_ = false;
  if (status != Status::unsupported) fail_at(0, status, CopySide::destination);
  co_return false;
}

// What is not allocated reads as zeroes: so a thin copy of a thin volume stays thin.
loop::Task<bool> Copier::is_hole(const CopyWork& work, uint64_t offset, uint64_t length) {
  const block::Limits& limits = work.source->limits();
  if (!limits.find_extent || !limits.discard_zeroes || !work.destination->limits().discard_zeroes ||
      !warden_.may_go_on())
    co_return false;
  Lane& lane = lanes_[0];
  prepare(lane, Operation::find_extent, offset, length);
  lane.command.range_lock = 0;
  DirectWork sending({*work.source, lane.command});
  const Status status = co_await sending;
  const block::Request& answer = lane.command.request;
  co_return status == Status::ok && !answer.extent_allocated && answer.extent_length >= length;
}

loop::Task<void> Copier::zero_piece() {
  LogicalUnit& unit = *piece_.work->destination;
  const uint64_t most = clearing_piece_bytes(unit.limits(), 4096);
  for (uint64_t done = 0; done < piece_.length;) {
    if (!warden_.may_go_on()) {
      fail_at(done, Status::aborted, CopySide::neither);
      co_return;
    }
    const uint64_t length = std::min(most, piece_.length - done);
    prepare(lanes_[0], Operation::write_zeroes, piece_.work->destination_offset + piece_.offset + done,
            length)
        .may_discard = unit.geometry().thin;
    DirectWork sending({unit, lanes_[0].command});
    const Status status = co_await sending;
    if (status != Status::ok) {
      fail_at(done, status, CopySide::destination);
      co_return;
    }
    bytes_done_ += length;
    done += length;
  }
}

loop::Task<void> Copier::run_lane(Lane& lane) {
  const CopyWork& work = *piece_.work;
  const uint64_t most =
      std::min({uint64_t{lane.buffer.size()}, uint64_t{work.source->limits().max_transfer_bytes},
                uint64_t{work.destination->limits().max_transfer_bytes}});
  while (piece_.given_out < piece_.length && piece_.outcome.status == Status::ok) {
    const uint64_t done = piece_.given_out;
    const uint64_t length = std::min(most, piece_.length - done);
    piece_.given_out += length;
    const uint64_t in_piece = piece_.backwards ? piece_.length - done - length : done;
    auto copying = copy_chunk(lane, done, piece_.offset + in_piece, length);
    co_await copying;
  }
  if (--lanes_running_ == 0) lanes_ended_.set();
}

loop::Task<void> Copier::copy_chunk(Lane& lane, uint64_t done, uint64_t at, uint64_t length) {
  const CopyWork& work = *piece_.work;
  const size_t count = lane.buffer.slice(0, static_cast<uint32_t>(length), lane.parts);
  const std::span<const iovec> parts = std::span(lane.parts).first(count);
  if (!warden_.may_go_on()) {
    fail_at(done, Status::aborted, CopySide::neither);
    co_return;
  }
  prepare(lane, Operation::read, work.source_offset + at, length).parts = parts;
  DirectWork reading({*work.source, lane.command});
  const Status read = co_await reading;
  if (read != Status::ok) {
    fail_at(done, read, CopySide::source);
    co_return;
  }
  if (!warden_.may_go_on()) {
    fail_at(done, Status::aborted, CopySide::neither);
    co_return;
  }
  prepare(lane, Operation::write, work.destination_offset + at, length).parts = parts;
  DirectWork writing({*work.destination, lane.command});
  const Status written = co_await writing;
  if (written != Status::ok) {
    fail_at(done, written, CopySide::destination);
    co_return;
  }
  bytes_done_ += length;
}

loop::Task<CopyOutcome> Copier::write_zeroes(std::shared_ptr<LogicalUnit> unit, uint64_t offset,
                                             uint64_t length) {
  CHECK(buffers_ != nullptr, "a copier that was not started");
  CopyWork work;
  work.destination = std::move(unit);
  work.destination_offset = offset;
  CopyOutcome outcome;
  while (outcome.status == Status::ok && outcome.done < length) {
    constexpr uint64_t longest = 64u << 20;  // nothing goes through memory: fewer locks
    const uint64_t now = std::min(longest, length - outcome.done);
    auto locking = work.destination->lock_range(offset + outcome.done, now);
    const RangeLock lock = co_await locking;
    piece_ = {&work, outcome.done, now, 0, lock.id, false, {Status::ok, CopySide::neither, now}};
    if (lock.id == 0) {
      fail_at(0, Status::aborted, CopySide::destination);
    } else {
      auto zeroing = zero_piece();
      co_await zeroing;
      work.destination->unlock_range(lock);
    }
    const uint64_t before = outcome.done;
    outcome = piece_.outcome;
    outcome.done += before;
  }
  co_return outcome;
}

}  // namespace ashlar::unit
