#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "loop/disk_file_test.h"
#include "loop/disk_open.h"

namespace ashlar::loop {
namespace {

using test::ask;
using test::block;
using test::folder_on_disk;
using test::Memory;
using test::move;
using test::open_badly;
using test::open_well;
using test::Operation;
using test::run_operation;
using test::run_story;
using test::small_shards;

struct Place {
  const char* name;
  std::string folder;
  bool direct;
};

// A disk (the folder of this program) with and without O_DIRECT, and memory.
std::vector<Place> places() {
  const std::string folder = folder_on_disk();
  std::vector<Place> all = {{"disk", folder, true}, {"buffered", folder, false}};
  if (std::filesystem::exists("/dev/shm")) all.push_back({"memory", "/dev/shm", true});
  return all;
}

class DiskFile : public testing::TestWithParam<Place> {
 protected:
  void SetUp() override {
    path_ = fmt::format("{}/disk_file_test_{}_{}.tmp", GetParam().folder, GetParam().name, getpid());
    std::filesystem::remove(path_);
  }
  void TearDown() override { std::filesystem::remove(path_); }
  OpenOptions options() const {
    OpenOptions chosen;
    chosen.create = true;
    chosen.prefer_direct = GetParam().direct;
    chosen.block_bytes = block;
    return chosen;
  }
  void tell(const test::Story& story, uint32_t shards = 1) { run_story(small_shards(shards), story); }
  std::string path_;
};

INSTANTIATE_TEST_SUITE_P(Places, DiskFile, testing::ValuesIn(places()),
                         [](const auto& info) { return info.param.name; });

Task<void> write_and_read(Loop& loop, std::string path, OpenOptions options) {
  const std::unique_ptr<File> file = co_await open_well(loop, path, options);
  struct stat made{};
  EXPECT_EQ(::stat(path.c_str(), &made), 0);
  EXPECT_EQ(made.st_mode & 0777, 0600u);
  EXPECT_EQ(file->size(), 0u);
  Task<Result<void>> growing = file->resize(64 * block, false);
  EXPECT_TRUE(co_await growing);
  EXPECT_EQ(file->size(), 64u * block);
  Memory out(2 * block, 'w');
  EXPECT_EQ(co_await move(*file, FileVerb::write, 3 * block, out), 2 * block);
  Memory durable(block, 'd');
  EXPECT_EQ(co_await move(*file, FileVerb::write, 4 * block, durable, true), block);
  EXPECT_EQ(co_await ask(*file, FileVerb::sync_data), 0);
  Memory in(4 * block, 'x');
  EXPECT_EQ(co_await move(*file, FileVerb::read, 2 * block, in), 4 * block);
  const std::string expected =
      std::string(block, '\0') + std::string(block, 'w') + std::string(block, 'd') + std::string(block, '\0');
  EXPECT_TRUE(in.text() == expected);
  // Past the end: short, then nothing.
  EXPECT_EQ(co_await move(*file, FileVerb::read, 62 * block, in), 2 * block);
  EXPECT_EQ(co_await move(*file, FileVerb::read, 64 * block, in), 0);
}

TEST_P(DiskFile, WritesAndReads) {
  tell([this](RealShards& shards) { return write_and_read(shards.at(0), path_, options()); });
}

Task<void> check_traits(Loop& loop, std::string path, OpenOptions options, bool in_memory) {
  const std::unique_ptr<File> file = co_await open_well(loop, path, options);
  const File::Traits& traits = file->traits();
  EXPECT_FALSE(traits.block_device);
  if (in_memory || !options.prefer_direct) {
    EXPECT_FALSE(traits.direct);
    EXPECT_EQ(traits.memory_alignment, 1u);
  } else if (traits.direct) {
    EXPECT_GE(traits.memory_alignment, 2u);
    EXPECT_EQ(block % traits.offset_alignment, 0u);
  }
  EXPECT_EQ(traits.physical_block_bytes, 4096u);
  struct statfs system{};
  EXPECT_EQ(::statfs(path.c_str(), &system), 0);
  EXPECT_LE(traits.atomic_write_bytes, static_cast<uint64_t>(system.f_bsize))
      << "blocks need not lie side by side";
}

TEST_P(DiskFile, KnowsItsTraits) {
  const bool in_memory = GetParam().folder == "/dev/shm";
  tell([&](RealShards& shards) { return check_traits(shards.at(0), path_, options(), in_memory); });
}

// Where the file system shares extents the range is that of the source; elsewhere it is as it was, and the reason is told.
Task<void> clones(Loop& loop, std::string path, OpenOptions options) {
  const std::unique_ptr<File> file = co_await open_well(loop, path, options);
  Task<Result<void>> growing = file->resize(64 * block, false);
  EXPECT_TRUE(co_await growing);
  Memory data(8 * block, 'd');
  EXPECT_EQ(co_await move(*file, FileVerb::write, 0, data), 8 * block);
  const std::unique_ptr<File> source = file->on(loop);
  Operation clone;
  clone.verb = FileVerb::clone_range;
  clone.offset = 32 * block;
  clone.length = 8 * block;
  clone.clone_source = source.get();
  const int64_t result = co_await run_operation(*file, clone);
  EXPECT_TRUE(result == 0 || result == -EOPNOTSUPP || result == -ENOTTY) << result;
  Memory in(8 * block, 'x');
  EXPECT_EQ(co_await move(*file, FileVerb::read, 32 * block, in), 8 * block);
  EXPECT_TRUE(in.text() == std::string(8 * block, result == 0 ? 'd' : '\0'));
  clone.clone_source_offset = 100;  // within a block: nobody can
  EXPECT_LT(co_await run_operation(*file, clone), 0);
}

TEST_P(DiskFile, ClonesOrSaysThatItCannot) {
  tell([this](RealShards& shards) { return clones(shards.at(0), path_, options()); });
}

Task<void> holes(Loop& loop, std::string path, OpenOptions options) {
  const std::unique_ptr<File> file = co_await open_well(loop, path, options);
  Task<Result<void>> growing = file->resize(64 * block, false);
  EXPECT_TRUE(co_await growing);
  Memory data(16 * block, 'd');
  EXPECT_EQ(co_await move(*file, FileVerb::write, 16 * block, data), 16 * block);
  EXPECT_EQ(co_await ask(*file, FileVerb::sync_data), 0);
  Operation extent;
  extent.verb = FileVerb::find_extent;
  EXPECT_EQ(co_await run_operation(*file, extent), 16 * block);
  EXPECT_FALSE(extent.extent_allocated);
  extent.offset = 16 * block;
  EXPECT_EQ(co_await run_operation(*file, extent), 16 * block);
  EXPECT_TRUE(extent.extent_allocated);
  extent.offset = 32 * block;
  EXPECT_EQ(co_await run_operation(*file, extent), 32 * block);
  EXPECT_FALSE(extent.extent_allocated);
  extent.offset = 64 * block;
  EXPECT_EQ(co_await run_operation(*file, extent), -ENXIO);
  if (file->traits().discard_granularity_bytes == 0) co_return;
  EXPECT_EQ(co_await ask(*file, FileVerb::punch_hole, 20 * block, 4 * block), 0);
  extent.offset = 20 * block;
  EXPECT_EQ(co_await run_operation(*file, extent), 4 * block);
  EXPECT_FALSE(extent.extent_allocated);
  Memory in(16 * block, 'x');
  EXPECT_EQ(co_await move(*file, FileVerb::read, 16 * block, in), 16 * block);
  EXPECT_TRUE(in.text() ==
              std::string(4 * block, 'd') + std::string(4 * block, '\0') + std::string(8 * block, 'd'));
  if (!file->traits().zero_range) co_return;
  EXPECT_EQ(co_await ask(*file, FileVerb::zero_range, 16 * block, 2 * block), 0);
  EXPECT_EQ(co_await move(*file, FileVerb::read, 16 * block, in), 16 * block);
  EXPECT_TRUE(in.text() == std::string(2 * block, '\0') + std::string(2 * block, 'd') +
                               std::string(4 * block, '\0') + std::string(8 * block, 'd'));
}

TEST_P(DiskFile, PunchesZeroesAndFindsExtents) {
  tell([this](RealShards& shards) { return holes(shards.at(0), path_, options()); });
}

Task<void> resizes(Loop& loop, std::string path, OpenOptions options) {
  const std::unique_ptr<File> file = co_await open_well(loop, path, options);
  const auto resize = [&file](uint64_t bytes, bool allocate) { return file->resize(bytes, allocate); };
  EXPECT_TRUE(co_await resize(256 * block, true));
  struct stat there{};
  ::stat(path.c_str(), &there);
  EXPECT_EQ(there.st_size, 256 * block);
  EXPECT_GE(there.st_blocks * 512, 256 * block) << "the space is reserved";
  EXPECT_TRUE(co_await resize(8 * block, false));
  EXPECT_EQ(std::filesystem::file_size(path), 8u * block);
  EXPECT_EQ(file->size(), 8u * block);
  EXPECT_TRUE(co_await resize(0, true));
  EXPECT_EQ(file->size(), 0u);
  const Result<void> impossible = co_await resize(uint64_t{1} << 60, true);
  EXPECT_FALSE(impossible);
  EXPECT_EQ(std::filesystem::file_size(path), 0u) << "not half grown";
  EXPECT_EQ(file->size(), 0u);
}

TEST_P(DiskFile, Resizes) {
  tell([this](RealShards& shards) { return resizes(shards.at(0), path_, options()); });
}

/// As another process sees it; open() itself waits some seconds for the lock of one that is just dying.
bool is_locked(const std::string& path) {
  const int other = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const bool locked = ::flock(other, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  ::close(other);
  return locked;
}

Task<void> locks(Loop& loop, std::string path, OpenOptions options) {
  std::unique_ptr<File> first = co_await open_well(loop, path, options);
  EXPECT_TRUE(is_locked(path));
  OpenOptions reader = options;
  reader.writable = false;
  const std::unique_ptr<File> beside = co_await open_well(loop, path, reader);
  EXPECT_NE(beside, nullptr) << "readers are no danger";
  const std::unique_ptr<File> channel = first->on(loop);
  first.reset();
  EXPECT_TRUE(is_locked(path)) << "a channel keeps the file open, and locked";
}

TEST_P(DiskFile, IsLockedAgainstASecondWriter) {
  tell([this](RealShards& shards) { return locks(shards.at(0), path_, options()); });
  EXPECT_FALSE(is_locked(path_));
}

Task<void> second_writers(Loop& loop, std::string path) {
  OpenOptions options;
  options.create = true;
  std::unique_ptr<File> first = co_await open_well(loop, path, options);
  EXPECT_EQ(co_await open_badly(loop, path, options), ErrorCode::busy);
  // One that is waiting gets it as soon as it is free.
  Task<Result<std::unique_ptr<File>>> waiting = loop.open(path, options);
  Task<void> pause = sleep_for(milliseconds(10));
  co_await pause;
  first.reset();
  const Result<std::unique_ptr<File>> second = co_await waiting;
  EXPECT_TRUE(second) << second.error().text();
}

TEST(DiskFileLock, RefusesASecondWriterButWaitsForADyingOne) {
  const std::string path = fmt::format("{}/disk_file_lock_{}.tmp", folder_on_disk(), getpid());
  run_story(small_shards(), [&](RealShards& shards) { return second_writers(shards.at(0), path); });
  std::filesystem::remove(path);
}

Task<void> opens_what_is_there(Loop& loop, std::string path, OpenOptions options) {
  OpenOptions keep = options;
  keep.create = false;
  EXPECT_EQ(co_await open_badly(loop, path, keep), ErrorCode::not_found);
  std::ofstream(path) << std::string(block, 'k');
  const std::unique_ptr<File> file = co_await open_well(loop, path, options);
  EXPECT_EQ(file->size(), block) << "create keeps what is there";
  EXPECT_EQ(co_await open_badly(loop, ".", keep), ErrorCode::invalid_argument);
  EXPECT_EQ(co_await open_badly(loop, "/dev/null", keep), ErrorCode::invalid_argument);
  Task<Result<void>> removing = loop.remove(path);
  EXPECT_TRUE(co_await removing);
  EXPECT_FALSE(std::filesystem::exists(path));
  Task<Result<void>> again = loop.remove(path);
  const Result<void> gone = co_await again;
  EXPECT_FALSE(gone);
  EXPECT_EQ(gone.error().code, ErrorCode::not_found);
}

TEST_P(DiskFile, OpensAndRemoves) {
  tell([this](RealShards& shards) { return opens_what_is_there(shards.at(0), path_, options()); });
}

// Far more at once than the ring has entries (64 here): nothing fails, nothing is lost.
Task<void> many_at_once(Loop& loop, std::string path, OpenOptions options) {
  constexpr int count = 1000;
  const std::unique_ptr<File> file = co_await open_well(loop, path, options);
  Task<Result<void>> growing = file->resize(uint64_t{count} * block, true);
  EXPECT_TRUE(co_await growing);
  std::vector<std::unique_ptr<Memory>> memory;
  memory.reserve(count);
  for (int i = 0; i < count; ++i)
    memory.push_back(std::make_unique<Memory>(block, static_cast<char>('a' + i % 26)));
  for (const FileVerb verb : {FileVerb::write, FileVerb::read}) {
    std::vector<Task<int64_t>> tasks;
    tasks.reserve(count);
    for (int i = 0; i < count; ++i) {
      tasks.push_back(
          move(*file, verb, uint64_t{block} * static_cast<uint64_t>(i), *memory[static_cast<size_t>(i)]));
    }
    for (Task<int64_t>& task : tasks) EXPECT_EQ(co_await task, block);
    for (int i = 0; i < count; ++i) {
      Memory& one = *memory[static_cast<size_t>(i)];
      EXPECT_TRUE(one.text() == std::string(block, static_cast<char>('a' + i % 26))) << i;
      if (verb == FileVerb::write) std::fill_n(one.bytes, block, '?');
    }
  }
}

TEST_P(DiskFile, TakesMoreAtOnceThanTheRingHolds) {
  tell([this](RealShards& shards) { return many_at_once(shards.at(0), path_, options()); });
}

// Many pieces, more than one system call takes (IOV_MAX is 1024).
Task<void> many_pieces(Loop& loop, std::string path, OpenOptions options) {
  constexpr size_t count = 1500;
  const std::unique_ptr<File> file = co_await open_well(loop, path, options);
  Memory out(count * block);
  for (size_t i = 0; i < out.size_bytes; ++i) out.bytes[i] = static_cast<char>(i / block * 7 + i);
  std::vector<iovec> parts;
  parts.reserve(count);
  for (size_t i = 0; i < count; ++i) parts.push_back({out.bytes + i * block, block});
  Operation operation;
  operation.verb = FileVerb::write;
  operation.parts = parts;
  operation.length = out.size_bytes;
  EXPECT_EQ(co_await run_operation(*file, operation), static_cast<int64_t>(out.size_bytes));
  Memory in(count * block);
  EXPECT_EQ(co_await move(*file, FileVerb::read, 0, in), static_cast<int64_t>(in.size_bytes));
  EXPECT_TRUE(in.text() == out.text());
}

TEST_P(DiskFile, TakesManyPieces) {
  tell([this](RealShards& shards) { return many_pieces(shards.at(0), path_, options()); });
}

Task<void> other_shard(RealShards& shards, std::string path, OpenOptions options) {
  std::unique_ptr<File> file = co_await open_well(shards.at(0), path, options);
  Task<Result<void>> growing = file->resize(16 * block, false);
  EXPECT_TRUE(co_await growing);
  std::unique_ptr<File> there = file->on(shards.at(1));
  Event finished;
  auto story = [](File& channel, RealShards& all, Event& end) -> Task<void> {
    EXPECT_EQ(Loop::current().index(), 1u);
    EXPECT_EQ(channel.size(), 16u * block);
    Memory out(block, 's');
    EXPECT_EQ(co_await move(channel, FileVerb::write, 2 * block, out, true), block);
    EXPECT_EQ(Loop::current().index(), 1u);
    all.send(0, [&end] { end.set(); });
  };
  shards.send(1, [&] { story(*there, shards, finished).detach(); });
  co_await finished;
  Memory in(block, 'x');
  EXPECT_EQ(co_await move(*file, FileVerb::read, 2 * block, in), block);
  EXPECT_TRUE(in.text() == std::string(block, 's'));
}

TEST_P(DiskFile, HasChannelsOnOtherShards) {
  tell([this](RealShards& shards) { return other_shard(shards, path_, options()); }, 2);
}

Task<void> read_only(Loop& loop, std::string path, OpenOptions options) {
  std::ofstream(path) << std::string(4 * block, 'r');
  options.writable = false;
  options.create = false;
  const std::unique_ptr<File> file = co_await open_well(loop, path, options);
  Memory memory(block, 'x');
  EXPECT_EQ(co_await move(*file, FileVerb::read, block, memory), block);
  EXPECT_TRUE(memory.text() == std::string(block, 'r'));
  EXPECT_EQ(co_await move(*file, FileVerb::write, 0, memory), -EBADF);
  Task<Result<void>> shrinking = file->resize(0, false);
  EXPECT_FALSE(co_await shrinking);
}

TEST_P(DiskFile, OpenedForReadingRefusesToWrite) {
  tell([this](RealShards& shards) { return read_only(shards.at(0), path_, options()); });
}

// What the kernel did in part is asked for again from where it stopped, whatever the pieces.
TEST(Transfer, GoesOnWhereTheKernelStopped) {
  std::array<char, 100> memory{};
  char* start = memory.data();
  const std::array<iovec, 5> parts = {
      {{start, 10}, {start, 0}, {start + 10, 50}, {start + 60, 1}, {start + 61, 39}}};
  for (size_t step = 1; step <= 100; ++step) {
    Operation operation;
    operation.verb = FileVerb::read;
    operation.offset = 1000;
    operation.parts = parts;
    Transfer transfer(operation);
    size_t done = 0;
    while (!transfer.finished()) {
      const std::span<const iovec> next = transfer.next();
      ASSERT_EQ(next.front().iov_base, memory.data() + done);
      ASSERT_EQ(transfer.offset(), 1000 + done);
      size_t offered = 0;
      for (const iovec& part : next) offered += part.iov_len;
      const size_t took = std::min(step, offered);
      transfer.advance(took);
      done += took;
    }
    EXPECT_EQ(done, 100u);
    EXPECT_EQ(transfer.done(), 100u);
  }
}

}  // namespace
}  // namespace ashlar::loop
