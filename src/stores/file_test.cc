#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "block/gatekeeper.h"
#include "block/worlds_test.h"
#include "stores/fake_file_test.h"
#include "stores/file_channel.h"
#include "stores/stores.h"

namespace ashlar::stores {
namespace {

using block::Operation;
using block::Status;
using block::Waiting;
using loop::FileOperation;
using loop::FileVerb;
using testing::HasSubstr;

constexpr uint64_t disk_bytes = 4 << 20;

class FileStoreTest : public testing::Test {
 protected:
  FileStoreTest() {
    disk_->content.resize(disk_bytes);
    shards_.at(0).open_file =
        [this](const std::string&, const loop::OpenOptions& options) -> Result<std::unique_ptr<loop::File>> {
      options_ = options;
      return std::make_unique<FakeFile>(shards_.at(0), disk_);
    };
  }
  ~FileStoreTest() override { channels_.clear(); }

  OpenedStore open(block::StoreSpec spec, bool block_device = false) {
    spec.options["path"] = "/fake";
    return shards_.run([&] { return block_device ? open_block(spec) : open_file(spec); });
  }
  void open_channels(block::StoreSpec spec = {}) {
    spec.size_bytes = disk_bytes;
    OpenedStore opened = open(spec);
    ASSERT_TRUE(opened) << opened.error().text();
    store_ = block::guard(*opened, "volume");
    for (uint32_t i = 0; i < shards_.count(); ++i) channels_.push_back(store_->open_channel(shards_.at(i)));
    disk_->seen.clear();
  }
  /// One request on a shard, to its end.
  Status run(Operation operation, uint64_t offset, uint64_t length, bool flag = false, uint32_t shard = 0) {
    Waiting waiting;
    begin(waiting, operation, offset, length, flag, shard);
    shards_.run_until([&] { return waiting.over.is_set(); });
    return waiting.request.status;
  }
  void begin(Waiting& waiting, Operation operation, uint64_t offset, uint64_t length, bool flag = false,
             uint32_t shard = 0) {
    const bool data = operation == Operation::read || operation == Operation::write;
    waiting.request.operation = operation;
    waiting.request.offset = offset;
    waiting.request.length = length;
    waiting.request.durable = flag;
    waiting.request.may_discard = flag;
    part_ = {memory_->bytes, length};
    if (data) waiting.request.parts = {&part_, 1};
    shards_.on(shard, [&] { waiting.submit(*channels_[shard]); });
    shards_.settle();
  }
  void judge(FileVerb verb, int64_t result, int times = 1) {
    disk_->judge = [verb, result, times](const FileOperation& operation) mutable -> std::optional<int64_t> {
      if (operation.verb != verb || times-- <= 0) return std::nullopt;
      return result;
    };
  }

