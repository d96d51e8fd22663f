#include "stores/file_channel.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace ashlar::stores {
namespace {

using block::Operation;
using block::Request;
using block::Status;
using loop::FileVerb;
using Step = FileWork::Step;

// What a write of zeroes writes: one block, many times over.
constexpr uint64_t zero_block_bytes = 64 << 10;
alignas(4096) const std::array<uint8_t, zero_block_bytes> zero_block{};
using ZeroParts = std::array<iovec, FileChannel::max_written_zeroes_bytes / zero_block_bytes>;
iovec zero_part(uint64_t bytes) { return {const_cast<uint8_t*>(zero_block.data()), bytes}; }
const ZeroParts& zero_parts() {
  static const ZeroParts parts = [] {
    ZeroParts made;
    made.fill(zero_part(zero_block_bytes));
    return made;
  }();
  return parts;
}

// Which errors are of this place, which of the whole device, and which will pass (the host tries again after ABORTED).
Status status_of(int64_t result) {
  switch (-result) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG: return Status::no_space;
    case ENODEV:
    case ENXIO:
    case ENOMEDIUM:
    case ESHUTDOWN:
    case EBADF:
    case EROFS: return Status::device_failed;
    case ENOMEM:
    case EAGAIN:
    case EINTR:
    case EBUSY:
    case ENOBUFS: return Status::aborted;
    default: return Status::medium_error;
  }
}

bool not_known(int64_t result) { return result == -EOPNOTSUPP || result == -ENOSYS || result == -ENOTTY; }

enum class Direction { from_memory, to_memory };  // of the request's pieces

// Copies between linear memory and the bytes [from, from+length) of the pieces.
void copy_pieces(std::span<const iovec> parts, uint64_t from, uint64_t length, uint8_t* memory,
                 Direction direction) {
  for (const iovec& part : parts) {
    if (length == 0) return;
    if (from >= part.iov_len) {
      from -= part.iov_len;
      continue;
    }
    const uint64_t count = std::min<uint64_t>(part.iov_len - from, length);
    uint8_t* piece = static_cast<uint8_t*>(part.iov_base) + from;
    direction == Direction::from_memory ? std::memcpy(piece, memory, count)
                                        : std::memcpy(memory, piece, count);
    memory += count;
    length -= count;
    from = 0;
  }
}

}  // namespace

void FileWork::run() { channel->ended(*this); }

void FileWork::synced(int64_t outcome) {
  // Another channel's sync may have got the error that was meant for both.
  if (outcome < 0 || channel->shared_->failed.load()) {
    channel->fail_device(*this, outcome);
    return channel->finish(*this, Status::device_failed);
  }
  channel->finish(*this, Status::ok);
}

FileChannel::FileChannel(loop::Loop& loop, std::shared_ptr<FileShared> shared)
    : loop_(loop),
      shared_(std::move(shared)),
      file_(shared_->file->on(loop)),
      syncs_(shared_->home_syncs ? SyncGroup(shared_->home_syncs, loop) : SyncGroup(*file_)),
      limits_(shared_->limits, shared_->size_bytes),
      works_(std::make_unique<FileWork[]>(max_works)) {
  free_.reserve(max_works);
  for (uint32_t i = max_works; i > 0; --i) free_.push_back(&works_[i - 1]);
  if (file_->traits().memory_alignment > 1) reserve_page_ = std::make_unique<Page>();
}

FileChannel::~FileChannel() {
  CHECK(free_.size() == max_works, "{} closed with requests in flight", shared_->path);
}

void FileChannel::submit(Request& request) {
  if (free_.empty()) return waiting_requests_.push_back(request);
  begin(request);
}

bool FileChannel::needs_bounce(const Request& request) const {
  const loop::File::Traits& traits = file_->traits();
  if (traits.memory_alignment <= 1) return false;
  const uintptr_t memory_mask = traits.memory_alignment - 1;
  const uintptr_t length_mask = traits.offset_alignment - 1;
  return std::ranges::any_of(request.parts, [&](const iovec& part) {
    return (reinterpret_cast<uintptr_t>(part.iov_base) & memory_mask) != 0 ||
           (part.iov_len & length_mask) != 0;
  });
}

// O_DIRECT writes with RWF_DSYNC do all in one call. Zeroing has no such flag; and a buffered write is separated from its
// sync, so that ENOSPC of the write (nothing is lost) and ENOSPC of the write-back (something is) stay apart.
bool FileChannel::needs_sync(const Request& request) const {
  if (!request.durable) return false;
  return request.operation == Operation::write_zeroes || request.operation == Operation::clone ||
         (request.operation == Operation::write && !file_->traits().direct);
}

std::shared_ptr<block::CloneSource> FileChannel::clone_source() {
  if (!shared_->can_clone.load(std::memory_order_relaxed)) return nullptr;
  auto source = std::make_shared<FileCloneSource>();
  source->file = shared_->file->on(loop_);
  return source;
}

bool FileChannel::can_clone(const Request& request) const {
  return shared_->can_clone.load(std::memory_order_relaxed) &&
         dynamic_cast<FileCloneSource*>(request.clone_source) != nullptr;
}

