// Lying files: each operation passes through a relay that may change it on its way down or its result on its way up.
#include <cerrno>
#include <cstring>
#include <functional>
#include <map>

#include "base/bytes.h"
#include "base/check.h"
#include "loop/sim_loop.h"
#include "loop/sim_random.h"
#include "sim/plant.h"

namespace ashlar::simulation {
namespace {

using loop::File;
using loop::FileOperation;
using loop::FileVerb;

class FilePlant;

// An operation on its way down. Owned by the plant, not by the file: some of these outlive it.
class Relay final : public FileOperation {
 public:
  explicit Relay(FilePlant& owner) : plant(owner) {}
  void run() override;
  FilePlant& plant;
  FileOperation* original = nullptr;  // null once it was answered
  bool in_use = false;
  std::vector<uint8_t> copy;  // of the data, aligned below
  iovec piece{};
};

enum class Lie : uint8_t {
  sync_lies,
  durable_dropped,
  write_misplaced,
  write_lost,
  write_torn,
  read_stale,
  read_misplaced,
  error_swallowed,
  zeroes_ignored,
  early_good,
  zombie_write
};

class FilePlant final : public Plant {
 public:
  FilePlant(Lie lie, uint64_t seed) : lie_(lie), random_(loop::mix64(seed ^ 0x6c6965)) {}
  void install(loop::SimWorld& world, block::Registry& registry) override;
  /// True when the operation was answered here and does not go down.
  bool start(Relay& relay, File& file);
  void ended(Relay& relay);
  Relay& take();
  void old_content(File& file, const FileOperation& write);

 private:
  void answer_now(Relay& relay, int64_t result);
  void copy_data(Relay& relay);
  bool serve_stale(Relay& relay);

  const Lie lie_;
  loop::SimRandom random_;
  loop::SimWorld* world_ = nullptr;
  std::vector<std::unique_ptr<Relay>> relays_;
  std::map<const File*, std::string> paths_;
  std::map<std::pair<std::string, uint64_t>, std::vector<uint8_t>>
      before_;  // (path, offset): what the last write replaced

 public:
  void name(const File* file, std::string path) { paths_[file] = std::move(path); }
  void forget(const File* file) { paths_.erase(file); }
  const std::string& path_of(const File* file) const { return paths_.at(file); }
};

void Relay::run() { plant.ended(*this); }

class LyingFile final : public File {
 public:
  LyingFile(FilePlant& plant, std::unique_ptr<File> below, const std::string& path)
      : plant_(plant), below_(std::move(below)) {
    plant_.name(below_.get(), path);
  }
  ~LyingFile() override { plant_.forget(below_.get()); }
  const Traits& traits() const override { return below_->traits(); }
  uint64_t size() const override { return below_->size(); }
  void submit(FileOperation& operation) override {
    Relay& relay = plant_.take();
    relay.original = &operation;
    relay.verb = operation.verb;
    relay.durable = operation.durable;
    relay.parts = operation.parts;
    relay.offset = operation.offset;
    relay.length = operation.length;
    if (!plant_.start(relay, *below_)) below_->submit(relay);
  }
  std::unique_ptr<File> on(loop::Loop& shard) override {
    return std::make_unique<LyingFile>(plant_, below_->on(shard), plant_.path_of(below_.get()));
  }
  loop::Task<Result<void>> resize(uint64_t bytes, bool allocate) override {
    return below_->resize(bytes, allocate);
  }

