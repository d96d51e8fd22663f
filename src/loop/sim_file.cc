#include "loop/sim_file.h"

#include <algorithm>
#include <cerrno>

#include "loop/sim_world.h"

namespace ashlar::loop {
namespace {

// Calls `use(memory, file_offset)` for each piece of the operation's parts within its bytes [from, to).
template <typename Use>
void over_parts(const FileOperation& operation, uint64_t from, uint64_t to, Use use) {
  uint64_t start = 0;
  for (const iovec& part : operation.parts) {
    const uint64_t begin = std::max(start, from);
    const uint64_t end = std::min(start + part.iov_len, to);
    if (begin < end)
      use(Bytes(static_cast<uint8_t*>(part.iov_base) + (begin - start), end - begin),
          operation.offset + begin);
    start += part.iov_len;
  }
}

double error_chance(const SimDisk::Settings& settings, FileVerb verb) {
  switch (verb) {
    case FileVerb::read:
    case FileVerb::find_extent: return settings.read_error;
    case FileVerb::write: return settings.write_error;
    case FileVerb::sync_data: return settings.sync_error;
    case FileVerb::punch_hole:
    case FileVerb::clone_range:
    case FileVerb::zero_range: return settings.zero_error;
  }
  return 0;
}

// The end: tells the owner. Unless its process died meanwhile, what the flight changed now counts as complete.
void land(SimDisk& disk, SimFlight& flight) {
  disk.land(flight);
  if (!flight.over && flight.error == 0) flight.advance(UINT64_MAX, disk);
  const uint64_t sequence = disk.next_sequence();
  for (const uint64_t change : flight.changes) flight.inode->content.completed(change, sequence);
  FileOperation& operation = *flight.operation;
  if (!flight.loop->process().live()) {
    operation.result = -EIO;
  } else if (flight.error != 0) {
    operation.result = -flight.error;
  }
  flight.loop->deliver(operation);
}

}  // namespace

void SimFlight::read_some(uint64_t to) {
  const SimImage& image = inode->content.current();
  const uint64_t there = image.size() > operation->offset ? image.size() - operation->offset : 0;
  to = std::min(to, there);
  over_parts(*operation, done_bytes, to, [&](Bytes memory, uint64_t offset) { image.read(offset, memory); });
  done_bytes = std::max(done_bytes, to);
  operation->result = static_cast<int64_t>(done_bytes);
}

void SimFlight::write_some(uint64_t to) {
  over_parts(*operation, done_bytes, to, [&](Bytes memory, uint64_t offset) {
    changes.push_back(inode->content.write(offset, memory, operation->durable && error == 0 && !over));
  });
  done_bytes = to;
  operation->result = static_cast<int64_t>(done_bytes);
}

void SimFlight::find_extent() {
  const SimImage& image = inode->content.current();
  operation->extent_allocated = image.allocated(operation->offset);
  uint64_t end = operation->offset - operation->offset % SimImage::page_bytes;
  do {
    end += SimImage::page_bytes;
  } while (end < image.size() && image.allocated(end) == operation->extent_allocated);
  end = std::min(end, image.size());
  operation->result = end > operation->offset ? static_cast<int64_t>(end - operation->offset) : -ENXIO;
}

void SimFlight::advance(uint64_t limit, SimDisk& disk) {
  SimContent& content = inode->content;
  const uint64_t to = operation->length - done_bytes > limit ? done_bytes + limit : operation->length;
  switch (operation->verb) {
    case FileVerb::read: return read_some(to);
    case FileVerb::write: return write_some(to);
    case FileVerb::find_extent: return find_extent();
    case FileVerb::clone_range: return;  // refused before
    case FileVerb::sync_data: operation->result = 0; return content.sync(submitted, disk.random());
    case FileVerb::punch_hole:
    case FileVerb::zero_range: {
      const uint64_t end =
          std::min(operation->offset + operation->length, content.current().size());  // KEEP_SIZE
      operation->result = 0;
      if (end <= operation->offset) return;
      changes.push_back(
          content.zero(operation->offset, end - operation->offset, operation->verb == FileVerb::punch_hole));
    }
  }
}

void SimFlight::end_partially(SimDisk& disk) {
  if (over) return;
  SimRandom& random = disk.random();
  const uint64_t fate = random.below(3);
  over = true;
  if (operation->verb == FileVerb::sync_data) {
    if (fate == 0) inode->content.sync(submitted, random);
    return;
  }
  if (operation->verb == FileVerb::read || operation->verb == FileVerb::find_extent || fate == 0) return;
  if (operation->verb == FileVerb::write && fate == 1) {
    const uint64_t sectors = (operation->length - done_bytes) / SimContent::sector_bytes;
    return advance(random.below(sectors + 1) * SimContent::sector_bytes, disk);
  }
  advance(UINT64_MAX, disk);
}

int SimFile::refusal(const FileOperation& operation) const {
  const Traits& traits = open_->traits;
  const bool transfer = operation.verb == FileVerb::read || operation.verb == FileVerb::write;
  if (!loop_.process().live()) return EIO;
  if (operation.verb != FileVerb::read && operation.verb != FileVerb::find_extent && !open_->writable)
    return EBADF;
  if (operation.verb == FileVerb::clone_range) return EOPNOTSUPP;
  if (operation.verb == FileVerb::punch_hole && traits.discard_granularity_bytes == 0) return EOPNOTSUPP;
  if (operation.verb == FileVerb::zero_range && !traits.zero_range) return EOPNOTSUPP;
  if (!transfer) return 0;
  uint64_t total = 0;
  for (const iovec& part : operation.parts) {
    if (reinterpret_cast<uintptr_t>(part.iov_base) % traits.memory_alignment != 0) return EINVAL;
    if (part.iov_len % traits.offset_alignment != 0) return EINVAL;
    total += part.iov_len;
  }
  if (total != operation.length || operation.offset % traits.offset_alignment != 0) return EINVAL;
  const SimContent& content = open_->inode->content;
  const uint64_t end = operation.offset + operation.length;
  if (operation.verb == FileVerb::write && traits.block_device && end > content.current().size())
    return ENOSPC;
  if (operation.verb == FileVerb::write && open_->disk.settings().capacity_bytes != UINT64_MAX) {
    const uint64_t wanted = content.current().missing_bytes(operation.offset, operation.length);
    if (wanted > 0 && open_->disk.allocated_bytes() + wanted > open_->disk.settings().capacity_bytes)
      return ENOSPC;
  }
  return 0;
}

void SimFile::submit(FileOperation& operation) {
  SimDisk& disk = open_->disk;
  SimRandom& random = disk.random();
  auto flight = std::make_shared<SimFlight>();
  flight->operation = &operation;
  flight->loop = &loop_;
  flight->inode = open_->inode;
  flight->submitted = disk.next_sequence();
  operation.result = 0;
  const Nanoseconds latency = disk.latency(operation.verb);
  SimWorld& world = disk.world();
  if (const int error = refusal(operation); error != 0) {
    flight->error = error;
    flight->over = true;
  } else if (random.chance(error_chance(disk.settings(), operation.verb))) {
    flight->error = EIO;
    flight->end_partially(disk);
    if (operation.verb == FileVerb::sync_data) flight->inode->content.sync_failed(random);
  } else if (operation.length > SimContent::sector_bytes && random.chance(disk.settings().split_chance)) {
    const Nanoseconds early(static_cast<int64_t>(random.below(static_cast<uint64_t>(latency.count()))));
    const uint64_t limit =
        random.below(operation.length / SimContent::sector_bytes) * SimContent::sector_bytes;
    const bool transfer = operation.verb == FileVerb::read || operation.verb == FileVerb::write;
    if (transfer) {
      world.after(early, SimEvent::disk_effect, flight->submitted, [flight, limit, &disk] {
        if (!flight->over) flight->advance(limit, disk);
      });
    }
  }
  disk.take_off(flight);
  world.after(latency, SimEvent::disk_done, flight->submitted, [flight, &disk] { land(disk, *flight); });
}

std::unique_ptr<File> SimFile::on(Loop& shard) {
  return std::make_unique<SimFile>(static_cast<SimLoop&>(shard), open_);
}

Task<Result<void>> SimFile::resize(uint64_t bytes, bool allocate) {
  const std::shared_ptr<Open> open = open_;
  SimLoop& loop = loop_;
  const Nanoseconds delay = open->disk.latency(FileVerb::sync_data);
  co_await sleep_for(delay);
  const std::string& path = open->inode->path;
  if (!loop.process().live()) co_return std::unexpected(error_of_errno(EIO, path, "resize"));
  if (open->traits.block_device || !open->writable)
    co_return std::unexpected(error_of_errno(EINVAL, path, "resize"));
  SimContent& content = open->inode->content;
  const uint64_t before = content.current().size();
  const uint64_t wanted =
      allocate && bytes > before ? content.current().missing_bytes(before, bytes - before) : 0;
  const uint64_t capacity = open->disk.settings().capacity_bytes;
  if (capacity != UINT64_MAX && open->disk.allocated_bytes() + wanted > capacity) {
    co_return std::unexpected(error_of_errno(ENOSPC, path, "resize"));
  }
  const uint64_t change = content.resize(bytes);
  if (wanted > 0) content.allocate(before, bytes - before);
  // The real one ends with an fsync: when it says so, the new size outlives the power.
  content.completed(change, open->disk.next_sequence());
  const Nanoseconds sync_delay = open->disk.latency(FileVerb::sync_data);
  co_await sleep_for(sync_delay);
  const bool failed = open->disk.random().chance(open->disk.settings().sync_error);
  if (failed) content.sync_failed(open->disk.random());
  if (failed || !loop.process().live()) co_return std::unexpected(error_of_errno(EIO, path, "resize"));
  content.sync(open->disk.next_sequence(), open->disk.random());
  co_return Result<void>{};
}

}  // namespace ashlar::loop
