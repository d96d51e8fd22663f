// A drive whose image files are put in and taken out, also under reads.
#include <gmock/gmock.h>

#include "stores/file_store_test.h"

namespace ashlar::stores::test {
namespace {

using testing::HasSubstr;

constexpr uint32_t cd_block = 2048;

class CdromStore : public FileStoreTest {
 protected:
  CdromStore() {
    other_->content.assign(10 * cd_block, 0x22);
    disk_->content.assign(20 * cd_block, 0x11);
    shards_.at(0).open_file = [this](
                                  const std::string& path,
                                  const loop::OpenOptions& options) -> Result<std::unique_ptr<loop::File>> {
      options_ = options;
      if (path == "/gone") return fail(ErrorCode::not_found, path, "is not there");
      return std::make_unique<FakeFile>(shards_.at(0), path == "/other" ? other_ : disk_);
    };
  }
  static block::StoreSpec spec_of(const std::string& path) {
    block::StoreSpec spec;
    spec.block_bytes = cd_block;
    spec.read_only = true;
    if (!path.empty()) spec.options["path"] = path;
    return spec;
  }
  OpenedStore open_drive(const std::string& path) {
    return shards_.run([&] { return open_cdrom(spec_of(path)); });
  }
  void use_drive(const std::string& path) {
    OpenedStore opened = open_drive(path);
    ASSERT_TRUE(opened) << opened.error().text();
    store_ = block::guard(*opened, "drive");
    for (uint32_t i = 0; i < shards_.count(); ++i) channels_.push_back(store_->open_channel(shards_.at(i)));
  }
  Result<void> insert(const std::string& path) {
    auto medium = shards_.run([&] { return store_->open_medium(path); });
    if (!medium) return std::unexpected(medium.error());
    begin_change(*medium);
    return {};
  }
  void begin_change(std::shared_ptr<block::Medium> medium) {
    changed_ = false;
    shards_.on(0, [&] { change(*this, store_, std::move(medium)).detach(); });
    shards_.settle();
  }
  static loop::Task<void> change(CdromStore& test, std::shared_ptr<block::Store> store,
                                 std::shared_ptr<block::Medium> medium) {
    auto changing = store->change_medium(std::move(medium));
    co_await changing;
    test.changed_ = true;
  }
  Status read(uint32_t shard = 0, uint64_t block = 0) {
    return run(Operation::read, block * cd_block, cd_block, false, shard);
  }

