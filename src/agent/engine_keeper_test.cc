#include "agent/engine_keeper.h"

#include <gtest/gtest.h>

#include <thread>

#include "agent/world_test.h"

namespace ashlar::agent {
namespace {

class EngineKeeperTest : public testing::Test {
 protected:
  void SetUp() override {
    set_log_level(LogLevel::error);
    ASSERT_TRUE(world.open());
  }
  void TearDown() override { set_log_level(LogLevel::info); }
  /// What people read of the engine's events once the last of them has come through.
  std::vector<state::EventRow> told_of(std::vector<rpc::Event> events) {
    const std::string last = events.back().kind.substr(events.back().kind.find('.') + 1);
    std::mutex mutex;
    std::vector<state::EventRow> told;
    bool all = false;
    world.service().events.listen(UINT64_MAX, [&](const state::EventRow& row) {
      const std::lock_guard lock(mutex);
      if (row.actor == "engine") told.push_back(row);
      all = all || row.action == last;
      return !all;
    });
    world.engine.set_events(std::move(events));
    EngineKeeper keeper(world.array(), world.engine, world.service().events);
    keeper.start();
    const auto done = [&] {
      const std::lock_guard lock(mutex);
      return all;
    };
    while (!done()) std::this_thread::yield();
    keeper.stop();
    return told;
  }
  ApiWorld world;
};

// A host erases a volume: whoever administers the array reads of it under the name of the volume.
TEST_F(EngineKeeperTest, ErasuresByHostsAreEventsOfTheirVolumes) {
  const std::map<std::string, std::string> fields = {
      {"volume", "db1"}, {"host", "web1"}, {"initiator", initiator_name}, {"method", "block erase"}};
  std::map<std::string, std::string> failure = fields;
  failure["error"] = "medium_error";
  const std::string time = "2999-01-01T00:00:00.000Z";
  const auto told = told_of({{1, time, "volume.format_started", fields},
                             {2, time, "volume.format_completed", fields},
                             {3, time, "volume.sanitize_started", fields},
                             {4, time, "volume.sanitize_failed", failure}});
  ASSERT_EQ(told.size(), 4u);
  const char* actions[] = {"format_started", "format_completed", "sanitize_started", "sanitize_failed"};
  for (size_t i = 0; i < told.size(); ++i) {
    EXPECT_EQ(told[i].topic, "volumes");
    EXPECT_EQ(told[i].action, actions[i]);
    EXPECT_EQ(told[i].name, "db1");
    EXPECT_EQ(told[i].data["host"], "web1");
    EXPECT_EQ(told[i].data["initiator"], initiator_name);
  }
  EXPECT_EQ(told[3].data["error"], "medium_error");
}

}  // namespace
}  // namespace ashlar::agent
