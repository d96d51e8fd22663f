// COMPARE AND WRITE as clusters use it: a block goes from hand to hand, and of two that reach for it one has it.
#include "sim/handover_test.h"

namespace ashlar::simulation {
namespace {

/// Two hosts whose sessions live on two shards, and one volume in memory.
class Handover : public HandoverArray {
 protected:
  void SetUp() override {
    apply(document());
    log_in_on_two_shards();
  }
  void TearDown() override {
    for (size_t i = 0; i < sessions.size(); ++i) hosts[i]->loop(0).enter([&] { sessions[i].reset(); });
    stop_engine();
  }
  void log_in_on_two_shards() {
    for (size_t i = 0; i < hands; ++i) sessions.push_back(log_in(i));
    for (int attempt = 0; attempt < 100 && shards().size() < hands; ++attempt) {
      hosts[1]->loop(0).enter([&] { sessions[1].reset(); });
      world.run_for(loop::seconds(1));
      sessions[1] = log_in(1);
    }
    ASSERT_EQ(shards().size(), hands);
  }
  std::set<uint32_t> shards() {
    std::set<uint32_t> found;
    for (const auto& each : sessions_of_engine()) found.insert(each.shard);
    return found;
  }
  /// Both reach for the block; the one that has it now.
  std::optional<size_t> reach(uint64_t count, size_t holder) {
    std::vector<std::vector<uint8_t>> lists(hands);
    std::vector<initiator::BlockUnit> units;
    std::vector<std::optional<loop::Task<initiator::Answer>>> asking(hands);
    for (size_t i = 0; i < hands; ++i) {
      lists[i] = expected_and_wanted(block_of(count, holder), block_of(count + 1, i));
      units.emplace_back(*sessions[i], 0);
    }
    // Who begins changes, and so does the moment.
    for (size_t step = 0; step < hands; ++step) {
      const size_t i = (step + count) % hands;
      hosts[i]->loop(0).enter(
          [&] { asking[i].emplace(units[i].execute(compare_and_write(), lists[i], {})); });
      world.run_for(loop::microseconds(static_cast<int64_t>(count * 7 % 90)));
    }
    CHECK(world.run_until([&] { return asking[0]->done() && asking[1]->done(); }, loop::seconds(10)));
    std::optional<size_t> winner;
    for (size_t i = 0; i < hands; ++i) {
      const initiator::Answer answer = asking[i]->take();
      if (!answer.good()) {
        EXPECT_EQ(answer.sense_key(), 0x0e) << "MISCOMPARE; " << answer.text();
        continue;
      }
      EXPECT_FALSE(winner.has_value()) << "both have it, at " << count;
      winner = i;
    }
    return winner;
  }

  std::vector<std::unique_ptr<initiator::Session>> sessions;
};

// HANDOVERS in the environment asks for more: ten million take a quarter of an hour.
TEST_F(Handover, OneOfTwoHasTheBlock) {
  const uint64_t rounds = rounds_of("HANDOVERS", 3000);
  initiator::BlockUnit unit(*sessions[0], 0);
  const std::vector<uint8_t> first = block_of(0, 0);
  ASSERT_TRUE(run(hosts[0]->loop(0), [&] { return unit.write(0, 1, first); }).good());
  size_t holder = 0;
  std::array<uint64_t, hands> wins{};
  for (uint64_t count = 0; count < rounds && !HasFailure(); ++count) {
    const std::optional<size_t> winner = reach(count, holder);
    ASSERT_TRUE(winner.has_value()) << "nobody has it, at " << count;
    holder = *winner;
    ++wins[holder];
  }
  EXPECT_GT(wins[0], rounds / 10);
  EXPECT_GT(wins[1], rounds / 10);
}

}  // namespace
}  // namespace ashlar::simulation
