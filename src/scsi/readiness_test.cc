#include <gtest/gtest.h>

#include "scsi/host_test.h"

namespace ashlar::scsi::test {
namespace {

const Cdb test_unit_ready = cdb6(0x00);
Cdb start_stop(uint8_t flags, bool immediate = false) { return cdb6(0x1b, immediate ? 1 : 0, 0, 0, flags); }
constexpr uint8_t stop = 0x00, start_it = 0x01, eject = 0x02, load = 0x03, no_flush = 0x04;
const Cdb prevent = cdb6(0x1e, 0, 0, 0, 1);
const Cdb allow = cdb6(0x1e);

class Readiness : public ScsiTest {
 protected:
  std::vector<Cdb> medium_commands() const {
    return {
        test_unit_ready,         cdb10(0x25, 0, 0),       cdb16(0x9e, 0, 32, 0x10), cdb16(0x9e, 0, 24, 0x12),
        cdb10(0x28, 0, 1),       cdb12(0xa8, 0, 1),       cdb16(0x88, 0, 1),        cdb10(0x2a, 0, 1),
        cdb16(0x8a, 0, 1),       cdb10(0x2e, 0, 1),       cdb10(0x2f, 0, 1, 0x02),  cdb10(0x35, 0, 1, 0x06),
        cdb16(0x91, 0, 1, 0x06), cdb10(0x41, 0, 1),       cdb16(0x93, 0, 1),        cdb10(0x42, 0, 24),
        cdb10(0x34, 0, 1, 0x02), cdb16(0x90, 0, 1, 0x02), cdb16(0x8b, 0, 1),        cdb16(0x89, 0, 1)};
  }
};
class Removable : public Readiness {
 protected:
  Removable() { medium->geometry.removable = true; }
};

TEST_F(Readiness, AStoppedUnitIsNotReadyUntilItIsStarted) {
  EXPECT_EQ(end(start_stop(stop)), "GOOD");
  EXPECT_EQ(medium->flushes, 1u);
  for (const Cdb& cdb : medium_commands()) EXPECT_EQ(end(cdb, filled(512, 0)), "2/04/02");
  EXPECT_EQ(end(cdb6(0x12, 0, 0, 0, 96)), "GOOD");
  EXPECT_EQ(end(cdb6(0x1a, 0, 0x3f, 0, 255)), "GOOD");
  const std::vector<uint8_t> sense = data(cdb6(0x03, 0, 0, 0, 18));
  EXPECT_EQ(sense[2], 0x02);
  EXPECT_EQ(load_be16(&sense[12]), 0x0402);
  EXPECT_EQ(end(start_stop(start_it)), "GOOD");
  EXPECT_EQ(end(test_unit_ready), "GOOD");
  EXPECT_EQ(end(start_stop(stop | no_flush, true)), "GOOD");
  EXPECT_EQ(medium->flushes, 1u);
  EXPECT_EQ(end(test_unit_ready), "2/04/02");
}

TEST_F(Readiness, AFixedMediumCannotBeEjected) {
  const auto refused = run(start_stop(eject, true));
  EXPECT_EQ(ending(*refused), "5/24/00");
  EXPECT_EQ(field(*refused), "cdb 4.1");
  EXPECT_EQ(end(start_stop(load)), "5/24/00");
}

TEST_F(Readiness, PowerConditionsChangeNothing) {
  for (int condition = 1; condition < 16; ++condition) {
    EXPECT_EQ(end(start_stop(static_cast<uint8_t>(condition << 4 | eject))), "GOOD");
    EXPECT_EQ(end(test_unit_ready), "GOOD");
  }
}

TEST_F(Readiness, AFailedFlushKeepsTheUnitStarted) {
  target.unit("v").fault = block::Status::device_failed;
  target.unit("v").fault_in = 1;
  EXPECT_EQ(end(start_stop(stop)), "4/44/00");
  EXPECT_EQ(end(test_unit_ready), "GOOD");
}

TEST_F(Removable, EjectAndLoad) {
  NexusState& other = login();
  EXPECT_EQ(end(start_stop(eject)), "GOOD");
  for (const Cdb& cdb : medium_commands()) EXPECT_EQ(end(cdb, filled(512, 0)), "2/3a/00");
  EXPECT_EQ(ending(*run(other, test_unit_ready)), "2/3a/00");
  EXPECT_EQ(end(start_stop(eject)), "GOOD") << "again is no error";
  EXPECT_EQ(end(start_stop(load)), "GOOD");
  EXPECT_EQ(end(test_unit_ready), "GOOD") << "who loaded it knows";
  EXPECT_EQ(ending(*run(other, test_unit_ready)), "6/28/00");
  EXPECT_EQ(end(start_stop(load)), "GOOD");
  EXPECT_EQ(ending(*run(other, test_unit_ready)), "GOOD") << "it was there already";
}

TEST_F(Removable, StoppingLeavesTheMediumInReach) {
  EXPECT_EQ(end(start_stop(stop)), "GOOD");
  EXPECT_EQ(end(test_unit_ready), "GOOD");
}

TEST_F(Removable, PreventedByAnyNexus) {
  NexusState& other = login();
  EXPECT_EQ(end(prevent), "GOOD");
  EXPECT_EQ(end(prevent), "GOOD") << "twice is once";
  EXPECT_EQ(end(start_stop(eject)), "5/53/02");
  EXPECT_EQ(ending(*run(other, start_stop(eject))), "5/53/02");
  EXPECT_EQ(ending(*run(other, prevent)), "GOOD");
  EXPECT_EQ(end(allow), "GOOD");
  EXPECT_EQ(end(start_stop(eject)), "5/53/02") << "the other still prevents it";
  target.close(other);
  EXPECT_EQ(end(start_stop(eject)), "GOOD") << "its nexus is gone";
  EXPECT_EQ(end(prevent), "GOOD");
  EXPECT_EQ(end(start_stop(load)), "5/53/02");
  EXPECT_EQ(end(cdb6(0x1e, 0, 0, 0, 2)), "5/24/00");
  std::erase_if(target.nexuses, [&](const auto& nexus) { return nexus.get() == &other; });
}

TEST_F(Removable, ResetsAllowRemoval) {
  for (const TaskManagement function : {TaskManagement::logical_unit_reset, TaskManagement::target_warm_reset,
                                        TaskManagement::target_cold_reset}) {
    EXPECT_EQ(end(prevent), "GOOD");
    target.manage(*host, function, 0);
    target.shards.run();
    EXPECT_EQ(end(test_unit_ready), function == TaskManagement::logical_unit_reset ? "6/29/03" : "6/29/02");
    EXPECT_EQ(end(start_stop(eject)), "GOOD");
    EXPECT_EQ(end(start_stop(load)), "GOOD");
  }
}

TEST_F(Removable, WhatTheUnitRemembersOutlivesItsSessions) {
  EXPECT_EQ(end(start_stop(eject)), "GOOD");
  target.close(*host);
  target.nexuses.clear();
  NexusState& later = target.login({{0, "v"}});
  EXPECT_EQ(ending(*run(later, test_unit_ready)), "6/29/00");
  EXPECT_EQ(ending(*run(later, test_unit_ready)), "2/3a/00");
  target.close(later);
  target.nexuses.clear();
  medium->identity.uuid[2] = 9;  // made anew under the same name
  NexusState& fresh = login();
  EXPECT_EQ(ending(*run(fresh, test_unit_ready)), "GOOD");
}

}  // namespace
}  // namespace ashlar::scsi::test
