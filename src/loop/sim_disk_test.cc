#include "loop/sim_disk.h"

#include <gtest/gtest.h>

#include <cerrno>

#include "loop/sim_test.h"

namespace ashlar::loop {
namespace {

struct alignas(4096) Block {
  std::array<uint8_t, 4096> bytes{};
  explicit Block(uint8_t fill = 0) { bytes.fill(fill); }
};

Task<Result<std::unique_ptr<File>>> open_story(std::string path, OpenOptions options) {
  Task<Result<std::unique_ptr<File>>> opening = Loop::current().open(std::move(path), options);
  co_return co_await opening;
}

class Bed {
 public:
  explicit Bed(uint64_t seed) : world(seed) { start(); }
  void start() {
    process = &world.add_process("engine", world.machine("host"), 2, small_pools);
    file = open().value();
  }
  Result<std::unique_ptr<File>> open(OpenOptions options = {.create = true}) {
    return run_story(process->loop(0), open_story, std::string("/v"), options);
  }
  int64_t write(uint64_t offset, uint8_t fill, bool durable = false) {
    Block block(fill);
    return run_story(process->loop(0), transfer, *file, FileVerb::write, offset, Bytes(block.bytes), durable);
  }
  int64_t read(uint64_t offset, Block& block) {
    return run_story(process->loop(0), transfer, *file, FileVerb::read, offset, Bytes(block.bytes), false);
  }
  int64_t run(FileVerb verb, uint64_t offset = 0, uint64_t length = 0) {
    return run_story(process->loop(0), command, *file, verb, offset, length);
  }
  /// The fill byte of a block, or -1 when it is mixed.
  int seen(uint64_t offset) {
    Block block(0xee);
    CHECK(read(offset, block) == 4096);
    for (const uint8_t byte : block.bytes) {
      if (byte != block.bytes[0]) return -1;
    }
    return block.bytes[0];
  }
  void lose_power() {
    world.power_off(world.machine("host"));
    file.reset();
    world.power_on(world.machine("host"));
    start();
  }
  SimWorld world;
  SimProcess* process = nullptr;
  std::unique_ptr<File> file;
};

TEST(SimDiskTest, ReadsBackWhatWasWrittenAndZeroesElsewhere) {
  Bed bed(1);
  EXPECT_EQ(bed.write(8192, 7), 4096);
  EXPECT_EQ(bed.file->size(), 12288u);
  EXPECT_EQ(bed.seen(8192), 7);
  EXPECT_EQ(bed.seen(0), 0);
  Block block;
  EXPECT_EQ(bed.read(12288, block), 0);
}

TEST(SimDiskTest, HolesZeroesAndExtents) {
  Bed bed(2);
  for (uint64_t i = 0; i < 4; ++i) bed.write(i * 4096, 9);
  EXPECT_EQ(bed.run(FileVerb::punch_hole, 4096, 4096), 0);
  EXPECT_EQ(bed.run(FileVerb::zero_range, 8192 + 512, 1024), 0);
  EXPECT_EQ(bed.seen(4096), 0);
  EXPECT_EQ(bed.seen(8192), -1);
  EXPECT_EQ(bed.run(FileVerb::find_extent, 0, 512), 4096);
  EXPECT_EQ(bed.run(FileVerb::find_extent, 4096, 512), 4096);
  EXPECT_EQ(bed.run(FileVerb::find_extent, 8192, 512), 8192);
  EXPECT_EQ(bed.file->size(), 16384u);
  EXPECT_EQ(bed.run(FileVerb::clone_range, 0, 4096), -EOPNOTSUPP);
}

TEST(SimDiskTest, DirectFilesRefuseMisalignedCalls) {
  Bed bed(3);
  ASSERT_TRUE(bed.file->traits().direct);
  Block block;
  EXPECT_EQ(run_story(bed.process->loop(0), transfer, *bed.file, FileVerb::write, uint64_t{100},
                      Bytes(block.bytes), false),
            -EINVAL);
  const Bytes odd = Bytes(block.bytes).subspan(1, 512);
  EXPECT_EQ(run_story(bed.process->loop(0), transfer, *bed.file, FileVerb::write, uint64_t{0}, odd, false),
            -EINVAL);
}

TEST(SimDiskTest, OneWriterAtATime) {
  Bed bed(4);
  EXPECT_EQ(bed.open().error().code, ErrorCode::busy);
  EXPECT_TRUE(bed.open({.writable = false, .exclusive = false}));
  bed.file.reset();
  EXPECT_TRUE(bed.open());
}

TEST(SimDiskTest, ACrashedProcessLosesItsLockAndItsEffect) {
  Bed bed(5);
  bed.write(0, 1);
  bed.world.crash(*bed.process);
  EXPECT_EQ(bed.write(0, 2), -EIO);
  const std::unique_ptr<File> ghost = std::move(bed.file);
  bed.start();
  EXPECT_EQ(bed.seen(0), 1);
}

// kill -9 keeps what completed, synced or not: the page cache is the kernel's.
TEST(SimDiskTest, ProcessCrashKeepsCompletedWrites) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    Bed bed(seed);
    bed.write(0, 5);
    bed.world.crash(*bed.process);
    bed.file.reset();
    bed.start();
    EXPECT_EQ(bed.seen(0), 5);
  }
}

