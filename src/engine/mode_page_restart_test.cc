// What hosts saved of mode pages is there for the engine's next life.
#include <gmock/gmock.h>

#include "engine/engine_world_test.h"

namespace ashlar::engine {
namespace {

constexpr uint8_t task_aborted_status = 0x40;  // byte 5 of page 0Ah

class ModePageRestart : public testing::Test {
 protected:
  void begin() {
    EngineOptions options;
    options.state_folder = "/srv";
    world.enter([&] { world.engine = std::make_unique<Engine>(world.array, world.registry, options); });
    world.run([this] { return world.engine->start(); });
    document.volumes[0].identity = identity;
    const auto applied = world.apply(document);
    ASSERT_TRUE(applied) << applied.error().text();
    if (!applied->drawn.empty()) identity = applied->drawn[0].identity;
  }
  void SetUp() override {
    world.stop();
    begin();
  }
  void restart() {
    world.stop();
    begin();
  }
  initiator::Answer ask(initiator::Cdb cdb, ConstBytes out, Bytes in) {
    auto session = world.log_in(demo_host);
    CHECK(session.has_value());
    initiator::BlockUnit unit(**session, 0);
    world.run_as_host([&] { return unit.become_ready(); });
    const initiator::Answer answer = world.run_as_host([&] { return unit.execute(cdb, out, in); });
    world.leave(std::move(*session));
    return answer;
  }
  /// MODE SELECT(6) of the control page, with SP or without.
  uint8_t select(uint8_t byte5, bool save) {
    const std::vector<uint8_t> list = {0, 0, 0, 0, 0x0a, 10, 0, 0x10, 0, byte5, 0, 0, 0xff, 0xff, 0, 0};
    return ask({0x15, static_cast<uint8_t>(save ? 0x11 : 0x10), 0, 0, 16, 0}, list, {}).status;
  }
  uint8_t sensed() {
    std::vector<uint8_t> page(16);
    EXPECT_EQ(ask({0x1a, 0x08, 0x0a, 0, 16, 0}, {}, page).status, 0);
    return page[4 + 5];
  }
  EngineWorld world;
  rpc::Document document = demo_document();
  std::optional<rpc::IdentityDocument> identity;
};

TEST_F(ModePageRestart, WhatWasSavedOutlivesTheEngineAndTheRestDoesNot) {
  EXPECT_EQ(select(task_aborted_status, false), 0);
  EXPECT_EQ(sensed(), task_aborted_status);
  restart();
  EXPECT_EQ(sensed(), 0);
  EXPECT_EQ(select(task_aborted_status, true), 0);
  restart();
  EXPECT_EQ(sensed(), task_aborted_status);
  EXPECT_EQ(select(0, false), 0);
  EXPECT_EQ(sensed(), 0);
  restart();
  EXPECT_EQ(sensed(), task_aborted_status);
}

}  // namespace
}  // namespace ashlar::engine