 private:
  FilePlant& plant_;
  std::unique_ptr<File> below_;
};

void FilePlant::install(loop::SimWorld& world, block::Registry& /*registry*/) {
  world_ = &world;
  world.interpose_file = [this](std::unique_ptr<File> file, loop::SimLoop& /*loop*/,
                                const std::string& path) {
    return std::make_unique<LyingFile>(*this, std::move(file), path);
  };
}

Relay& FilePlant::take() {
  for (const auto& relay : relays_) {
    if (!relay->in_use) {
      relay->in_use = true;
      return *relay;
    }
  }
  relays_.push_back(std::make_unique<Relay>(*this));
  relays_.back()->in_use = true;
  return *relays_.back();
}

void FilePlant::answer_now(Relay& relay, int64_t result) {
  relay.original->result = result;
  loop::post_to_current(*relay.original);
  relay.original = nullptr;
}

// The data as it is now, at an address that O_DIRECT takes.
void FilePlant::copy_data(Relay& relay) {
  relay.copy.resize(relay.length + 4096);
  void* start = relay.copy.data();
  size_t space = relay.copy.size();
  auto* memory = static_cast<uint8_t*>(std::align(4096, relay.length, start, space));
  size_t done = 0;
  for (const iovec& part : relay.parts) {
    std::memcpy(memory + done, part.iov_base, part.iov_len);
    done += part.iov_len;
  }
  relay.piece = {memory, relay.length};
  relay.parts = {&relay.piece, 1};
}

void FilePlant::old_content(File& file, const FileOperation& write) {
  const auto inode = world_->machine("array").disk.find(path_of(&file));
  for (uint64_t at = 0; inode && at < write.length; at += 512) {
    std::vector<uint8_t>& old = before_[{path_of(&file), write.offset + at}];
    old.resize(512);
    inode->content.current().read(write.offset + at, old);
  }
}

bool FilePlant::serve_stale(Relay& relay) {
  for (const auto& [key, old] : before_) {
    if (key.second < relay.offset || key.second >= relay.offset + relay.length) continue;
    uint64_t start = relay.offset;
    for (const iovec& part : relay.original->parts) {
      if (key.second >= start && key.second + 512 <= start + part.iov_len) {
        std::memcpy(static_cast<uint8_t*>(part.iov_base) + (key.second - start), old.data(), 512);
        return true;
      }
      start += part.iov_len;
    }
  }
  return false;
}

bool FilePlant::start(Relay& relay, File& file) {
  const bool write = relay.verb == FileVerb::write;
  const bool now_and_then = random_.chance(0.03);
  const auto lie_now = [&](int64_t result) {
    answer_now(relay, result);
    relay.in_use = false;
    return true;
  };
  switch (lie_) {
    case Lie::sync_lies:
      if (relay.verb == FileVerb::sync_data) return lie_now(0);
      break;
    case Lie::durable_dropped: relay.durable = false; break;
    case Lie::write_misplaced:
      if (write && now_and_then && relay.offset + relay.length + 512 <= file.size()) relay.offset += 512;
      break;
    case Lie::write_lost:
      if (write && now_and_then) return lie_now(static_cast<int64_t>(relay.length));
      break;
    case Lie::write_torn:
      if (write && now_and_then && relay.length >= 8192) {
        copy_data(relay);
        relay.length = relay.length / 2 / 4096 * 4096;
        relay.piece.iov_len = relay.length;
      }
      break;
    case Lie::read_stale:
      if (write) old_content(file, relay);
      break;
    case Lie::read_misplaced:
      if (relay.verb == FileVerb::read && now_and_then && relay.offset >= 512) relay.offset -= 512;
      break;
    case Lie::zeroes_ignored:
      if (now_and_then && (relay.verb == FileVerb::punch_hole || relay.verb == FileVerb::zero_range))
        return lie_now(0);
      break;
    case Lie::early_good:
      if (!write) break;
      copy_data(relay);
      answer_now(relay, static_cast<int64_t>(relay.length));
      break;
    case Lie::zombie_write:
      if (!write || !now_and_then) break;
      copy_data(relay);
      answer_now(relay, -EAGAIN);
      break;
    case Lie::error_swallowed: break;
  }
  return false;
}

void FilePlant::ended(Relay& relay) {
  relay.in_use = false;
  if (relay.original == nullptr) return;
  FileOperation& original = *relay.original;
  original.result = relay.result;
  original.extent_allocated = relay.extent_allocated;
  if (lie_ == Lie::write_torn && relay.result > 0 && relay.length < original.length) {
    original.result = static_cast<int64_t>(original.length);
  }
  if (lie_ == Lie::error_swallowed && relay.verb == FileVerb::write && relay.result < 0) {
    original.result = static_cast<int64_t>(original.length);
  }
  if (lie_ == Lie::read_stale && relay.verb == FileVerb::read && random_.chance(0.03)) serve_stale(relay);
  loop::post_to_current(original);
}

}  // namespace

std::unique_ptr<Plant> make_file_plant(std::string_view name, uint64_t seed) {
  static constexpr std::string_view names[] = {
      "sync-lies",      "durable-dropped", "write-misplaced", "write-lost", "write-torn",  "read-stale",
      "read-misplaced", "error-swallowed", "zeroes-ignored",  "early-good", "zombie-write"};
  for (size_t i = 0; i < std::size(names); ++i) {
    if (names[i] == name) return std::make_unique<FilePlant>(static_cast<Lie>(i), seed);
  }
  return nullptr;
}

}  // namespace ashlar::simulation