void FileChannel::begin(Request& request) {
  if (shared_->failed.load(std::memory_order_relaxed)) return request.complete(Status::device_failed);
  if (request.operation == Operation::clone && !can_clone(request))
    return request.complete(Status::unsupported);
  FileWork& work = *free_.back();
  free_.pop_back();
  work.channel = this;
  work.request = &request;
  work.done = 0;
  switch (request.operation) {
    case Operation::read:
    case Operation::write: work.step = needs_bounce(request) ? Step::bounced : Step::transfer; break;
    case Operation::flush: work.step = Step::sync; break;
    case Operation::discard: work.step = Step::punch; break;
    case Operation::write_zeroes:
      work.step = request.may_discard && shared_->thin && shared_->can_punch && limits().discard_zeroes
                      ? Step::punch
                  : shared_->can_zero ? Step::zero
                                      : Step::write_zeroes;
      break;
    case Operation::find_extent: work.step = Step::extent; break;
    case Operation::clone: work.step = Step::clone; break;
  }
  next(work);
}

void FileChannel::start(FileWork& work, FileVerb verb, uint64_t offset, uint64_t length,
                        std::span<const iovec> parts) {
  work.verb = verb;
  work.durable = verb == FileVerb::write && work.request->durable && !needs_sync(*work.request);
  work.offset = offset;
  work.length = length;
  work.parts = parts;
  file_->submit(work);
}

void FileChannel::next(FileWork& work) {
  const Request& request = *work.request;
  switch (work.step) {
    case Step::transfer:
      return start(work, request.operation == Operation::read ? FileVerb::read : FileVerb::write,
                   request.offset, request.length, request.parts);
    case Step::bounced: return next_bounced(work);
    case Step::punch:
    case Step::zero:
    case Step::write_zeroes: return next_zeroing(work);
    case Step::clone:
      work.clone_source = static_cast<FileCloneSource*>(request.clone_source)->file.get();
      work.clone_source_offset = request.clone_source_offset;
      return start(work, FileVerb::clone_range, request.offset, request.length, {});
    case Step::extent:
      return start(work, FileVerb::find_extent, request.offset, limits().size_bytes - request.offset, {});
    case Step::sync: return syncs_.join(work);
  }
}

bool FileChannel::take_bounce(FileWork& work) {
  const uint64_t left = work.request->length - work.done;
  const auto vacant = std::ranges::find(bounces_, 0u, &Bounce::capacity);
  if (vacant != bounces_.end()) {
    for (const uint32_t limit : {max_bounce_bytes, 32u << 10, 4096u}) {
      const auto bytes = static_cast<uint32_t>(std::min<uint64_t>(left, limit));
      if (!loop_.buffers().allocate(vacant->buffer, bytes)) continue;
      vacant->memory = static_cast<uint8_t*>(vacant->buffer.segments()[0].iov_base);
      vacant->capacity = bytes;
      work.bounce = &*vacant;
      return true;
    }
  }
  if (!reserve_page_)
    reserve_page_ = std::make_unique<Page>();  // a short transfer without O_DIRECT: as rare as it is slow
  if (reserve_.capacity != 0) return false;
  reserve_.memory = reserve_page_->bytes;
  reserve_.capacity = reserve_bytes;
  work.bounce = &reserve_;
  return true;
}

void FileChannel::next_bounced(FileWork& work) {
  if (work.bounce == nullptr && !take_bounce(work)) return waiting_works_.push_back(work);
  const Request& request = *work.request;
  const bool read = request.operation == Operation::read;
  const uint64_t bytes = std::min<uint64_t>(work.bounce->capacity, request.length - work.done);
  if (!read) copy_pieces(request.parts, work.done, bytes, work.bounce->memory, Direction::to_memory);
  work.piece = {work.bounce->memory, bytes};
  start(work, read ? FileVerb::read : FileVerb::write, request.offset + work.done, bytes, {&work.piece, 1});
}

void FileChannel::next_zeroing(FileWork& work) {
  const Request& request = *work.request;
  const uint64_t offset = request.offset + work.done;
  const uint64_t left = request.length - work.done;
  if (work.step != Step::write_zeroes) {
    return start(work, work.step == Step::punch ? FileVerb::punch_hole : FileVerb::zero_range, offset,
                 std::min(left, max_zeroing_bytes), {});
  }
  if (left < zero_block_bytes) {
    work.piece = zero_part(left);
    return start(work, FileVerb::write, offset, left, {&work.piece, 1});
  }
  const uint64_t count = std::min<uint64_t>(left / zero_block_bytes, zero_parts().size());
  start(work, FileVerb::write, offset, count * zero_block_bytes, std::span(zero_parts()).first(count));
}

void FileChannel::ended(FileWork& work) {
  if (work.result < 0) return error(work, work.result);
  switch (work.step) {
    case Step::transfer:
    case Step::bounced:
    case Step::write_zeroes: return moved(work);
    case Step::punch:
    case Step::clone:
    case Step::zero: return advanced(work, work.length);
    case Step::extent: return extent_found(work);
    case Step::sync: break;
  }
  CHECK(false, "a sync ended by itself: {}", work.request->describe());
}

