#include "layers/layers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "block/gatekeeper.h"
#include "block/worlds_test.h"
#include "layers/fault.h"
#include "layers/latency_histogram.h"
#include "stores/stores.h"

namespace ashlar::layers {
namespace {

using block::Operation;
using block::Status;
using block::Waiting;
using testing::HasSubstr;

class LayersTest : public testing::Test {
 protected:
  LayersTest() {
    stores::add_all(registry_);
    add_all(registry_);
    block::StoreSpec spec;
    spec.size_bytes = 1 << 20;
    memory_ = *shards_.run([&] { return stores::open_memory(spec); });
  }
  void put(std::shared_ptr<block::Store> store) {
    top_ = block::guard(std::move(store), "v1");
    for (uint32_t i = 0; i < 2; ++i) channels_.push_back(top_->open_channel(shards_.at(i)));
  }
  FaultStore& put_fault(const FaultPlan& plan, uint64_t seed = 1) {
    auto fault = std::make_shared<FaultStore>(memory_, plan, seed);
    FaultStore& reference = *fault;
    put(std::move(fault));
    return reference;
  }
  Status run(Operation operation, uint64_t offset, uint64_t blocks, uint8_t fill = 0, uint32_t shard = 0) {
    const bool data = operation == Operation::read || operation == Operation::write;
    bytes_.assign(data ? blocks * 512 : 0, fill);
    Status status = Status::aborted;
    bool over = false;
    shards_.send(shard, [&] {
      auto story = [&]() -> loop::Task<void> {
        auto performing = block::perform(*channels_[shard], operation, offset, bytes_, blocks * 512);
        status = co_await performing;
        over = true;
      };
      story_ = story;
      story_().detach();
    });
    shards_.run_until([&] { return over; });
    return status;
  }
  std::map<std::string, uint64_t> counters() {
    std::map<std::string, uint64_t> collected;
    top_->collect(collected);
    return collected;
  }
  block::Registry registry_;
  block::TestShards shards_{2};
  std::shared_ptr<block::Store> memory_;
  std::shared_ptr<block::Store> top_;
  std::vector<std::unique_ptr<block::BlockDevice>> channels_;
  std::vector<uint8_t> bytes_;
  block::Story story_;
};

TEST_F(LayersTest, ReadonlyRefusesChangesAndReadsOn) {
  put(*registry_.stack({.kind = "readonly"}, memory_, "x"));
  EXPECT_TRUE(top_->limits().read_only);
  EXPECT_EQ(run(Operation::write, 0, 1), Status::read_only);
  EXPECT_EQ(run(Operation::discard, 0, 1), Status::read_only);
  EXPECT_EQ(run(Operation::write_zeroes, 0, 1), Status::read_only);
  EXPECT_EQ(run(Operation::read, 0, 1), Status::ok);
  EXPECT_EQ(run(Operation::flush, 0, 0), Status::ok);
  EXPECT_TRUE(shards_.run([&] { return top_->resize(2 << 20); }));
  EXPECT_EQ(channels_[1]->limits().size_bytes, 2u << 20);
}

TEST_F(LayersTest, StatsAddUpOverShards) {
  put(*registry_.stack({.kind = "stats"}, memory_, "x"));
  EXPECT_EQ(run(Operation::write, 0, 8, 1, 0), Status::ok);
  EXPECT_EQ(run(Operation::write, 0, 4, 1, 1), Status::ok);
  EXPECT_EQ(run(Operation::read, 0, 2), Status::ok);
  auto counted = counters();
  EXPECT_EQ(counted["write.count"], 2u);
  EXPECT_EQ(counted["write.bytes"], 12u * 512);
  EXPECT_EQ(counted["write.errors"], 0u);
  EXPECT_EQ(counted["write.in_flight"], 0u);
  EXPECT_EQ(counted["read.count"], 1u);
  EXPECT_EQ(counted["read.bytes"], 1024u);
  EXPECT_EQ(counted["flush.count"], 0u);
  channels_.clear();
  EXPECT_EQ(counters()["write.count"], 2u) << "counts outlive channels";
}

TEST_F(LayersTest, StatsMeasureLatencyAndErrors) {
  FaultPlan plan;
  plan.operations = 1u << static_cast<uint32_t>(Operation::read);
  plan.rate_per_million = 1'000'000;
  plan.error = Status::ok;
  plan.delay = loop::milliseconds(5);
  auto fault = std::make_shared<FaultStore>(memory_, plan, 1);
  put(*registry_.stack({.kind = "stats"}, fault, "x"));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(run(Operation::read, 0, 1), Status::ok);
  auto counted = counters();
  EXPECT_EQ(counted["read.latency_max_ns"], 5'000'000u);
  EXPECT_EQ(counted["read.latency_sum_ns"], 15'000'000u);
  EXPECT_EQ(counted["read.latency_p50_ns"], 5'000'000u);
  EXPECT_EQ(counted[fmt::format("read.latency_ns.below_{}",
                                LatencyHistogram::bound_of(LatencyHistogram::bucket_of(5'000'000)))],
            3u);
  plan.error = Status::medium_error;
  fault->set_plan(plan);
  EXPECT_EQ(run(Operation::read, 0, 1), Status::medium_error);
  EXPECT_EQ(counters()["read.errors"], 1u);
  EXPECT_EQ(counters()["read.bytes"], 3u * 512);
}

TEST(LatencyHistogram, BucketsAreInOrderAndHoldWhatTheySay) {
  uint64_t previous = 0;
  for (uint32_t i = 0; i < LatencyHistogram::bucket_count; ++i) {
    const uint64_t bound = LatencyHistogram::bound_of(i);
    ASSERT_GT(bound, previous) << i;
    EXPECT_EQ(LatencyHistogram::bucket_of(bound - 1), i);
    if (i > 0) EXPECT_EQ(LatencyHistogram::bucket_of(previous), i);
    if (i > 0 && i + 1 < LatencyHistogram::bucket_count) EXPECT_LE(bound - previous, previous / 4) << i;
    previous = bound;
  }
  EXPECT_EQ(LatencyHistogram::bucket_of(UINT64_MAX), LatencyHistogram::bucket_count - 1);
}

TEST(LatencyHistogram, QuantilesAreBoundsOfTheRightBuckets) {
  LatencyHistogram histogram;
  for (uint64_t i = 1; i <= 1000; ++i) histogram.add(i * 1'000'000);
  LatencySummary summary;
  EXPECT_EQ(summary.quantile(500), 0u);
  summary.add(histogram);
  for (const uint32_t per_mille : {1u, 500u, 990u, 1000u}) {
    const uint64_t exact = uint64_t{per_mille} * 1'000'000;
    EXPECT_GT(summary.quantile(per_mille), exact);
    EXPECT_LE(summary.quantile(per_mille), exact + exact / 4 + 1);
  }
}

TEST_F(LayersTest, FaultStrikesTheNthOnce) {
  FaultPlan plan;
  plan.operations = 1u << static_cast<uint32_t>(Operation::write);
  plan.nth = 3;
  put_fault(plan);
  std::vector<Status> seen;
  for (uint32_t i = 0; i < 5; ++i) {
    EXPECT_EQ(run(Operation::read, 0, 1), Status::ok);
    seen.push_back(run(Operation::write, 0, 1, 0, i % 2));
  }
  EXPECT_EQ(seen,
            (std::vector<Status>{Status::ok, Status::ok, Status::medium_error, Status::ok, Status::ok}));
  EXPECT_EQ(counters()["fault.struck"], 1u);
}

TEST_F(LayersTest, FaultChanceFollowsTheSeed) {
  auto draw = [&](uint64_t seed) {
    FaultPlan plan;
    plan.rate_per_million = 200'000;
    put_fault(plan, seed);
    std::vector<Status> seen;
    for (int i = 0; i < 200; ++i) seen.push_back(run(Operation::read, 0, 1));
    channels_.clear();
    return seen;
  };
  const auto first = draw(5);
  EXPECT_EQ(first, draw(5));
  EXPECT_NE(first, draw(6));
  const auto errors = std::ranges::count(first, Status::medium_error);
  EXPECT_GT(errors, 20);
  EXPECT_LT(errors, 70);
}

TEST_F(LayersTest, FaultTearsWrites) {
  ASSERT_EQ((put_fault({}), run(Operation::write, 0, 8, 0x11)), Status::ok);
  channels_.clear();
  FaultPlan plan;
  plan.nth = 1;
  plan.torn = true;
  put_fault(plan);
  EXPECT_EQ(run(Operation::write, 0, 8, 0x22), Status::medium_error);
  EXPECT_EQ(run(Operation::read, 0, 8), Status::ok);
  for (size_t i = 0; i < bytes_.size(); ++i) ASSERT_EQ(bytes_[i], i < 4 * 512 ? 0x22 : 0x11) << i;
}

TEST_F(LayersTest, FaultLeavesAtomicWritesWhole) {
  FaultPlan plan;
  plan.nth = 1;
  plan.torn = true;
  put_fault(plan);
  std::vector<uint8_t> written(4096, 0x22);
  const iovec part{written.data(), written.size()};
  Waiting waiting;
  waiting.request.operation = Operation::write;
  waiting.request.atomic = true;
  waiting.request.length = written.size();
  waiting.request.parts = {&part, 1};
  shards_.on(0, [&] { waiting.submit(*channels_[0]); });
  shards_.settle();
  EXPECT_EQ(waiting.request.status, Status::medium_error);
  EXPECT_EQ(run(Operation::read, 0, 8), Status::ok);
  EXPECT_EQ(bytes_, std::vector<uint8_t>(4096)) << "not a part of it";
}

TEST_F(LayersTest, FaultKillsTheDeviceOnAllShards) {
  FaultPlan plan;
  plan.nth = 2;
  plan.error = Status::device_failed;
  FaultStore& fault = put_fault(plan);
  EXPECT_EQ(run(Operation::read, 0, 1, 0, 0), Status::ok);
  EXPECT_EQ(run(Operation::read, 0, 1, 0, 1), Status::device_failed);
  EXPECT_EQ(run(Operation::read, 0, 1, 0, 0), Status::device_failed);
  fault.set_plan({});
  EXPECT_EQ(run(Operation::read, 0, 1, 0, 0), Status::device_failed);
}

TEST_F(LayersTest, FaultHangsUntilReleased) {
  FaultPlan plan;
  plan.nth = 1;
  plan.hang = true;
  plan.error = Status::ok;
  FaultStore& fault = put_fault(plan);
  bytes_.assign(512, 0x77);
  const iovec part{bytes_.data(), bytes_.size()};
  Waiting waiting;
  waiting.request.operation = Operation::write;
  waiting.request.length = 512;
  waiting.request.parts = {&part, 1};
  shards_.on(1, [&] { waiting.submit(*channels_[1]); });
  shards_.advance(std::chrono::hours(1));
  EXPECT_FALSE(waiting.over.is_set());
  fault.release();
  shards_.settle();
  EXPECT_TRUE(waiting.over.is_set());
  EXPECT_EQ(waiting.request.status, Status::ok);
  EXPECT_EQ(run(Operation::read, 0, 1), Status::ok);
  EXPECT_EQ(bytes_[0], 0x77);
}

TEST(FaultPlan, OptionsAreChecked) {
  const auto plan = FaultPlan::parse({{"operations", "write,flush"},
                                      {"rate_per_million", "5"},
                                      {"nth", "7"},
                                      {"error", "no_space"},
                                      {"torn", "true"},
                                      {"hang", "false"},
                                      {"delay_ms", "12"}});
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->operations, 0b110u);
  EXPECT_EQ(plan->rate_per_million, 5u);
  EXPECT_EQ(plan->nth, 7u);
  EXPECT_EQ(plan->error, Status::no_space);
  EXPECT_TRUE(plan->torn);
  EXPECT_EQ(plan->delay, loop::milliseconds(12));
  EXPECT_THAT(FaultPlan::parse({{"operations", "write,sing"}}).error().message,
              HasSubstr("no operation \"sing\""));
  EXPECT_THAT(FaultPlan::parse({{"operations", ""}}).error().message, HasSubstr("no operation"));
  EXPECT_EQ(FaultPlan::parse({{"rate_per_million", "1000001"}}).error().place, "rate_per_million");
  EXPECT_EQ(FaultPlan::parse({{"nth", "-1"}}).error().place, "nth");
  EXPECT_EQ(FaultPlan::parse({{"torn", "maybe"}}).error().place, "torn");
  EXPECT_EQ(FaultPlan::parse({{"error", "misaligned"}}).error().place, "error");
}

TEST_F(LayersTest, TheProductionStackHasStatsAndAGate) {
  block::StackSpec spec;
  spec.name = "v1";
  spec.store.kind = "memory";
  spec.store.size_bytes = 1 << 20;
  const auto opened = shards_.run([&] { return block::open_stack(registry_, spec, "volumes[0]"); });
  ASSERT_TRUE(opened);
  std::map<std::string, uint64_t> collected;
  (*opened)->collect(collected);
  EXPECT_TRUE(collected.contains("read.count"));
  EXPECT_TRUE(collected.contains("failed"));
}

}  // namespace
}  // namespace ashlar::layers
