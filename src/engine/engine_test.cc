#include "engine/engine.h"

#include <gmock/gmock.h>

#include "engine/engine_world_test.h"

namespace ashlar::engine {
namespace {

using initiator::Answer;
using initiator::BlockUnit;
using initiator::Session;
using testing::Contains;

loop::Task<Result<initiator::Capacity>> ready_capacity(Session& session, uint16_t lun) {
  BlockUnit unit(session, lun);
  auto becoming = unit.become_ready();
  const Result<void> ready = co_await becoming;
  CO_TRY(ready);
  auto asking = unit.read_capacity();
  co_return co_await asking;
}

loop::Task<bool> write_and_read(Session& session) {
  BlockUnit unit(session, 0);
  auto becoming = unit.become_ready();
  const Result<void> ready = co_await becoming;
  if (!ready) co_return false;
  std::vector<uint8_t> data(8192, 0x5a), back(8192);
  auto writing = unit.write(16, 16, data);
  const Answer written = co_await writing;
  auto reading = unit.read(16, 16, back);
  const Answer read = co_await reading;
  co_return written.good() && read.good() && data == back;
}

loop::Task<bool> reads_what_was_written(Session& session) {
  BlockUnit unit(session, 0);
  auto becoming = unit.become_ready();
  const Result<void> ready = co_await becoming;
  if (!ready) co_return false;
  std::vector<uint8_t> back(8192);
  auto reading = unit.read(16, 16, back);
  const Answer answer = co_await reading;
  co_return answer.good() && back == std::vector<uint8_t>(8192, 0x5a);
}

class EngineTest : public testing::TestWithParam<uint32_t> {
 protected:
  EngineWorld world{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(Shards, EngineTest, testing::Values(1u, 3u));

TEST_P(EngineTest, ServesWhatIsApplied) {
  const auto report = world.apply(demo_document());
  ASSERT_TRUE(report) << report.error().text();
  EXPECT_TRUE(report->changed);
  EXPECT_EQ(report->drawn.size(), 1u);
  auto session = world.log_in();
  ASSERT_TRUE(session) << session.error().text();
  EXPECT_TRUE(world.run_as_host([&] { return write_and_read(**session); }));
  const auto capacity = world.run_as_host([&] { return ready_capacity(**session, 0); });
  ASSERT_TRUE(capacity);
  EXPECT_EQ(capacity->blocks, 2048u);

  const rpc::EngineStatus status = world.status();
  EXPECT_EQ(status.state, "serving");
  EXPECT_EQ(status.sessions, 1u);
  EXPECT_TRUE(status.volumes.at(0).in_use);
  EXPECT_EQ(status.volumes.at(0).state, "online");
  EXPECT_EQ(status.volumes.at(0).store.options.at("path"), "/srv/demo.img");
  EXPECT_EQ(status.targets.at(0).sessions, 1u);
  EXPECT_EQ(status.targets.at(0).portals, std::vector<std::string>{"p"});
  EXPECT_EQ(status.hosts.at(0).sessions, 1u);
  EXPECT_TRUE(status.portals.at(0).listening);
  EXPECT_EQ(status.portals.at(0).connections_accepted, 1u);

  const rpc::Stats stats = world.run([&] { return world.engine->stats(); });
  EXPECT_EQ(stats.shards.size(), GetParam());
  ASSERT_EQ(stats.volumes.size(), 1u);
  ASSERT_GE(stats.volumes[0].operations.size(), 2u);
  EXPECT_EQ(stats.volumes[0].operations[1].operation, "write");
  EXPECT_EQ(stats.volumes[0].operations[1].bytes, 8192u);
  world.leave(std::move(*session));
  EXPECT_EQ(world.status().sessions, 0u);
  EXPECT_THAT(world.event_kinds(),
              testing::IsSupersetOf({"engine.started", "volume.opened", "portal.listening",
                                     "document.applied", "session.login"}));
}

TEST_P(EngineTest, ApplyingAgainChangesNothing) {
  ASSERT_TRUE(world.apply(demo_document()));
  auto session = world.log_in();
  ASSERT_TRUE(session);
  const auto again = world.apply(demo_document());
  ASSERT_TRUE(again);
  EXPECT_FALSE(again->changed);
  EXPECT_TRUE(again->steps.empty());
  EXPECT_EQ(world.status().applied, 1u);
  EXPECT_TRUE((*session)->open());
  world.leave(std::move(*session));
}

TEST_P(EngineTest, ADryRunOnlyTells) {
  const auto report = world.apply(demo_document(), true);
  ASSERT_TRUE(report);
  EXPECT_TRUE(report->changed);
  EXPECT_EQ(report->steps.size(), 3u);
  EXPECT_TRUE(world.status().volumes.empty());
  EXPECT_FALSE(world.log_in());
}

TEST_P(EngineTest, AnAddressThatIsNotHereIsNamed) {
  rpc::Document desired = demo_document();
  desired.portals.push_back({.name = "q", .address = "192.0.2.10", .port = 3260});
  const auto report = world.apply(desired);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().place, "portals[1].address") << report.error().text();
  EXPECT_THAT(report.error().message,
              testing::HasSubstr("no interface of this machine has the address 192.0.2.10"));
}

TEST_P(EngineTest, AFailingStepIsUndone) {
  ASSERT_TRUE(world.apply(demo_document()));
  const rpc::Document before = world.engine->document();
  auto session = world.log_in();
  ASSERT_TRUE(session);
  // Somebody else listens on the port of the second portal.
  class Nobody final : public loop::Acceptor {
    void accepted(std::unique_ptr<loop::Stream>) override {}
  } nobody;
  Result<std::unique_ptr<loop::Listener>> taken;
  world.enter([&] { taken = world.array.loop(0).listen({"10.0.0.1", 3261}, {}, nobody); });
  ASSERT_TRUE(taken);

  rpc::Document desired = demo_document();
  desired.volumes.push_back(file_volume("second"));
  desired.volumes[0].size_bytes = 2 << 20;
  desired.portals.push_back({.name = "q", .address = "10.0.0.1", .port = 3261});
  const auto report = world.apply(desired);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().place, "portals[1].port") << report.error().text();
  EXPECT_THAT(report.error().message, testing::StartsWith("another process listens at 10.0.0.1:3261"));
  EXPECT_EQ(world.engine->document(), before);
  const rpc::EngineStatus status = world.status();
  EXPECT_EQ(status.volumes.size(), 1u);
  EXPECT_EQ(status.volumes.at(0).size_bytes, 1u << 20);
  EXPECT_EQ(status.portals.size(), 1u);
  EXPECT_TRUE(world.run_as_host([&] { return write_and_read(**session); }));
  EXPECT_THAT(world.event_kinds(), Contains("document.refused"));

