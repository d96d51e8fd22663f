#include "loopback/initiator.h"

#include <gtest/gtest.h>

#include "scsi/harness_test.h"

namespace ashlar::loopback {
namespace {

class Loopback : public testing::Test {
 protected:
  void SetUp() override {
    target.add_volume("v", 256);
    nexus = &target.login({{0, "v"}});
  }
  Answer run(Initiator& initiator, Request request) {
    Answer out;
    target.shards.at(0).in_turn(
        [&] { initiator.send(std::move(request), [&](Answer answer) { out = std::move(answer); }); });
    target.shards.run();
    EXPECT_EQ(initiator.in_flight(), 0u);
    return out;
  }
  scsi::test::TestTarget target;
  scsi::NexusState* nexus = nullptr;
};

Request test_unit_ready() { return {.cdb = {0, 0, 0, 0, 0, 0}}; }
Request write_two() {
  return {.cdb = {0x2a, 0, 0, 0, 0, 0, 0, 0, 2, 0}, .data_out = std::vector<uint8_t>(1024, 7)};
}

TEST_F(Loopback, CarriesDataBothWaysAndCountsResiduals) {
  Initiator initiator(*nexus);
  EXPECT_EQ(run(initiator, test_unit_ready()).text(), "6/29/00");
  EXPECT_EQ(run(initiator, write_two()).text(), "GOOD");
  const Answer read = run(initiator, {.cdb = {0x28, 0, 0, 0, 0, 0, 0, 0, 2, 0}, .data_in_room = 2000});
  EXPECT_EQ(read.data, std::vector<uint8_t>(1024, 7));
  EXPECT_EQ(read.residual, 976);
  EXPECT_EQ(run(initiator, {.cdb = {0x28, 0, 0, 0, 0, 0, 0, 0, 2, 0}, .data_in_room = 1000}).residual, -24);
}

TEST_F(Loopback, StoriesAwaitCommandsAndManagement) {
  Initiator initiator(*nexus);
  std::vector<std::string> seen;
  const auto story = [](Initiator& host, std::vector<std::string>& out) -> loop::Task<void> {
    Request ready = test_unit_ready();
    auto first = host.command(ready);
    Answer answer = co_await first;
    out.push_back(answer.text());
    auto reset = host.manage(scsi::TaskManagement::logical_unit_reset, 0);
    const scsi::TaskManagementResponse response = co_await reset;
    out.push_back(response == scsi::TaskManagementResponse::complete ? "complete" : "refused");
    auto second = host.command(ready);
    answer = co_await second;
    out.push_back(answer.text());
  };
  target.shards.at(0).in_turn([&] { story(initiator, seen).detach(); });
  target.shards.run();
  EXPECT_EQ(seen, (std::vector<std::string>{"6/29/00", "complete", "6/29/03"}));
}

TEST_F(Loopback, ACommandThatIsAbortedGivesNoAnswerButEnds) {
  Initiator initiator(*nexus);
  run(initiator, test_unit_ready());
  Answer out;
  std::optional<scsi::TaskManagementResponse> response;
  target.shards.at(0).in_turn([&] {
    const uint64_t tag = initiator.send(write_two(), [&](Answer answer) { out = std::move(answer); });
    nexus->manage(scsi::TaskManagement::abort_task, {}, tag,
                  [&](scsi::TaskManagementResponse given) { response = given; });
  });
  target.shards.run();
  EXPECT_EQ(out.text(), "aborted");
  EXPECT_EQ(response, scsi::TaskManagementResponse::complete);
  EXPECT_EQ(target.volumes.at("v").medium->data[0], 0);
}

}  // namespace
}  // namespace ashlar::loopback
