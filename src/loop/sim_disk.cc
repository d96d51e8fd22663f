#include "loop/sim_disk.h"

#include <cerrno>

#include "loop/sim_file.h"
#include "loop/sim_world.h"

namespace ashlar::loop {

SimDisk::SimDisk(SimWorld& world, SimMachine& machine, uint64_t seed)
    : world_(world), machine_(machine), random_(seed) {}

void SimDisk::add_block_device(const std::string& path, uint64_t size_bytes) {
  auto inode = std::make_shared<SimInode>();
  inode->path = path;
  inode->block_device = true;
  inode->content.resize(size_bytes);
  inode->content.completed(1, 0);
  inode->content.sync(0, random_);
  files_[path] = std::move(inode);
}

std::shared_ptr<SimInode> SimDisk::find(const std::string& path) const {
  const auto found = files_.find(path);
  return found == files_.end() ? nullptr : found->second;
}

uint64_t SimDisk::allocated_bytes() const {
  uint64_t total = 0;
  for (const auto& [path, inode] : files_) total += inode->content.current().allocated_bytes();
  return total;
}

Nanoseconds SimDisk::latency(FileVerb verb) {
  Nanoseconds span;
  switch (verb) {
    case FileVerb::read:
    case FileVerb::find_extent: span = random_.between(settings_.read_min, settings_.read_max); break;
    case FileVerb::sync_data: span = random_.between(settings_.sync_min, settings_.sync_max); break;
    default: span = random_.between(settings_.write_min, settings_.write_max);
  }
  if (random_.chance(settings_.slow_chance)) span += random_.between(Nanoseconds(0), settings_.slow_max);
  if (stalled_until_ > world_.now()) span += stalled_until_ - world_.now();
  return span;
}

Result<std::unique_ptr<File>> SimDisk::open(SimLoop& loop, const std::string& path,
                                            const OpenOptions& options) {
  const auto failed = [&](int error) { return std::unexpected(error_of_errno(error, path, "open")); };
  if (!loop.process().live()) return failed(EIO);
  std::shared_ptr<SimInode> inode = find(path);
  if (!inode) {
    if (!options.create) return failed(ENOENT);
    // The name is durable at once; the engine's own fsync of the folder is not modelled.
    inode = std::make_shared<SimInode>();
    inode->path = path;
    files_[path] = inode;
  }
  if (options.exclusive && options.writable && inode->locked_by != 0) return failed(EBUSY);
  auto open = std::make_shared<SimFile::Open>(*this, inode, next_open_++);
  if (options.exclusive && options.writable) {
    inode->locked_by = open->id;
    inode->locked_in = &loop.process();
  }
  open->writable = options.writable;
  File::Traits& traits = open->traits;
  traits.size_bytes = inode->content.current().size();
  traits.direct =
      settings_.direct && options.prefer_direct && options.block_bytes % settings_.alignment_bytes == 0;
  traits.memory_alignment = traits.offset_alignment = traits.direct ? settings_.alignment_bytes : 1;
  traits.block_device = inode->block_device;
  traits.rotational = settings_.rotational;
  traits.logical_block_bytes = settings_.alignment_bytes;
  traits.physical_block_bytes = SimImage::page_bytes;
  traits.discard_granularity_bytes = settings_.punch_hole ? SimImage::page_bytes : 0;
  traits.zero_range = settings_.zero_range;
  return std::make_unique<SimFile>(loop, std::move(open));
}

Result<void> SimDisk::remove(SimLoop& loop, const std::string& path) {
  const int error = !loop.process().live() ? EIO : !files_.contains(path) ? ENOENT : 0;
  if (error != 0) return std::unexpected(error_of_errno(error, path, "remove"));
  files_.erase(path);
  return {};
}

void SimDisk::take_off(const std::shared_ptr<SimFlight>& flight) { flights_[flight->submitted] = flight; }
void SimDisk::land(const SimFlight& flight) { flights_.erase(flight.submitted); }

void SimDisk::process_died(SimProcess& process) {
  for (const auto& [submitted, flight] : flights_) {
    if (&flight->loop->process() == &process) flight->end_partially(*this);
  }
  for (const auto& [path, inode] : files_) {
    if (inode->locked_in == &process) inode->locked_by = 0;
  }
}

void SimDisk::power_lost() {
  for (const auto& [path, inode] : files_) inode->content.power_lost(random_);
}

}  // namespace ashlar::loop
