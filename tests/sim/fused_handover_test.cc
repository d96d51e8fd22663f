// A fused Compare and Write by NVMe/TCP against COMPARE AND WRITE by iSCSI, on one block and on two shards: one of them has it.
#include "initiator/nvme_controller.h"
#include "sim/handover_test.h"

namespace ashlar::simulation {
namespace {

using initiator::NvmeController;
using initiator::NvmeQueue;
using wire::nvme::IoOpcode;
using wire::nvme::Status;
using wire::nvme::Submission;

constexpr char subsystem[] = "nqn.2026-11.io.ashlar:sim";
constexpr uint16_t nvme_port = 4420;

/// Host 0 comes by iSCSI, host 1 by NVMe/TCP.
class FusedHandover : public HandoverArray {
 protected:
  void SetUp() override {
    rpc::Document both = document();
    both.portals.push_back(
        {.name = "n", .address = both.portals[0].address, .port = nvme_port, .protocol = "nvme-tcp"});
    both.targets.push_back({.name = subsystem});
    both.mappings.push_back({.host = "all", .target = subsystem, .volume = "v"});
    apply(both);
    session = log_in(0);
    attach_to_the_other_shard();
  }
  void TearDown() override {
    hosts[0]->loop(0).enter([&] { session.reset(); });
    hosts[1]->loop(0).enter([&] { controller.reset(); });
    world.run_for(loop::seconds(1));
    stop_engine();
  }
  // I/O queues are dealt out over the shards from the admin queue's on.
  void attach_to_the_other_shard() {
    initiator::NvmeQueueOptions options;
    options.endpoint = {array.machine().addresses[0], nvme_port};
    options.subsystem = subsystem;
    options.host_name = "nqn.2014-08.org.nvmexpress:uuid:h1";
    options.host_id = {1};
    auto attached =
        run(hosts[1]->loop(0), [&] { return NvmeController::attach(hosts[1]->loop(0), options, hands); });
    CHECK(attached.has_value(), "{}", attached.error().text());
    controller = std::move(*attached);
    std::optional<uint32_t> of_iscsi, of_nvme;
    for (const auto& each : sessions_of_engine())
      (each.protocol == "iscsi" ? of_iscsi : of_nvme) = each.shard;
    ASSERT_TRUE(of_iscsi && of_nvme);
    queue = &controller->io(*of_nvme == *of_iscsi ? 1 : 0);
  }

  /// The statuses of both halves of a pair.
  struct Pair {
    Status first, second;
    bool operator==(const Pair&) const = default;
  };
  static loop::Task<Pair> compare_and_write_fused(NvmeQueue& queue, std::vector<uint8_t> expected,
                                                  std::vector<uint8_t> wanted) {
    Submission compare = initiator::nvme_blocks(IoOpcode::compare, 1, 0, 1);
    compare.set_fuse(wire::nvme::Fuse::first);
    Submission write = initiator::nvme_blocks(IoOpcode::write, 1, 0, 1);
    write.set_fuse(wire::nvme::Fuse::second);
    auto comparing = queue.run(compare, std::move(expected));
    auto writing = queue.run(write, std::move(wanted));
    const auto compared = co_await comparing;
    const auto written = co_await writing;
    CHECK(compared && written, "the queue was lost");
    co_return Pair{compared->completion.outcome.status, written->completion.outcome.status};
  }
  /// Both reach for the block; the one that has it now.
  std::optional<size_t> reach(uint64_t count, size_t holder) {
    const std::vector<uint8_t> list = expected_and_wanted(block_of(count, holder), block_of(count + 1, 0));
    initiator::BlockUnit unit(*session, 0);
    std::optional<loop::Task<initiator::Answer>> by_iscsi;
    std::optional<loop::Task<Pair>> by_nvme;
    // Who begins changes, and so does the moment.
    for (size_t step = 0; step < hands; ++step) {
      const size_t hand = (step + count) % hands;
      hosts[hand]->loop(0).enter([&] {
        if (hand == 0) {
          by_iscsi.emplace(unit.execute(compare_and_write(), list, {}));
        } else {
          by_nvme.emplace(compare_and_write_fused(*queue, block_of(count, holder), block_of(count + 1, 1)));
        }
      });
      world.run_for(loop::microseconds(static_cast<int64_t>(count * 7 % 90)));
    }
    CHECK(world.run_until([&] { return by_iscsi->done() && by_nvme->done(); }, loop::seconds(10)));
    const initiator::Answer answer = by_iscsi->take();
    const Pair pair = by_nvme->take();
    if (!answer.good()) EXPECT_EQ(answer.sense_key(), 0x0e) << "MISCOMPARE; " << answer.text();
    const bool nvme_won = pair == Pair{Status::success, Status::success};
    if (!nvme_won) {
      EXPECT_EQ(pair.first, Status::compare_failure);
      EXPECT_EQ(pair.second, Status::aborted_failed_fused);
    }
    EXPECT_NE(answer.good(), nvme_won) << "both have it, or nobody, at " << count;
    if (answer.good() == nvme_won) return std::nullopt;
    return nvme_won ? 1 : 0;
  }

  std::unique_ptr<initiator::Session> session;
  std::unique_ptr<NvmeController> controller;
  NvmeQueue* queue = nullptr;
};

// FUSED_HANDOVERS in the environment asks for more.
TEST_F(FusedHandover, OneOfTwoProtocolsHasTheBlock) {
  const uint64_t rounds = rounds_of("FUSED_HANDOVERS", 3000);
  initiator::BlockUnit unit(*session, 0);
  const std::vector<uint8_t> first = block_of(0, 0);
  ASSERT_TRUE(run(hosts[0]->loop(0), [&] { return unit.write(0, 1, first); }).good());
  size_t holder = 0;
  std::array<uint64_t, hands> wins{};
  for (uint64_t count = 0; count < rounds && !HasFailure(); ++count) {
    const std::optional<size_t> winner = reach(count, holder);
    ASSERT_TRUE(winner.has_value()) << "at " << count;
    holder = *winner;
    ++wins[holder];
  }
  EXPECT_GT(wins[0], rounds / 10);
  EXPECT_GT(wins[1], rounds / 10);
}

}  // namespace
}  // namespace ashlar::simulation
