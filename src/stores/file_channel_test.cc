// What becomes of requests to a file: errors, syncs, zeroes, extents.
#include "stores/file_store_test.h"

namespace ashlar::stores::test {
namespace {

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

}  // namespace
}  // namespace ashlar::stores::test