TEST(SimDiskTest, ProcessCrashMayTearWhatIsInFlight) {
  std::set<int> outcomes;
  for (uint64_t seed = 0; seed < 100; ++seed) {
    Bed bed(seed);
    bed.write(0, 1);
    Block block(2);
    AwaitedOperation operation;
    const iovec part{block.bytes.data(), block.bytes.size()};
    operation.verb = FileVerb::write;
    operation.length = 4096;
    operation.parts = {&part, 1};
    bed.process->loop(0).enter([&] { bed.file->submit(operation); });
    bed.world.crash(*bed.process);
    bed.world.run_until([&] { return operation.done.is_set(); }, seconds(1));
    EXPECT_EQ(operation.result, -EIO);
    bed.file.reset();
    bed.start();
    outcomes.insert(bed.seen(0));
  }
  EXPECT_EQ(outcomes, (std::set<int>{-1, 1, 2}));
}

TEST(SimDiskTest, PowerLossLosesUnsyncedWritesSometimesAndTearsThem) {
  std::set<int> outcomes;
  for (uint64_t seed = 0; seed < 100; ++seed) {
    Bed bed(seed);
    bed.write(0, 1);
    EXPECT_EQ(bed.run(FileVerb::sync_data), 0);
    bed.write(0, 2);
    bed.lose_power();
    outcomes.insert(bed.seen(0));
  }
  EXPECT_EQ(outcomes, (std::set<int>{-1, 1, 2}));
}

TEST(SimDiskTest, PowerLossNeverLosesSyncedOrDurableWrites) {
  for (uint64_t seed = 0; seed < 100; ++seed) {
    Bed bed(seed);
    bed.write(0, 1);
    bed.write(4096, 1);
    bed.write(4096, 2, true);  // durable over something that is not
    bed.write(8192, 1);
    EXPECT_EQ(bed.run(FileVerb::punch_hole, 8192, 4096), 0);
    EXPECT_EQ(bed.run(FileVerb::sync_data), 0);
    bed.write(12288, 3, true);
    bed.lose_power();
    EXPECT_EQ(bed.seen(0), 1);
    EXPECT_EQ(bed.seen(4096), 2);
    EXPECT_EQ(bed.seen(8192), 0);
    EXPECT_EQ(bed.seen(12288), 3);
  }
}

TEST(SimDiskTest, AFailedSyncMayLoseDataThatALaterSyncClaims) {
  std::set<int> outcomes;
  for (uint64_t seed = 0; seed < 60; ++seed) {
    Bed bed(seed);
    bed.write(0, 1, true);
    bed.write(0, 2);
    bed.world.machine("host").disk.settings().sync_error = 1;
    EXPECT_EQ(bed.run(FileVerb::sync_data), -EIO);
    EXPECT_EQ(bed.seen(0), 2);
    bed.world.machine("host").disk.settings().sync_error = 0;
    EXPECT_EQ(bed.run(FileVerb::sync_data), 0);
    bed.lose_power();
    outcomes.insert(bed.seen(0));
  }
  EXPECT_TRUE(outcomes.contains(1) && outcomes.contains(2));
}

TEST(SimDiskTest, FaultsAreReported) {
  Bed bed(7);
  SimDisk::Settings& settings = bed.world.machine("host").disk.settings();
  bed.write(0, 1);
  settings.read_error = settings.write_error = settings.zero_error = 1;
  Block block;
  EXPECT_EQ(bed.read(0, block), -EIO);
  EXPECT_EQ(bed.write(0, 2), -EIO);
  EXPECT_EQ(bed.run(FileVerb::punch_hole, 0, 4096), -EIO);
}

TEST(SimDiskTest, AFullDiskRefusesNewSpaceButNotOverwrites) {
  Bed bed(10);
  bed.world.machine("host").disk.settings().capacity_bytes = 8192;
  EXPECT_EQ(bed.write(0, 1), 4096);
  EXPECT_EQ(bed.write(4096, 2), 4096);
  EXPECT_EQ(bed.write(8192, 3), -ENOSPC);
  EXPECT_EQ(bed.write(0, 4), 4096);
}

TEST(SimDiskTest, AStallHoldsEverythingBack) {
  Bed bed(8);
  const Instant end = bed.world.now() + seconds(5);
  bed.world.machine("host").disk.stall(end);
  EXPECT_EQ(bed.write(0, 1), 4096);
  EXPECT_GE(bed.world.now(), end);
}

Task<Result<void>> resize_story(File* file, uint64_t bytes, bool allocate) {
  Task<Result<void>> resizing = file->resize(bytes, allocate);
  co_return co_await resizing;
}

TEST(SimDiskTest, ResizeAndAllocate) {
  Bed bed(9);
  EXPECT_TRUE(run_story(bed.process->loop(0), resize_story, bed.file.get(), uint64_t{65536}, false));
  EXPECT_EQ(bed.file->size(), 65536u);
  EXPECT_EQ(bed.world.machine("host").disk.allocated_bytes(), 0u);
  EXPECT_TRUE(run_story(bed.process->loop(0), resize_story, bed.file.get(), uint64_t{131072}, true));
  EXPECT_EQ(bed.world.machine("host").disk.allocated_bytes(), 65536u);
  bed.world.machine("host").disk.settings().capacity_bytes = 131072;
  EXPECT_EQ(
      run_story(bed.process->loop(0), resize_story, bed.file.get(), uint64_t{1 << 20}, true).error().code,
      ErrorCode::no_space);
  bed.lose_power();
  EXPECT_EQ(bed.file->size(), 131072u);
  const std::unique_ptr<File> other = bed.file->on(bed.process->at(1));
  EXPECT_EQ(other->size(), 131072u);
}

}  // namespace
}  // namespace ashlar::loop