  // Nothing of it is left behind: with the port free, the same document goes through.
  world.enter([&] { taken->reset(); });
  const auto second = world.apply(desired);
  ASSERT_TRUE(second) << second.error().text();
  EXPECT_EQ(world.status().volumes.size(), 2u);
  world.leave(std::move(*session));
}

TEST_P(EngineTest, AWrongKindIsNamedWithItsPlace) {
  rpc::Document document = demo_document();
  document.volumes[0].store.kind = "filee";
  const auto report = world.apply(document);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().place, "volumes[0].store.kind");
  EXPECT_NE(report.error().message.find("did you mean file?"), std::string::npos) << report.error().text();
}

TEST_P(EngineTest, WhatIsTakenAwayIsGoneForItsHosts) {
  ASSERT_TRUE(world.apply(demo_document()));
  auto session = world.log_in();
  ASSERT_TRUE(session);
  rpc::Document without = demo_document();
  without.mappings.clear();
  ASSERT_TRUE(world.apply(without));
  EXPECT_TRUE(world.world.run_until([&] { return !(*session)->open(); }, loop::seconds(10)));
  world.leave(std::move(*session));
  const auto refused = world.log_in();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::not_found) << refused.error().text();
  ASSERT_TRUE(world.apply({}));
  EXPECT_TRUE(world.status().volumes.empty());
  EXPECT_FALSE(world.log_in());
  // And back, on the same file.
  ASSERT_TRUE(world.apply(demo_document()));
}

TEST_P(EngineTest, ANamedHostIsNotAny) {
  rpc::Document document = demo_document();
  document.hosts.push_back({.name = "h1", .initiators = {demo_host}});
  ASSERT_TRUE(world.apply(document));
  EXPECT_FALSE(world.log_in()) << "h1 has no mapping, and is not \"any\" host";
  auto other = world.log_in("iqn.2026-11.com.example:h2");
  ASSERT_TRUE(other) << other.error().text();
  world.leave(std::move(*other));
}

