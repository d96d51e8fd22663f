#include <fcntl.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <filesystem>

#include "loop/disk_file_test.h"

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

/// A block device over a file, where the rights to make one are given.
class LoopDevice {
 public:
  LoopDevice(const std::string& file, uint32_t block_bytes)
      : backing_(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
    const int control = ::open("/dev/loop-control", O_RDWR | O_CLOEXEC);
    if (control < 0 || ::ftruncate(backing_, 8 << 20) != 0) return;
    const int number = ::ioctl(control, LOOP_CTL_GET_FREE);
    ::close(control);
    name_ = fmt::format("/dev/loop{}", number);
    device_ = ::open(name_.c_str(), O_RDWR | O_CLOEXEC);
    loop_config config{};
    config.fd = static_cast<uint32_t>(backing_);
    config.block_size = block_bytes;
    config.info.lo_flags = LO_FLAGS_AUTOCLEAR;
    usable_ = device_ >= 0 && ::ioctl(device_, LOOP_CONFIGURE, &config) == 0;
  }
  LoopDevice(const LoopDevice&) = delete;
  LoopDevice& operator=(const LoopDevice&) = delete;
  ~LoopDevice() {
    if (device_ >= 0) ::close(device_);
    if (backing_ >= 0) ::close(backing_);
  }
  bool usable() const { return usable_; }
  const std::string& name() const { return name_; }
  int backing() const { return backing_; }

 private:
  int backing_;
  int device_ = -1;
  std::string name_;
  bool usable_ = false;
};

Task<void> use_device(Loop& loop, const LoopDevice& device, uint32_t block_bytes, bool direct) {
  OpenOptions options;
  options.prefer_direct = direct;
  options.block_bytes = block_bytes;
  const std::unique_ptr<File> file = co_await open_well(loop, device.name(), options);
  EXPECT_EQ(file->size(), 8u << 20);
  const File::Traits traits = file->traits();
  EXPECT_TRUE(traits.block_device);
  EXPECT_EQ(traits.direct, direct);
  EXPECT_EQ(traits.logical_block_bytes, block_bytes);
  EXPECT_TRUE(traits.zero_range);
  EXPECT_EQ(co_await open_badly(loop, device.name(), options), ErrorCode::busy);
  Memory out(8 * block, 'd');
  EXPECT_EQ(co_await move(*file, FileVerb::write, 0, out, true), 8 * block);
  EXPECT_EQ(co_await ask(*file, FileVerb::punch_hole, block, 2 * block), 0);
  EXPECT_EQ(co_await ask(*file, FileVerb::zero_range, 4 * block, block), 0);
  EXPECT_EQ(co_await ask(*file, FileVerb::sync_data), 0);
  Memory in(8 * block, 'x');
  EXPECT_EQ(co_await move(*file, FileVerb::read, 0, in), 8 * block);
  EXPECT_TRUE(in.text() == std::string(block, 'd') + std::string(2 * block, '\0') + std::string(block, 'd') +
                               std::string(block, '\0') + std::string(3 * block, 'd'));
  Memory below(8 * block);
  EXPECT_EQ(::pread(device.backing(), below.bytes, below.size_bytes, 0), 8 * block);
  EXPECT_TRUE(below.text() == in.text());
  Operation extent;
  extent.verb = FileVerb::find_extent;
  extent.offset = block;
  EXPECT_EQ(co_await run_operation(*file, extent), (8 << 20) - block);
  EXPECT_TRUE(extent.extent_allocated);
  const Result<void> resized = co_await file->resize(4 << 20, false);
  EXPECT_FALSE(resized);
}

TEST(BlockDeviceFile, WritesPunchesAndZeroes) {
  const std::string path = fmt::format("{}/block_device_{}.tmp", folder_on_disk(), getpid());
  for (const uint32_t block_bytes : {512u, 4096u}) {
    for (const bool direct : {true, false}) {
      const LoopDevice device(path, block_bytes);
      std::filesystem::remove(path);
      if (!device.usable()) GTEST_SKIP() << "no right to make a loop device";
      run_story(small_shards(),
                [&](RealShards& shards) { return use_device(shards.at(0), device, block_bytes, direct); });
    }
  }
}

}  // namespace
}  // namespace ashlar::loop