  std::shared_ptr<FakeDisk> other_ = std::make_shared<FakeDisk>();
  bool changed_ = false;
};

TEST_F(CdromStore, ReadsItsImageAndNothingElse) {
  use_drive("/fake");
  EXPECT_FALSE(options_.writable || options_.create || options_.exclusive);
  EXPECT_EQ(store_->limits().size_bytes, 20u * cd_block);
  EXPECT_EQ(store_->limits().block_bytes, cd_block);
  EXPECT_EQ(read(1, 19), Status::ok);
  EXPECT_EQ(memory_->bytes[0], 0x11);
  EXPECT_EQ(read(0, 20), Status::out_of_range);
  EXPECT_EQ(run(Operation::write, 0, cd_block), Status::read_only);
  EXPECT_EQ(run(Operation::discard, 0, cd_block), Status::read_only);
  EXPECT_FALSE(shards_.run([&] { return store_->resize(cd_block); }));
}

TEST_F(CdromStore, WhatIsBehindTheLastWholeBlockIsLeftOut) {
  disk_->content.resize(3 * cd_block + 100);
  use_drive("/fake");
  EXPECT_EQ(store_->limits().size_bytes, 3u * cd_block);
  EXPECT_EQ(read(0, 2), Status::ok);
  EXPECT_EQ(read(0, 3), Status::out_of_range);
}

TEST_F(CdromStore, RefusesWhatIsNoImage) {
  disk_->content.resize(cd_block - 1);
  EXPECT_THAT(open_drive("/fake").error().message, HasSubstr("less than one block"));
  disk_->content.resize(cd_block);
  EXPECT_TRUE(open_drive("/fake"));
  disk_->traits.block_device = true;
  EXPECT_THAT(open_drive("/fake").error().message, HasSubstr("image file"));
  EXPECT_EQ(open_drive("/gone").error().code, ErrorCode::not_found);
  block::StoreSpec spec = spec_of("");
  spec.block_bytes = 512;
  EXPECT_EQ(shards_.run([&] { return open_cdrom(spec); }).error().place, "block_bytes");
  spec = spec_of("");
  spec.size_bytes = cd_block;
  EXPECT_EQ(shards_.run([&] { return open_cdrom(spec); }).error().place, "size_bytes");
}

TEST_F(CdromStore, MediaComeAndGo) {
  use_drive("");
  EXPECT_EQ(store_->limits().size_bytes, 0u);
  EXPECT_EQ(read(), Status::out_of_range);
  ASSERT_TRUE(insert("/fake"));
  EXPECT_TRUE(changed_);
  EXPECT_EQ(store_->limits().size_bytes, 20u * cd_block);
  EXPECT_EQ(read(1), Status::ok);
  EXPECT_EQ(memory_->bytes[0], 0x11);
  ASSERT_TRUE(insert("/other"));
  EXPECT_EQ(store_->limits().size_bytes, 10u * cd_block);
  for (const uint32_t shard : {0u, 1u}) {
    EXPECT_EQ(read(shard), Status::ok);
    EXPECT_EQ(memory_->bytes[0], 0x22);
  }
  EXPECT_EQ(insert("/gone").error().code, ErrorCode::not_found);
  EXPECT_EQ(read(), Status::ok) << "the old one is still there";
  begin_change(nullptr);
  EXPECT_TRUE(changed_);
  EXPECT_EQ(read(), Status::out_of_range);
}

TEST_F(CdromStore, AReadOnTheOldMediumEndsOnceAndTheChangeWaitsForIt) {
  use_drive("/fake");
  disk_->holding = true;
  Waiting old;
  begin(old, Operation::read, 0, cd_block, false, 1);
  auto medium = shards_.run([&] { return store_->open_medium("/other"); });
  ASSERT_TRUE(medium);
  begin_change(*medium);
  medium->reset();
  EXPECT_FALSE(changed_);
  EXPECT_EQ(store_->limits().size_bytes, 0u);
  EXPECT_EQ(read(0), Status::out_of_range);
  EXPECT_FALSE(old.over.is_set());
  shards_.on(1, [&] { disk_->release(); });
  shards_.settle();
  EXPECT_TRUE(old.over.is_set());
  EXPECT_EQ(old.request.status, Status::ok);
  EXPECT_EQ(memory_->bytes[0], 0x11);
  EXPECT_TRUE(changed_);
  EXPECT_EQ(read(1), Status::ok);
  EXPECT_EQ(memory_->bytes[0], 0x22);
}

TEST_F(CdromStore, AMediumThatFailsDoesNotFailTheDrive) {
  use_drive("/fake");
  judge(FileVerb::read, -EIO, 1000);
  EXPECT_EQ(read(), Status::medium_error);
  judge(FileVerb::read, -ENODEV, 1000);
  EXPECT_EQ(read(), Status::medium_error);
  disk_->judge = nullptr;
  ASSERT_TRUE(insert("/other"));
  EXPECT_EQ(read(), Status::ok);
}

TEST_F(CdromStore, OtherStoresKeepTheirMedium) {
  disk_->content.resize(disk_bytes);
  open_channels();
  const auto medium = shards_.run([&] { return store_->open_medium("/other"); });
  ASSERT_FALSE(medium);
  EXPECT_EQ(medium.error().code, ErrorCode::unsupported);
}

}  // namespace
}  // namespace ashlar::stores::test
