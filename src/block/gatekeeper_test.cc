#include "block/gatekeeper.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "block/worlds_test.h"

namespace ashlar::block {
namespace {

// A device that keeps every promise or breaks one, as the test says.
struct Behaviour {
  Limits limits;
  std::function<void(Request&)> submit = [](Request& request) { request.complete(Status::ok); };
  int submitted = 0;
};

class TestDevice final : public BlockDevice {
 public:
  explicit TestDevice(std::shared_ptr<Behaviour> behaviour) : behaviour_(std::move(behaviour)) {}
  const Limits& limits() const override { return behaviour_->limits; }
  void submit(Request& request) override {
    ++behaviour_->submitted;
    behaviour_->submit(request);
  }

 private:
  std::shared_ptr<Behaviour> behaviour_;
};

class TestStore final : public Store {
 public:
  explicit TestStore(std::shared_ptr<Behaviour> behaviour) : behaviour_(std::move(behaviour)) {}
  const Limits& limits() const override { return behaviour_->limits; }
  std::unique_ptr<BlockDevice> open_channel(loop::Loop&) override {
    return std::make_unique<TestDevice>(behaviour_);
  }
  loop::Task<Result<void>> resize(uint64_t) override { co_return Result<void>(); }

 private:
  std::shared_ptr<Behaviour> behaviour_;
};

class GatekeeperTest : public testing::Test {
 protected:
  GatekeeperTest() {
    behaviour_->limits.size_bytes = 1 << 20;
    store_ = guard(std::make_shared<TestStore>(behaviour_), "v1");
    for (uint32_t i = 0; i < 2; ++i) channels_.push_back(store_->open_channel(shards_.at(i)));
  }
  Status run(Operation operation, uint64_t offset, uint64_t length, uint32_t channel = 0) {
    Waiting waiting;
    begin(waiting, operation, offset, length, channel);
    shards_.run_until([&] { return waiting.over.is_set(); });
    return waiting.request.status;
  }
  void begin(Waiting& waiting, Operation operation, uint64_t offset, uint64_t length, uint32_t channel = 0) {
    waiting.request.operation = operation;
    waiting.request.offset = offset;
    waiting.request.length = length;
    part_ = {memory_.data(), length};
    if (operation == Operation::read || operation == Operation::write) waiting.request.parts = {&part_, 1};
    shards_.on(channel, [&] { waiting.submit(*channels_[channel]); });
  }
  std::vector<uint8_t> memory_ = std::vector<uint8_t>(17 << 20);
  iovec part_{};
  TestShards shards_{2};
  std::shared_ptr<Behaviour> behaviour_ = std::make_shared<Behaviour>();
  std::shared_ptr<Store> store_;
  std::vector<std::unique_ptr<BlockDevice>> channels_;
};
using GatekeeperDeathTest = GatekeeperTest;

TEST_F(GatekeeperTest, AStoreMaySayThatACloneIsToBeCopied) {
  CloneSource source;
  const auto clone = [&](uint64_t offset) {
    Waiting waiting;
    waiting.request.clone_source = &source;
    begin(waiting, Operation::clone, offset, 4096);
    shards_.run_until([&] { return waiting.over.is_set(); });
    return waiting.request.status;
  };
  EXPECT_EQ(clone(0), Status::ok);
  EXPECT_EQ(clone((1 << 20) - 512), Status::out_of_range);
  behaviour_->submit = [](Request& request) { request.complete(Status::unsupported); };
  EXPECT_EQ(clone(0), Status::unsupported);
  behaviour_->limits.read_only = true;
  EXPECT_EQ(clone(0), Status::read_only);
  EXPECT_EQ(channels_[0]->clone_source(), nullptr) << "a device that knows nothing of it";
}

TEST_F(GatekeeperTest, RefusesWithoutAskingTheDevice) {
  struct Case {
    Operation operation;
    uint64_t offset, length;
    Status expected;
  };
  behaviour_->limits.max_transfer_bytes = 8192;
  behaviour_->limits.max_discard_bytes = 65536;
  const Case cases[] = {
      {Operation::read, 1 << 20, 512, Status::out_of_range},
      {Operation::read, (1 << 20) - 512, 1024, Status::out_of_range},
      {Operation::write, UINT64_MAX - 511, 512, Status::out_of_range},
      {Operation::write_zeroes, 512, UINT64_MAX - 511, Status::out_of_range},
      {Operation::read, 0, 100, Status::misaligned},
      {Operation::write, 100, 512, Status::misaligned},
      {Operation::read, 0, 8704, Status::unsupported},
      {Operation::discard, 0, 512, Status::unsupported},
      {Operation::write_zeroes, 0, 65536 + 512, Status::unsupported},
      {Operation::find_extent, 0, 0, Status::unsupported},
  };
  for (const Case& each : cases) {
    EXPECT_EQ(run(each.operation, each.offset, each.length), each.expected)
        << name_of(each.operation) << " " << each.length << " at " << each.offset;
  }
  behaviour_->limits.find_extent = true;
  EXPECT_EQ(run(Operation::find_extent, 1 << 20, 0), Status::out_of_range);
  EXPECT_EQ(run(Operation::find_extent, 100, 0), Status::misaligned);
  behaviour_->limits.read_only = true;
  behaviour_->limits.discard_granularity_bytes = 512;
  EXPECT_EQ(run(Operation::write, 0, 512), Status::read_only);
  EXPECT_EQ(run(Operation::discard, 0, 512), Status::read_only);
  EXPECT_EQ(run(Operation::write_zeroes, 0, 512), Status::read_only);
  EXPECT_EQ(behaviour_->submitted, 0);
  EXPECT_EQ(run(Operation::read, 0, 8192), Status::ok);
  EXPECT_EQ(run(Operation::flush, 12345, 678), Status::ok) << "a flush has no range";
  EXPECT_EQ(behaviour_->submitted, 2);
}

TEST_F(GatekeeperTest, EmptyRequestsEndWithoutTheDevice) {
  EXPECT_EQ(run(Operation::read, 1 << 20, 0), Status::ok);
  EXPECT_EQ(run(Operation::write, 0, 0), Status::ok);
  EXPECT_EQ(behaviour_->submitted, 0);
}

TEST_F(GatekeeperTest, AFailedDeviceStaysFailedOnAllChannels) {
  behaviour_->submit = [](Request& request) { request.complete(Status::device_failed); };
  EXPECT_EQ(run(Operation::flush, 0, 0, 1), Status::device_failed);
  behaviour_->submit = [](Request& request) { request.complete(Status::ok); };
  EXPECT_EQ(run(Operation::read, 0, 512, 0), Status::device_failed);
  EXPECT_EQ(run(Operation::read, 0, 512, 1), Status::device_failed);
  EXPECT_EQ(behaviour_->submitted, 1);
  std::map<std::string, uint64_t> counters;
  store_->collect(counters);
  EXPECT_EQ(counters.at("failed"), 1u);
}

TEST_F(GatekeeperTest, OtherErrorsPass) {
  for (const Status status : {Status::medium_error, Status::no_space, Status::aborted}) {
    behaviour_->submit = [status](Request& request) { request.complete(status); };
    EXPECT_EQ(run(Operation::write, 0, 512), status);
  }
}

TEST_F(GatekeeperDeathTest, ADroppedRequestIsNamedAtClose) {
  behaviour_->submit = [](Request&) {};
  EXPECT_DEATH(
      {
        Waiting waiting;
        begin(waiting, Operation::write, 4096, 1024);
        channels_[0]->close();
      },
      "v1: closed with 1 requests in flight: write 1024 at 4096");
}

TEST_F(GatekeeperDeathTest, ADroppedRequestIsNamedWhenItsOwnerDies) {
  behaviour_->submit = [](Request&) {};
  EXPECT_DEATH(
      {
        Waiting waiting;
        begin(waiting, Operation::read, 4096, 512);
      },
      "dropped in flight: read 512 at 4096");
}

TEST_F(GatekeeperDeathTest, ACompletionTooManyIsNamed) {
  behaviour_->submit = [](Request& request) {
    request.complete(Status::ok);
    request.complete(Status::ok);
  };
  EXPECT_DEATH(run(Operation::read, 0, 512), "completed twice: read 512 at 0");
}

TEST_F(GatekeeperDeathTest, ACompletionAfterTheEndIsNamed) {
  EXPECT_DEATH(
      {
        Waiting waiting;
        begin(waiting, Operation::read, 0, 512);
        shards_.settle();
        shards_.on(0, [&] { waiting.request.complete(Status::ok); });
      },
      "completed twice: read 512 at 0");
}

TEST_F(GatekeeperDeathTest, ASecondSubmitIsNamed) {
  behaviour_->submit = [](Request&) {};
  EXPECT_DEATH(
      {
        Waiting waiting;
        begin(waiting, Operation::read, 0, 512);
        begin(waiting, Operation::read, 0, 512);
      },
      "submitted twice: read 512 at 0");
}

TEST_F(GatekeeperDeathTest, AStoreThatAnswersInsideSubmitIsNamed) {
  behaviour_->submit = [](Request& request) { static_cast<loop::Ready&>(request).run(); };
  EXPECT_DEATH(run(Operation::read, 0, 512), "v1: completed inside submit: read 512 at 0");
}

TEST_F(GatekeeperDeathTest, AStoreThatChangesTheRequestIsNamed) {
  behaviour_->submit = [](Request& request) {
    request.offset += 512;
    request.complete(Status::ok);
  };
  EXPECT_DEATH(run(Operation::read, 0, 512), "v1: changed below");
}

TEST_F(GatekeeperDeathTest, OnlyTheGatekeeperRefuses) {
  behaviour_->submit = [](Request& request) { request.complete(Status::out_of_range); };
  EXPECT_DEATH(run(Operation::read, 0, 512), "v1: out_of_range from below the gatekeeper: read 512 at 0");
}

TEST_F(GatekeeperDeathTest, AnEmptyExtentIsABug) {
  behaviour_->limits.find_extent = true;
  EXPECT_DEATH(run(Operation::find_extent, 0, 0), "v1: extent of 0 bytes");
}

TEST_F(GatekeeperDeathTest, PiecesMustAddUp) {
  EXPECT_DEATH(
      {
        Waiting waiting;
        waiting.request.length = 1024;
        part_.iov_base = memory_.data();
        part_.iov_len = 512;
        waiting.request.parts = std::span<const iovec>(&part_, size_t{1});
        shards_.on(0, [&] { waiting.submit(*channels_[0]); });
      },
      "v1: pieces of 512 bytes: read 1024 at 0");
}

}  // namespace
}  // namespace ashlar::block