TEST_P(EngineTest, ResizeIsSeenByHosts) {
  ASSERT_TRUE(world.apply(demo_document()));
  auto session = world.log_in();
  ASSERT_TRUE(session);
  ASSERT_TRUE(world.run_as_host([&] { return ready_capacity(**session, 0); }));
  const auto resized = world.run([&] { return world.engine->resize("demo", 3 << 20, false); });
  ASSERT_TRUE(resized) << resized.error().text();
  EXPECT_EQ(resized->size_bytes, 3u << 20);
  BlockUnit unit(**session, 0);
  world.world.run_for(loop::seconds(1));
  const Answer told = world.run_as_host([&] { return unit.test_unit_ready(); });
  EXPECT_EQ(told.additional_code(), 0x2a09) << told.text();
  const auto capacity = world.run_as_host([&] { return ready_capacity(**session, 0); });
  EXPECT_EQ(capacity->blocks, 6144u);
  // The document of before would shrink it: refused, with the size to write.
  const auto old = world.apply(demo_document());
  ASSERT_FALSE(old);
  EXPECT_EQ(old.error().place, "volumes[0].size_bytes");
  EXPECT_NE(old.error().message.find("3145728"), std::string::npos);
  world.leave(std::move(*session));
}

TEST_P(EngineTest, ResizeRefusals) {
  ASSERT_TRUE(world.apply(demo_document()));
  const auto resize = [&](const char* name, uint64_t bytes, bool shrink) {
    return world.run([&] { return world.engine->resize(name, bytes, shrink); });
  };
  EXPECT_EQ(resize("other", 1 << 20, false).error().code, ErrorCode::not_found);
  EXPECT_EQ(resize("demo", 512, false).error().code, ErrorCode::already_exists);
  EXPECT_EQ(resize("demo", 0, true).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(resize("demo", 513, true).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(world.status().volumes[0].size_bytes, 1u << 20);
  ASSERT_TRUE(resize("demo", 1 << 19, true));
  EXPECT_EQ(world.engine->document().volumes[0].size_bytes, 1u << 19);
}

TEST_P(EngineTest, IdentityIsKept) {
  ASSERT_TRUE(world.apply(demo_document()));
  const auto identity = world.status().volumes[0].identity;
  EXPECT_EQ(identity.naa.size(), 16u);
  rpc::Document grown = demo_document();
  grown.volumes[0].size_bytes = 4 << 20;
  ASSERT_TRUE(world.apply(grown));
  EXPECT_EQ(world.status().volumes[0].identity, identity);
  ASSERT_TRUE(world.apply({}));
  ASSERT_TRUE(world.apply(grown));
  EXPECT_EQ(world.status().volumes[0].identity, identity);
}

TEST_P(EngineTest, WriteCacheIsSwitchedWhileItServes) {
  ASSERT_TRUE(world.apply(demo_document()));
  EXPECT_FALSE(world.status().volumes[0].write_cache);
  rpc::Document cached = demo_document();
  cached.volumes[0].write_cache = true;
  ASSERT_TRUE(world.apply(cached));
  EXPECT_TRUE(world.status().volumes[0].write_cache);
}

TEST_P(EngineTest, HostsHearOfTheWriteCacheAndOfAFullPool) {
  rpc::Document document = demo_document();
  ASSERT_TRUE(world.apply(document));
  auto session = world.log_in();
  ASSERT_TRUE(session);
  ASSERT_TRUE(world.run_as_host([&] { return ready_capacity(**session, 0); }));
  BlockUnit unit(**session, 0);
  const auto told = [&] {
    world.world.run_for(loop::seconds(1));
    return world.run_as_host([&] { return unit.test_unit_ready(); }).additional_code();
  };
  document.volumes[0].write_cache = true;
  ASSERT_TRUE(world.apply(document));
  EXPECT_EQ(told(), 0x2a01);
  rpc::PoolLevelParams level{.size_bytes = 1 << 30, .available_bytes = 1 << 20, .threshold_bytes = 1 << 28};
  level.volumes = {{"away", 1}, {"demo", {}}};
  world.enter([&] { world.engine->take_pool_level(level); });
  EXPECT_EQ(told(), 0x3807);
  world.enter([&] { world.engine->take_pool_level(level); });
  EXPECT_EQ(told(), 0) << "once";
  world.leave(std::move(*session));
}

TEST_P(EngineTest, SessionsAreDroppedById) {
  ASSERT_TRUE(world.apply(demo_document()));
  auto session = world.log_in();
  ASSERT_TRUE(session);
  const auto sessions = world.run([&] { return world.engine->sessions(); });
  ASSERT_EQ(sessions.size(), 1u);
  EXPECT_EQ(sessions[0].initiator, demo_host);
  const auto drop = [&](uint64_t id) {
    return world.run([&] { return world.engine->drop_session(id, "test"); });
  };
  EXPECT_EQ(drop(sessions[0].id + 1).error().code, ErrorCode::not_found);
  EXPECT_EQ(drop(uint64_t{77} << 48).error().code, ErrorCode::not_found);
  EXPECT_TRUE(drop(sessions[0].id));
  EXPECT_TRUE(world.world.run_until([&] { return !(*session)->open(); }, loop::seconds(10)));
  world.leave(std::move(*session));
  EXPECT_THAT(world.event_kinds(), Contains("session.dropped"));
}

TEST_P(EngineTest, ChangesWaitForEachOtherWithABound) {
  std::vector<loop::Task<Result<rpc::ApplyReport>>> tasks;
  world.enter([&] {
    for (int i = 0; i < 4; ++i) {
      rpc::Document document = demo_document();
      document.volumes[0].size_bytes = static_cast<uint64_t>(i + 1) << 20;
      tasks.push_back(world.engine->apply(document, false));
    }
  });
  ASSERT_TRUE(world.world.run_until(
      [&] { return std::ranges::all_of(tasks, [](auto& task) { return task.done(); }); },
      loop::seconds(100)));
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(tasks[static_cast<size_t>(i)].take()) << i;
  const auto last = tasks[3].take();
  ASSERT_FALSE(last);
  EXPECT_EQ(last.error().code, ErrorCode::exhausted);
  EXPECT_EQ(world.status().volumes[0].size_bytes, 3u << 20);
}

TEST_P(EngineTest, StopEndsSessionsAndRefusesChanges) {
  ASSERT_TRUE(world.apply(demo_document()));
  auto session = world.log_in();
  ASSERT_TRUE(session);
  std::optional<loop::Task<void>> stopping;
  std::optional<loop::Task<Result<rpc::ApplyReport>>> late;
  world.enter([&] {
    stopping.emplace(world.engine->stop(loop::seconds(5)));
    late.emplace(world.engine->apply({}, false));
  });
  EXPECT_TRUE(world.world.run_until([&] { return stopping->done() && late->done(); }, loop::seconds(20)));
  EXPECT_EQ(late->take().error().code, ErrorCode::closed);
  EXPECT_TRUE(world.world.run_until([&] { return !(*session)->open(); }, loop::seconds(10)));
  EXPECT_EQ(world.status().state, "stopping");
  world.leave(std::move(*session));
  EXPECT_FALSE(world.log_in());
}

TEST_P(EngineTest, TellsItsStatusAtEveryMomentOfAStop) {
  rpc::Document document = demo_document();
  document.volumes.push_back(file_volume("other"));
  ASSERT_TRUE(world.apply(document));
  std::optional<loop::Task<void>> stopping;
  world.enter([&] { stopping.emplace(world.engine->stop(loop::seconds(5))); });
  std::optional<loop::Task<rpc::EngineStatus>> asking;
  while (!stopping->done() || !asking->done()) {
    if (asking && asking->done()) EXPECT_EQ(asking->take().state, "stopping");
    if (!asking || asking->done()) world.enter([&] { asking.emplace(world.engine->status()); });
    ASSERT_TRUE(world.world.step());
  }
}

TEST_P(EngineTest, DataOutlivesTheEngine) {
  ASSERT_TRUE(world.apply(demo_document()));
  auto session = world.log_in();
  ASSERT_TRUE(session);
  ASSERT_TRUE(world.run_as_host([&] { return write_and_read(**session); }));
  world.leave(std::move(*session));
  const auto identity = world.engine->document().volumes[0].identity;
  world.stop();

  world.enter([&] {
    world.engine =
        std::make_unique<Engine>(world.array, world.registry, EngineOptions{.state_folder = "/srv"});
  });
  world.run([&] { return world.engine->start(); });
  rpc::Document document = demo_document();
  document.volumes[0].identity = identity;
  ASSERT_TRUE(world.apply(document));
  auto again = world.log_in();
  ASSERT_TRUE(again);
  EXPECT_TRUE(world.run_as_host([&] { return reads_what_was_written(**again); }));
  world.leave(std::move(*again));
}

TEST(EventLog, ForgetsTheOldestAndSaysHowMany) {
  EventLog log;
  const size_t count = rpc::event_ring_size + 10;
  for (size_t i = 0; i < count; ++i) log.add(0, "kind", {});
  const auto all = log.since(0);
  EXPECT_EQ(all.events.size(), rpc::event_ring_size);
  EXPECT_EQ(all.lost, 10u);
  EXPECT_EQ(all.last, count);
  EXPECT_EQ(all.events.front().id, 11u);
  const auto some = log.since(count - 3);
  EXPECT_EQ(some.events.size(), 3u);
  EXPECT_EQ(some.lost, 0u);
  EXPECT_TRUE(log.since(count).events.empty());
  EXPECT_EQ(log.since(count + 1000).events.size(), rpc::event_ring_size) << "an id of another life";
}

}  // namespace
}  // namespace ashlar::engine
