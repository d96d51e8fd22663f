// Loads over both protocols on a whole engine in the simulator: depth, rate, order, data that is held to what was acknowledged.
#include "load/load.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "engine/engine_world_test.h"

namespace ashlar::load {
namespace {

using loop::Task;

constexpr uint64_t volume_bytes = 1 << 20;

Task<Result<Report>> load_story(loop::Loop* loop, Options options, Journal* journal,
                                std::vector<uint64_t> wanted, Secrets secrets) {
  auto connecting = connect(*loop, options, std::move(secrets));
  Result<Unit> unit = co_await connecting;
  if (!unit) co_return std::unexpected(unit.error());
  CO_TRY_ASSIGN(std::unique_ptr<Load> load,
                Load::make(*loop, options, *unit, {}, journal, std::move(wanted)));
  auto running = load->run();
  Report report = co_await running;
  load.reset();
  for (const auto& connection : unit->connections) {
    auto leaving = connection->leave();
    co_await leaving;
  }
  co_return std::move(report);
}

/// The engine's listeners and sessions go away after half a second.
class StopSoon final : loop::Timer {
 public:
  explicit StopSoon(engine::EngineWorld& world) : world_(world) {
    world_.enter([this] { world_.array.loop(0).arm_after(*this, loop::milliseconds(500)); });
  }

