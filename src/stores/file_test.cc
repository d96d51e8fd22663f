// Opening and resizing files and block devices.
#include <gmock/gmock.h>

#include "stores/file_store_test.h"

namespace ashlar::stores::test {
namespace {

using testing::HasSubstr;

TEST_F(FileStoreTest, OpeningMakesANewFileAndKeepsAnExistingOne) {
  disk_->content.clear();
  block::StoreSpec spec;
  spec.size_bytes = disk_bytes;
  ASSERT_TRUE(open(spec));
  EXPECT_EQ(disk_->resizes, (std::vector<std::pair<uint64_t, bool>>{{disk_bytes, false}}));
  EXPECT_TRUE(options_.create && options_.writable && options_.exclusive && options_.prefer_direct);
  disk_->resizes.clear();
  ASSERT_TRUE(open(spec));
  EXPECT_TRUE(disk_->resizes.empty());
  spec.size_bytes = 0;
  const OpenedStore existing = open(spec);
  ASSERT_TRUE(existing);
  EXPECT_EQ((*existing)->limits().size_bytes, disk_bytes);
}

TEST_F(FileStoreTest, AReadOnlyVolumeNeverTouchesItsFile) {
  block::StoreSpec spec;
  spec.read_only = true;
  spec.thin = false;
  open_channels(spec);
  EXPECT_FALSE(options_.create || options_.writable || options_.exclusive);
  EXPECT_TRUE(disk_->resizes.empty());
  EXPECT_EQ(run(Operation::write, 0, 512), Status::read_only);
}

TEST_F(FileStoreTest, OpeningRefusesWhatDoesNotFitAndSaysHowToMend) {
  block::StoreSpec spec;
  spec.size_bytes = disk_bytes * 2;
  EXPECT_THAT(open(spec).error().message, HasSubstr("give the volume size 4194304"));
  spec.size_bytes = disk_bytes / 2;
  EXPECT_THAT(open(spec).error().message, HasSubstr("give the volume size 4194304"));
  disk_->content.resize(disk_bytes + 512);
  spec.size_bytes = 0;
  spec.block_bytes = 4096;
  EXPECT_THAT(open(spec).error().message, HasSubstr("multiple of the block size 4096"));
  disk_->content.clear();
  EXPECT_THAT(open(spec).error().message, HasSubstr("give the volume a size"));
  spec.size_bytes = disk_bytes;
  spec.create = false;
  EXPECT_THAT(open(spec).error().message, HasSubstr("create is off"));
  spec.create = true;
  spec.options["create"] = "false";
  EXPECT_THAT(open(spec).error().message, HasSubstr("create is off"));
  EXPECT_FALSE(options_.create);
  spec.options["create"] = "no";
  EXPECT_EQ(open(spec).error().place, "create");
  spec.options.erase("create");
  spec.block_bytes = 512;
  disk_->traits.offset_alignment = 4096;
  EXPECT_THAT(open(spec).error().message, HasSubstr("blocks of 4096 bytes"));
  disk_->traits.block_device = true;
  EXPECT_THAT(open(spec).error().message, HasSubstr("use kind block"));
  EXPECT_TRUE(disk_->resizes.empty());
}

TEST_F(FileStoreTest, AThickFileReservesItsSpaceOrGivesAllBack) {
  disk_->content.clear();
  block::StoreSpec spec;
  spec.size_bytes = disk_bytes;
  spec.thin = false;
  disk_->resize_error = ENOSPC;
  const OpenedStore refused = open(spec);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::no_space);
  EXPECT_EQ(disk_->resizes, (std::vector<std::pair<uint64_t, bool>>{{disk_bytes, true}, {0, false}}));
  disk_->resize_error = 0;
  EXPECT_TRUE(open(spec));
  // A start that was cut off between size and space left holes: reserve again.
  disk_->resizes.clear();
  EXPECT_TRUE(open(spec));
  EXPECT_EQ(disk_->resizes, (std::vector<std::pair<uint64_t, bool>>{{disk_bytes, true}}));
}

TEST_F(FileStoreTest, ABlockDeviceGivesItsSizeAndItsHints) {
  disk_->traits.block_device = true;
  disk_->traits.rotational = true;
  disk_->traits.physical_block_bytes = 16384;
  const OpenedStore whole = open({}, true);
  ASSERT_TRUE(whole);
  const block::Limits& limits = (*whole)->limits();
  EXPECT_EQ(limits.size_bytes, disk_bytes);
  EXPECT_TRUE(limits.rotational);
  EXPECT_EQ(limits.physical_block_bytes, 16384u);
  EXPECT_FALSE(limits.find_extent);
  EXPECT_FALSE(limits.discard_zeroes) << "a device's discard promises nothing";
  EXPECT_FALSE(options_.create);

  block::StoreSpec spec;
  spec.size_bytes = disk_bytes * 2;
  EXPECT_THAT(open(spec, true).error().message, HasSubstr("grow the device"));
  spec.size_bytes = disk_bytes / 2;
  const OpenedStore half = open(spec, true);
  ASSERT_TRUE(half);
  EXPECT_EQ((*half)->limits().size_bytes, disk_bytes / 2);
  EXPECT_FALSE(shards_.run([&] { return (*half)->resize(disk_bytes * 2); }));
  EXPECT_TRUE(shards_.run([&] { return (*half)->resize(disk_bytes); }));
  EXPECT_EQ((*half)->limits().size_bytes, disk_bytes);
  EXPECT_TRUE(disk_->resizes.empty());

  disk_->traits.logical_block_bytes = 4096;
  EXPECT_THAT(open(spec, true).error().message, HasSubstr("block_bytes 4096"));
  disk_->traits.block_device = false;
  EXPECT_THAT(open(spec, true).error().message, HasSubstr("use kind file"));
}

TEST_F(FileStoreTest, ZeroesOnABlockDeviceNeverDependOnItsDiscard) {
  disk_->traits.block_device = true;
  const OpenedStore opened = open({}, true);
  ASSERT_TRUE(opened);
  channels_.push_back((*opened)->open_channel(shards_.at(0)));
  EXPECT_EQ(run(Operation::write_zeroes, 0, 4096, true), Status::ok);
  EXPECT_EQ(disk_->count(FileVerb::punch_hole), 0u);
  EXPECT_EQ(disk_->count(FileVerb::zero_range), 1u);
  judge(FileVerb::punch_hole, -EOPNOTSUPP);
  EXPECT_EQ(run(Operation::discard, 0, 4096), Status::ok) << "it was a hint";
  EXPECT_EQ(disk_->count(FileVerb::write), 0u);
}

TEST_F(FileStoreTest, AFailedResizeLeavesTheSize) {
  open_channels();
  disk_->resize_error = ENOSPC;
  EXPECT_FALSE(shards_.run([&] { return store_->resize(disk_bytes * 2); }));
  EXPECT_FALSE(shards_.run([&] { return store_->resize(disk_bytes / 2); }));
  EXPECT_EQ(store_->limits().size_bytes, disk_bytes);
  EXPECT_EQ(run(Operation::read, disk_bytes - 512, 512), Status::ok);
}

}  // namespace
}  // namespace ashlar::stores::test