  struct alignas(4096) Memory {
    uint8_t bytes[disk_bytes];
  };
  std::unique_ptr<Memory> memory_ = std::make_unique<Memory>();
  iovec part_{};
  std::shared_ptr<FakeDisk> disk_ = std::make_shared<FakeDisk>();
  loop::OpenOptions options_;
  block::TestShards shards_{2};
  std::shared_ptr<block::Store> store_;
  std::vector<std::unique_ptr<block::BlockDevice>> channels_;
};

TEST_F(FileStoreTest, AReadErrorIsOfItsPlaceOnly) {
  open_channels();
  judge(FileVerb::read, -EIO);
  EXPECT_EQ(run(Operation::read, 0, 4096), Status::medium_error);
  EXPECT_EQ(run(Operation::read, 0, 4096), Status::ok);
  EXPECT_EQ(run(Operation::write, 0, 4096, true), Status::ok);
}

TEST_F(FileStoreTest, AWriteErrorIsOfItsPlaceOnlyWhenNothingWasPromised) {
  open_channels();
  judge(FileVerb::write, -EIO);
  EXPECT_EQ(run(Operation::write, 0, 4096, false), Status::medium_error);
  EXPECT_EQ(run(Operation::flush, 0, 0), Status::ok);
}

TEST_F(FileStoreTest, AnErrorOfADurableWriteFailsTheDeviceForGoodOnAllShards) {
  open_channels();
  judge(FileVerb::write, -EIO);
  EXPECT_EQ(run(Operation::write, 0, 4096, true, 1), Status::device_failed);
  disk_->judge = nullptr;
  const size_t asked = disk_->seen.size();
  for (const uint32_t shard : {0u, 1u}) {
    EXPECT_EQ(run(Operation::write, 0, 4096, true, shard), Status::device_failed);
    EXPECT_EQ(run(Operation::read, 0, 4096, false, shard), Status::device_failed);
    EXPECT_EQ(run(Operation::flush, 0, 0, false, shard), Status::device_failed);
  }
  EXPECT_EQ(disk_->seen.size(), asked) << "a failed device was asked again";
}

TEST_F(FileStoreTest, AFailedDeviceStaysFailedForChannelsWithoutAGatekeeper) {
  block::StoreSpec spec;
  OpenedStore opened = open(spec);
  ASSERT_TRUE(opened);
  channels_.push_back((*opened)->open_channel(shards_.at(0)));
  channels_.push_back((*opened)->open_channel(shards_.at(1)));
  judge(FileVerb::sync_data, -EIO);
  EXPECT_EQ(run(Operation::flush, 0, 0, false, 0), Status::device_failed);
  EXPECT_EQ(run(Operation::flush, 0, 0, false, 1), Status::device_failed);
  EXPECT_EQ(run(Operation::read, 0, 512, false, 1), Status::device_failed);
  EXPECT_EQ(disk_->count(FileVerb::sync_data), 1u) << "a failed sync was tried again";
}

TEST_F(FileStoreTest, AnySyncErrorFailsTheDevice) {
  for (const int error : {EIO, ENOSPC, EDQUOT, ENOMEM}) {
    channels_.clear();
    open_channels();
    judge(FileVerb::sync_data, -error);
    EXPECT_EQ(run(Operation::flush, 0, 0), Status::device_failed) << error;
    EXPECT_EQ(run(Operation::flush, 0, 0), Status::device_failed) << error;
  }
}

TEST_F(FileStoreTest, FlushesShareASyncThatStartsAfterThem) {
  open_channels();
  disk_->holding = true;
  Waiting first, second, third;
  begin(first, Operation::flush, 0, 0);
  begin(second, Operation::flush, 0, 0);
  begin(third, Operation::flush, 0, 0);
  EXPECT_EQ(disk_->count(FileVerb::sync_data), 1u);
  shards_.on(0, [&] { disk_->release(); });
  shards_.run_until([&] { return first.over.is_set() && second.over.is_set() && third.over.is_set(); });
  EXPECT_EQ(disk_->count(FileVerb::sync_data), 2u)
      << "the two that came late need a sync of their own, and one is enough";
}

TEST_F(FileStoreTest, ALateFlushDoesNotPassOnAFailedDevice) {
  open_channels();
  disk_->holding = true;
  Waiting first, second;
  begin(first, Operation::flush, 0, 0);
  begin(second, Operation::flush, 0, 0);
  judge(FileVerb::sync_data, -EIO, 1);  // the kernel tells once, and then says 0
  shards_.on(0, [&] { disk_->release(); });
  shards_.run_until([&] { return first.over.is_set() && second.over.is_set(); });
  EXPECT_EQ(first.request.status, Status::device_failed);
  EXPECT_EQ(second.request.status, Status::device_failed);
}

TEST_F(FileStoreTest, AFlushThatRunsWhileTheDeviceFailsFails) {
  open_channels();
  Waiting flushing, writing;
  disk_->holding = true;
  begin(flushing, Operation::flush, 0, 0);
  begin(writing, Operation::write, 0, 4096, true, 1);
  std::swap(disk_->held[0], disk_->held[1]);
  judge(FileVerb::write, -EIO);
  shards_.on(1, [&] { disk_->release(); });
  shards_.run_until([&] { return flushing.over.is_set() && writing.over.is_set(); });
  EXPECT_EQ(writing.request.status, Status::device_failed);
  EXPECT_EQ(flushing.request.status, Status::device_failed);
}

TEST_F(FileStoreTest, WithoutDirectIoOneSyncErrorReachesTheWritesOfAllShards) {
  disk_->traits.direct = false;
  disk_->traits.memory_alignment = disk_->traits.offset_alignment = 1;
  open_channels();
  disk_->holding = true;
  Waiting here, there;
  begin(here, Operation::write, 0, 4096, true, 0);
  begin(there, Operation::write, 8192, 4096, true, 1);
  judge(FileVerb::sync_data, -EIO, 1);
  shards_.on(0, [&] { disk_->release(); });
  shards_.run_until([&] { return here.over.is_set() && there.over.is_set(); });
  EXPECT_EQ(here.request.status, Status::device_failed);
  EXPECT_EQ(there.request.status, Status::device_failed);
  for (const FakeDisk::Seen& seen : disk_->seen) {
    EXPECT_FALSE(seen.durable) << "a buffered write and its sync must stay apart";
    if (seen.verb == FileVerb::sync_data) EXPECT_EQ(seen.shard, 0u);
  }
}

TEST_F(FileStoreTest, WithoutDirectIoDurableWritesAreSyncedBeforeTheyEnd) {
  disk_->traits.direct = false;
  open_channels();
  EXPECT_EQ(run(Operation::write, 0, 4096, true, 1), Status::ok);
  ASSERT_EQ(disk_->seen.size(), 2u);
  EXPECT_EQ(disk_->seen[0].verb, FileVerb::write);
  EXPECT_EQ(disk_->seen[1].verb, FileVerb::sync_data);
  EXPECT_EQ(run(Operation::write, 0, 4096, false, 1), Status::ok);
  EXPECT_EQ(disk_->seen.size(), 3u);
}

TEST_F(FileStoreTest, WithDirectIoDurableWritesAreOneCall) {
  open_channels();
  EXPECT_EQ(run(Operation::write, 0, 4096, true), Status::ok);
  ASSERT_EQ(disk_->seen.size(), 1u);
  EXPECT_TRUE(disk_->seen[0].durable);
}

TEST_F(FileStoreTest, AFullFileSystemIsToldAndHarmsNothingElse) {
  open_channels();
  judge(FileVerb::write, -ENOSPC);
  EXPECT_EQ(run(Operation::write, 0, 4096, true), Status::no_space);
  EXPECT_EQ(run(Operation::write, 0, 4096, true), Status::ok);
}

TEST_F(FileStoreTest, AShortWriteGoesOnAndTellsTheReason) {
  open_channels();
  std::vector<int64_t> answers = {1024, -ENOSPC};
  disk_->judge = [&](const FileOperation& operation) -> std::optional<int64_t> {
    if (operation.verb != FileVerb::write || answers.empty()) return std::nullopt;
    const int64_t answer = answers.front();
    answers.erase(answers.begin());
    return answer;
  };
  EXPECT_EQ(run(Operation::write, 0, 8192), Status::no_space);
  ASSERT_EQ(disk_->seen.size(), 2u);
  EXPECT_EQ(disk_->seen[1].offset, 1024u);
  EXPECT_EQ(disk_->seen[1].length, 7168u);
}

TEST_F(FileStoreTest, AShortTransferGoesOnToItsEnd) {
  open_channels();
  for (uint64_t i = 0; i < 8192; ++i) memory_->bytes[i] = static_cast<uint8_t>(i / 512 + 1);
  judge(FileVerb::write, 1536);
  EXPECT_EQ(run(Operation::write, 4096, 8192), Status::ok);
  EXPECT_EQ(std::memcmp(disk_->content.data() + 4096, memory_->bytes, 8192), 0);
  const std::vector<uint8_t> written(memory_->bytes, memory_->bytes + 8192);
  std::memset(memory_->bytes, 0xee, 8192);
  judge(FileVerb::read, 512);
  EXPECT_EQ(run(Operation::read, 4096, 8192), Status::ok);
  EXPECT_EQ(std::memcmp(memory_->bytes, written.data(), 8192), 0);
}

TEST_F(FileStoreTest, AFileThatSomebodyCutShortIsAMediumError) {
  open_channels();
  disk_->content.resize(disk_bytes / 2);
  EXPECT_EQ(run(Operation::read, disk_bytes - 4096, 4096), Status::medium_error);
  EXPECT_EQ(run(Operation::read, disk_bytes / 2 - 4096, 8192), Status::medium_error);
  judge(FileVerb::write, 100, 1000);
  EXPECT_EQ(run(Operation::write, 0, 4096), Status::medium_error) << "less than a block is no progress";
}

TEST_F(FileStoreTest, AVanishedDeviceFails) {
  open_channels();
  judge(FileVerb::read, -ENODEV);
  EXPECT_EQ(run(Operation::read, 0, 4096), Status::device_failed);
  EXPECT_EQ(run(Operation::read, 0, 4096, false, 1), Status::device_failed);
}

TEST_F(FileStoreTest, WhatWillPassIsAborted) {
  open_channels();
  for (const int error : {EAGAIN, ENOMEM, EINTR}) {
    judge(FileVerb::write, -error);
    EXPECT_EQ(run(Operation::write, 0, 4096, true), Status::aborted) << error;
  }
  EXPECT_EQ(run(Operation::write, 0, 4096, true), Status::ok);
}

TEST_F(FileStoreTest, ZeroesAreWrittenWhereTheFileSystemHasNoOtherWay) {
  open_channels();
  std::ranges::fill(disk_->content, uint8_t{0xaa});
  judge(FileVerb::zero_range, -EOPNOTSUPP, 1000);
  const uint64_t length = (3 << 20) + 512;
  EXPECT_EQ(run(Operation::write_zeroes, 512, length), Status::ok);
  EXPECT_TRUE(std::all_of(disk_->content.begin() + 512,
                          disk_->content.begin() + 512 + static_cast<ptrdiff_t>(length),
                          [](uint8_t byte) { return byte == 0; }));
  EXPECT_EQ(disk_->content[511], 0xaa);
  EXPECT_EQ(disk_->content[512 + length], 0xaa);
  for (const FakeDisk::Seen& seen : disk_->seen) {
    if (seen.verb == FileVerb::write) EXPECT_LE(seen.length, FileChannel::max_written_zeroes_bytes);
  }
  EXPECT_EQ(run(Operation::write_zeroes, 0, 512), Status::ok);
  EXPECT_EQ(disk_->count(FileVerb::zero_range), 1u) << "asked again what the file system does not know";
}

TEST_F(FileStoreTest, DurableZeroesAreSynced) {
  open_channels();
  EXPECT_EQ(run(Operation::write_zeroes, 0, 4096, true), Status::ok);
  ASSERT_EQ(disk_->seen.size(), 2u);
  EXPECT_EQ(disk_->seen[0].verb, FileVerb::punch_hole);
  EXPECT_EQ(disk_->seen[1].verb, FileVerb::sync_data);
  judge(FileVerb::sync_data, -EIO);
  EXPECT_EQ(run(Operation::write_zeroes, 0, 4096, true), Status::device_failed);
}

TEST_F(FileStoreTest, AThickVolumeKeepsItsSpace) {
  block::StoreSpec spec;
  spec.thin = false;
  open_channels(spec);
  EXPECT_EQ(run(Operation::discard, 0, 4096), Status::unsupported);
  EXPECT_EQ(run(Operation::write_zeroes, 0, 4096, true), Status::ok);
  EXPECT_EQ(disk_->count(FileVerb::punch_hole), 0u);
  EXPECT_EQ(disk_->count(FileVerb::zero_range), 1u);
}

TEST_F(FileStoreTest, ADiscardThatTheFileSystemRefusesStillZeroes) {
  open_channels();
  std::ranges::fill(disk_->content, uint8_t{0xaa});
  disk_->judge = [](const FileOperation& operation) -> std::optional<int64_t> {
    const bool zeroing = operation.verb == FileVerb::punch_hole || operation.verb == FileVerb::zero_range;
    return zeroing ? std::optional<int64_t>(-EOPNOTSUPP) : std::nullopt;
  };
  EXPECT_EQ(run(Operation::discard, 4096, 4096), Status::ok);
  EXPECT_EQ(disk_->content[4095], 0xaa);
  EXPECT_EQ(disk_->content[4096], 0);
  EXPECT_EQ(disk_->content[8191], 0);
  EXPECT_EQ(disk_->content[8192], 0xaa);
}

TEST_F(FileStoreTest, MisalignedMemoryIsBouncedEvenWhenThePoolIsDry) {
  open_channels();
  std::vector<Buffer> hoard(200);
  size_t taken = 0;
  BufferPool& pool = shards_.at(0).buffers();
  for (const uint32_t size : {262144u, 32768u, 4096u}) {
    while (taken < hoard.size() && pool.allocate(hoard[taken], size)) ++taken;
  }
  constexpr uint64_t length = 64 << 10;
  for (uint64_t i = 0; i < length; ++i) memory_->bytes[i + 1] = static_cast<uint8_t>(i / 300);
  std::vector<std::unique_ptr<Waiting>> waiting;
  const iovec odd{memory_->bytes + 1, length};
  for (uint64_t i = 0; i < 10; ++i) {
    waiting.push_back(std::make_unique<Waiting>());
    block::Request& request = waiting[i]->request;
    request.operation = Operation::write;
    request.offset = i * length;
    request.length = length;
    request.parts = {&odd, 1};
    shards_.on(0, [&] { waiting[i]->submit(*channels_[0]); });
  }
  shards_.run_until(
      [&] { return std::ranges::all_of(waiting, [](auto& each) { return each->over.is_set(); }); });
  for (uint64_t i = 0; i < 10; ++i) {
    EXPECT_EQ(waiting[i]->request.status, Status::ok);
    EXPECT_EQ(std::memcmp(disk_->content.data() + i * length, memory_->bytes + 1, length), 0) << i;
  }
  hoard.clear();
  EXPECT_EQ(pool.in_use(), 0u);
}

TEST_F(FileStoreTest, TheFileGetsABoundedNumberAtATime) {
  open_channels();
  disk_->holding = true;
  constexpr size_t many = FileChannel::max_works + 50;
  std::vector<std::unique_ptr<Waiting>> waiting;
  for (size_t i = 0; i < many; ++i) {
    waiting.push_back(std::make_unique<Waiting>());
    begin(*waiting[i], Operation::read, i * 512, 512);
  }
  EXPECT_EQ(disk_->held.size(), FileChannel::max_works);
  shards_.on(0, [&] { disk_->release(); });
  shards_.run_until(
      [&] { return std::ranges::all_of(waiting, [](auto& each) { return each->over.is_set(); }); });
  for (size_t i = 0; i < many; ++i) EXPECT_EQ(disk_->seen[i].offset, i * 512);
}

TEST_F(FileStoreTest, ExtentsAreRoundedToWholeBlocksTheSafeWay) {
  open_channels();
  struct Case {
    bool there;
    int64_t found;
    bool expected;
    uint64_t length;
  };
  for (const Case& each : {Case{true, 700, true, 1024}, Case{false, 700, false, 512},
                           Case{false, 100, true, 512}, Case{true, disk_bytes * 2, true, disk_bytes}}) {
    disk_->judge = [&](const FileOperation& operation) -> std::optional<int64_t> {
      const_cast<FileOperation&>(operation).extent_allocated = each.there;
      return each.found;
    };
    Waiting waiting;
    begin(waiting, Operation::find_extent, 0, 0);
    shards_.run_until([&] { return waiting.over.is_set(); });
    EXPECT_EQ(waiting.request.extent_allocated, each.expected) << each.found;
    EXPECT_EQ(waiting.request.extent_length, each.length) << each.found;
  }
}

TEST_F(FileStoreTest, AnUnknownExtentCountsAsThere) {
  open_channels();
  judge(FileVerb::find_extent, -EOPNOTSUPP);
  Waiting waiting;
  begin(waiting, Operation::find_extent, 4096, 0);
  shards_.run_until([&] { return waiting.over.is_set(); });
  EXPECT_EQ(waiting.request.status, Status::ok);
  EXPECT_TRUE(waiting.request.extent_allocated);
  EXPECT_EQ(waiting.request.extent_length, disk_bytes - 4096);
}

TEST_F(FileStoreTest, SharesRangesOfThinFilesOrLeavesItToBeCopied) {
  open_channels();
  const std::shared_ptr<block::CloneSource> source = channels_[0]->clone_source();
  ASSERT_NE(source, nullptr);
  const auto clone = [&](bool durable = false) {
    Waiting waiting;
    waiting.request.clone_source = source.get();
    waiting.request.clone_source_offset = 8192;
    begin(waiting, Operation::clone, 4096, 4096, durable);
    shards_.run_until([&] { return waiting.over.is_set(); });
    return waiting.request.status;
  };
  judge(FileVerb::clone_range, 0, 2);
  EXPECT_EQ(clone(), Status::ok);
  EXPECT_EQ(disk_->count(FileVerb::sync_data), 0u);
  EXPECT_EQ(clone(true), Status::ok);
  EXPECT_EQ(disk_->count(FileVerb::sync_data), 1u) << "durable";
  for (const int64_t error : {-EINVAL, -EXDEV, -ENOSPC}) {
    judge(FileVerb::clone_range, error);
    EXPECT_EQ(clone(), Status::unsupported) << error;
  }
  judge(FileVerb::clone_range, -EIO);
  EXPECT_EQ(clone(), Status::medium_error);
  judge(FileVerb::clone_range, -EOPNOTSUPP);
  EXPECT_EQ(clone(), Status::unsupported);
  const size_t asked = disk_->seen.size();
  EXPECT_EQ(clone(), Status::unsupported);
  EXPECT_EQ(disk_->seen.size(), asked) << "asked again what the file system does not know";
  EXPECT_EQ(channels_[0]->clone_source(), nullptr);
}

TEST_F(FileStoreTest, AThickFileSharesNothing) {
  block::StoreSpec spec;
  spec.thin = false;
  open_channels(spec);
  EXPECT_EQ(channels_[0]->clone_source(), nullptr) << "what it shares it would not have to itself";
}

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
}  // namespace ashlar::stores
