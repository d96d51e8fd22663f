// For tests of the file and block stores: two shards with channels to one file, whose answers the test decides.
#pragma once

#include <gtest/gtest.h>

#include "block/gatekeeper.h"
#include "block/worlds_test.h"
#include "stores/fake_file_test.h"
#include "stores/file_channel.h"
#include "stores/stores.h"

namespace ashlar::stores::test {

using block::Operation;
using block::Status;
using block::Waiting;
using loop::FileOperation;
using loop::FileVerb;

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

}  // namespace ashlar::stores::test