// A read or write told how many bytes. Fewer than asked means the end of the file or a reason that the next call will
// name: go on behind them, with a bounce, whose pieces may begin anywhere.
void FileChannel::moved(FileWork& work) {
  const auto result = static_cast<uint64_t>(work.result);
  const uint64_t bytes =
      result >= work.length ? work.length : result / limits().block_bytes * limits().block_bytes;
  if (bytes == 0) return error(work, -EIO);
  if (work.step == Step::bounced && work.request->operation == Operation::read) {
    copy_pieces(work.request->parts, work.done, bytes, work.bounce->memory, Direction::from_memory);
  }
  if (work.step == Step::transfer && bytes < work.length) work.step = Step::bounced;
  advanced(work, bytes);
}

void FileChannel::advanced(FileWork& work, uint64_t bytes) {
  work.done += bytes;
  if (work.done < work.request->length) return next(work);
  if (!needs_sync(*work.request)) return finish(work, Status::ok);
  work.step = Step::sync;
  next(work);
}

void FileChannel::extent_found(FileWork& work) {
  Request& request = *work.request;
  const uint64_t block = limits().block_bytes;
  const uint64_t size = limits().size_bytes;
  const uint64_t rest =
      size > request.offset ? size - request.offset : block;  // it may have shrunk meanwhile
  const uint64_t found = std::min(static_cast<uint64_t>(work.result), rest);
  // The file system's blocks need not be ours: a block of which a part is there counts as there.
  const uint64_t whole = found / block * block;
  request.extent_allocated = work.extent_allocated || whole == 0;
  request.extent_length =
      work.extent_allocated ? std::min((found + block - 1) / block * block, rest) : std::max(whole, block);
  finish(work, Status::ok);
}

// True when the request goes on by another way.
bool FileChannel::fall_back(FileWork& work, int64_t result) {
  if (work.step != Step::punch && work.step != Step::zero) return false;
  if (!not_known(result) && result != -EINVAL) return false;
  if (not_known(result)) (work.step == Step::punch ? shared_->can_punch : shared_->can_zero) = false;
  if (work.request->operation == Operation::discard && !limits().discard_zeroes) {
    finish(work, Status::ok);  // it was a hint, and nobody was promised zeroes
    return true;
  }
  work.step = work.step == Step::punch && shared_->can_zero ? Step::zero : Step::write_zeroes;
  next(work);
  return true;
}

// Another file system, a file system that shares nothing, ends that are not those of its blocks, no room for its maps: bytes can
// still be copied. What a device failed to do is told.
bool FileChannel::cannot_clone(FileWork& work, int64_t result) {
  if (work.step != Step::clone) return false;
  if (not_known(result)) shared_->can_clone = false;
  const bool copy_instead = not_known(result) || result == -EINVAL || result == -EXDEV || result == -EPERM ||
                            result == -ETXTBSY || result == -ENOSPC;
  if (copy_instead) finish(work, Status::unsupported);
  return copy_instead;
}

void FileChannel::error(FileWork& work, int64_t result) {
  if (fall_back(work, result) || cannot_clone(work, result)) return;
  Request& request = *work.request;
  if (work.step == Step::extent && (not_known(result) || result == -EINVAL)) {
    request.extent_allocated = true;  // not told: the safe answer is that there may be data
    request.extent_length = limits().size_bytes - request.offset;
    return finish(work, Status::ok);
  }
  Status status = status_of(result);
  // Whether it was the write or its sync that failed is not told: take it for the worse.
  if (work.durable && status == Status::medium_error) status = Status::device_failed;
  status == Status::device_failed ? fail_device(work, result) : log_failure(work, result);
  finish(work, status);
}

void FileChannel::fail_device(const FileWork& work, int64_t result) {
  if (shared_->failed.exchange(true)) return;
  log_error(shared_->component,
            "device failed for good: what was not flushed may be lost path={} request=\"{}\" error=\"{}\"",
            shared_->path, work.request->describe(), std::strerror(static_cast<int>(-result)));
}

void FileChannel::log_failure(const FileWork& work, int64_t result) {
  if (!log_limiter_.allow(static_cast<uint64_t>(loop_.now().nanoseconds))) return;
  log_warning(shared_->component,
              "request failed path={} request=\"{}\" at_byte={} error=\"{}\" not_shown={}", shared_->path,
              work.request->describe(), work.done, std::strerror(static_cast<int>(-result)),
              log_limiter_.suppressed());
}

void FileChannel::finish(FileWork& work, Status status) {
  if (work.bounce != nullptr) {
    work.bounce->buffer.release();
    work.bounce->capacity = 0;
    work.bounce = nullptr;
  }
  Request& request = *work.request;
  work.request = nullptr;
  free_.push_back(&work);
  request.complete(status);
  if (!waiting_works_.empty()) next_bounced(static_cast<FileWork&>(waiting_works_.pop_front()));
  while (!waiting_requests_.empty() && !free_.empty())
    begin(static_cast<Request&>(waiting_requests_.pop_front()));
}

}  // namespace ashlar::stores