 private:
  void expired() override { stopping_.emplace(world_.engine->stop(loop::milliseconds(1))); }
  engine::EngineWorld& world_;
  std::optional<Task<void>> stopping_;
};

class LoadTest : public testing::TestWithParam<const char*> {
 protected:
  LoadTest() {
    constexpr const char* subsystem = "nqn.2026-11.io.ashlar:demo";
    document.portals.push_back({.name = "n", .address = "10.0.0.1", .port = 4420, .protocol = "nvme-tcp"});
    document.targets.push_back({.name = subsystem});
    document.mappings.push_back({.host = "all", .target = subsystem, .volume = "demo"});
    EXPECT_TRUE(world.apply(document));
    options.url = *initiator::parse_url(GetParam(), "url");
    options.runtime_seconds = 0.2;
  }
  ~LoadTest() override { std::filesystem::remove(journal_path); }
  Result<Report> run(std::vector<uint64_t> wanted = {}) {
    std::unique_ptr<Journal> journal;
    if (!options.journal.empty())
      journal = *Journal::create(options.journal,
                                 {options.url.text(), options.block_bytes, 0, volume_bytes, options.seed});
    auto report = world.run_as_host(
        [&] { return load_story(&world.host.loop(0), options, journal.get(), std::move(wanted), secrets); });
    world.world.run_for(loop::seconds(1));
    return report;
  }
  /// As --verify-only does it.
  Report read_back() {
    options.journal.clear();
    options.read_percent = 100;
    auto report = run(*Journal::read(journal_path));
    EXPECT_TRUE(report) << report.error().text();
    return *report;
  }
  engine::EngineWorld world;
  rpc::Document document = engine::demo_document();
  Secrets secrets;
  Options options;
  const std::string journal_path = testing::TempDir() + "ashlar-load-" + std::to_string(getpid());
};

TEST_P(LoadTest, ReadsAtDepthOverSeveralConnections) {
  options.depth = 8;
  options.connections = 3;
  const auto report = run();
  ASSERT_TRUE(report) << report.error().text();
  EXPECT_EQ(report->exit_code(), 0) << report->first_error << report->lost;
  EXPECT_GT(report->reads.operations, 100u);
  EXPECT_EQ(report->writes.operations, 0u);
  EXPECT_NEAR(report->seconds, 0.2, 0.001);
  EXPECT_GT(report->reads.latency.mean(), 0);
}

TEST_P(LoadTest, ARateIsKeptAndLatenciesCountFromWhenTheyWereDue) {
  options.rate = 1000;
  options.depth = 32;
  options.runtime_seconds = 1;
  const auto report = run();
  ASSERT_TRUE(report) << report.error().text();
  EXPECT_NEAR(static_cast<double>(report->operations()), 1000, 5);
  // One at a time cannot keep up with more than it can do: what is late says so.
  options.depth = 1;
  options.rate = 1'000'000;
  const auto late = run();
  ASSERT_TRUE(late) << late.error().text();
  EXPECT_LT(late->operations(), 1'000'000u);
  EXPECT_GT(late->reads.latency.most(), 100'000);
}

TEST_P(LoadTest, EachBlockOnce) {
  options.sequential = options.once = true;
  options.read_percent = 0;
  options.block_bytes = 65536;
  options.depth = 4;
  options.connections = 3;
  const auto report = run();
  ASSERT_TRUE(report) << report.error().text();
  EXPECT_EQ(report->writes.operations, volume_bytes / 65536);
  EXPECT_EQ(report->exit_code(), 0);
}

TEST_P(LoadTest, AcknowledgedWritesAreReadBack) {
  options.journal = journal_path;
  options.read_percent = 50;
  options.block_bytes = 8192;
  options.depth = 8;
  options.connections = 2;
  const auto report = run();
  ASSERT_TRUE(report) << report.error().text();
  EXPECT_EQ(report->exit_code(), 0) << (report->wrong.empty() ? "" : report->wrong[0]);
  EXPECT_GT(report->acknowledged_writes, 0u);
  EXPECT_GT(report->verified_blocks, 0u);
  const Report back = read_back();
  EXPECT_EQ(back.exit_code(), 0) << (back.wrong.empty() ? "" : back.wrong[0]);
  EXPECT_GT(back.verified_blocks, 0u);
  EXPECT_EQ(back.verified_blocks, back.reads.operations * 16);
}

TEST_P(LoadTest, DataThatIsNotThereIsFound) {
  options.journal = journal_path;
  options.read_percent = 0;
  options.block_bytes = 4096;
  ASSERT_TRUE(run());
  options.journal.clear();
  options.block_bytes = 512;
  options.offset_bytes = 0;
  options.size_bytes = 512;
  options.sequential = options.once = true;
  ASSERT_TRUE(run());  // plain data over the first block
  options.block_bytes = 4096;
  options.size_bytes = volume_bytes;
  std::vector<uint64_t> wanted = *Journal::read(journal_path);
  options.read_percent = 100;
  wanted[0] = 1;
  const auto back = run(wanted);
  ASSERT_TRUE(back) << back.error().text();
  EXPECT_EQ(back->wrong_blocks, 1u);
  EXPECT_EQ(back->exit_code(), 5);
  ASSERT_EQ(back->wrong.size(), 1u);
  EXPECT_TRUE(back->wrong[0].starts_with("block 0: none of this load's data")) << back->wrong[0];
}

TEST_P(LoadTest, ALostConnectionEndsItAndIsTold) {
  options.runtime_seconds = 60;
  options.read_percent = 0;
  options.journal = journal_path;
  StopSoon stopping(world);
  const auto report = run();
  ASSERT_TRUE(report) << report.error().text();
  EXPECT_EQ(report->exit_code(), 3);
  EXPECT_FALSE(report->lost.empty());
}

TEST_P(LoadTest, WhatDoesNotFitIsRefusedByName) {
  options.size_bytes = volume_bytes + 512;
  auto refused = run();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().place, "--size");
  options.size_bytes = 0;
  options.offset_bytes = volume_bytes;
  refused = run();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().place, "--offset");
  options.offset_bytes = 0;
  options.url.unit = 77;
  refused = run();
  ASSERT_FALSE(refused);
}

TEST_P(LoadTest, AHostProvesItself) {
  constexpr const char* key = "DHHC-1:00:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh+KfiaR:";
  constexpr const char* other_key = "DHHC-1:03:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh+KfiaR:";
  constexpr const char* tls_key = "NVMeTLSkey-1:01:VRLbtnN9AQb2WXW3c9+wEf/DRLz0QuLdbYvEhwtdWwNf9LrZ:";
  if (options.url.protocol == initiator::Protocol::iscsi) {
    document.hosts[0].chap = {.user = "tom", .secret = "twelve bytes or more"};
    options.url.user = "tom";
    secrets.host = "twelve bytes or more";
  } else {
    options.host_name = "nqn.2014-08.org.nvmexpress:uuid:bench";
    document.portals[1].tls = "allowed";
    document.hosts[0].any = false;
    document.hosts[0].initiators = {options.host_name};
    document.hosts[0].dhchap = rpc::DhchapDocument{.key = key};
    document.hosts[0].tls_key = tls_key;
    secrets = {key, tls_key};
  }
  const auto applied = world.apply(document);
  ASSERT_TRUE(applied) << applied.error().text();
  options.connections = 2;
  const auto report = run();
  ASSERT_TRUE(report) << report.error().text();
  EXPECT_GT(report->operations(), 0u);
  EXPECT_EQ(report->exit_code(), 0);
  secrets.host = options.url.protocol == initiator::Protocol::iscsi ? "twelve bytes of others" : other_key;
  const auto refused = run();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::permission_denied) << refused.error().text();
}

std::string name_of(const testing::TestParamInfo<const char*>& info) {
  return std::string(info.param).starts_with("iscsi") ? "iscsi" : "nvme";
}
INSTANTIATE_TEST_SUITE_P(BothProtocols, LoadTest,
                         testing::Values("iscsi://10.0.0.1/iqn.2026-11.io.ashlar:demo/0",
                                         "nvme-tcp://10.0.0.1/nqn.2026-11.io.ashlar:demo/1"),
                         name_of);

}  // namespace
}  // namespace ashlar::load
