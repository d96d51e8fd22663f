// The medium comes and goes: by a host, by the array, under reads.
#include <gtest/gtest.h>

#include "scsi/cd_test.h"

namespace ashlar::scsi::test {
namespace {

class CdTray : public CdTest {
 protected:
  CdTray() : CdTest(2) {}
};

TEST_F(CdTray, AHostOpensAndClosesIt) {
  NexusState& other = login({{0, "v"}}, 1);
  EXPECT_EQ(media_event(), "0/2");
  EXPECT_EQ(end(start_stop(0)), "GOOD") << "a disc that stops turning stays in reach";
  EXPECT_EQ(ready(*host), "GOOD");
  EXPECT_EQ(end(start_stop(eject)), "GOOD");
  EXPECT_EQ(ready(*host), "2/3a/02");
  EXPECT_EQ(ready(other), "2/3a/02");
  for (const Cdb& cdb :
       {cdb10(0x25, 0, 0), cdb10(0x28, 0, 1), cdb12(0xa8, 0, 1), cdb10(0x43, 0, 20), cdb10(0x51, 0, 34),
        cdb10(0x52, 0, 36), cdb12(0xad, 0, 0), cdb12(0xbe, 0, 0), cdb10(0x2b, 0, 0)})
    EXPECT_EQ(end(cdb), "2/3a/02") << int{cdb[0]};
  EXPECT_EQ(media_event(), "3/1");
  EXPECT_EQ(media_event(), "0/1");
  EXPECT_EQ(media_event(other), "3/1");
  EXPECT_EQ(data({0xbd, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0})[1], 0x10) << "the door is open";
  EXPECT_EQ(load_be16(&data(cdb6(0x03, 0, 0, 0, 18))[12]), 0x3a02);
  EXPECT_EQ(end(start_stop(load)), "GOOD");
  EXPECT_EQ(media_event(other), "2/2") << "also while its attention is pending";
  EXPECT_EQ(ready(other), "6/28/00");
  EXPECT_EQ(ready(other), "GOOD");
  EXPECT_EQ(ready(*host), "GOOD") << "who loaded it knows";
  EXPECT_EQ(media_event(), "2/2");
  EXPECT_EQ(end(start_stop(load)), "GOOD");
  EXPECT_EQ(ready(other), "GOOD") << "it was there already";
}

TEST_F(CdTray, AHostKeepsTheMediumIn) {
  NexusState& other = login({{0, "v"}}, 1);
  EXPECT_FALSE(target.domains[0]->tray_of("v").prevented);
  EXPECT_EQ(ending(*run(other, prevent())), "GOOD");
  EXPECT_TRUE(target.domains[0]->tray_of("v").prevented);
  EXPECT_EQ(end(start_stop(eject)), "5/53/02");
  EXPECT_EQ(end(start_stop(load)), "GOOD");
  at_home([&] { return target.domains[0]->request_eject("v"); });
  EXPECT_EQ(media_event(), "1/2");
  EXPECT_EQ(media_event(other), "1/2");
  EXPECT_EQ(ready(*host), "GOOD");
  at_home([&] { return target.domains[0]->allow_removal("v"); });
  EXPECT_FALSE(target.domains[0]->tray_of("v").prevented);
  EXPECT_EQ(ending(*run(other, prevent(false))), "GOOD");
  EXPECT_EQ(end(start_stop(eject)), "GOOD");
  EXPECT_EQ(end(prevent()), "GOOD");
  change_medium(0);
  EXPECT_EQ(end(start_stop(eject)), "2/53/02") << "locked and empty";
  target.close(other);
  std::erase_if(target.nexuses, [&](const auto& nexus) { return nexus.get() == &other; });
}

TEST_F(CdTray, TheArrayTakesItOutAndPutsAnotherIn) {
  NexusState& other = login({{0, "v"}}, 1);
  change_medium(0);
  EXPECT_EQ(ready(*host), "2/3a/01");
  EXPECT_EQ(ready(other), "2/3a/01");
  EXPECT_EQ(media_event(), "3/0");
  EXPECT_EQ(end(cdb10(0x28, 0, 1)), "2/3a/01");
  EXPECT_EQ(end(cdb10(0x25, 0, 0)), "2/3a/01");
  EXPECT_EQ(ready(login()), "2/3a/01") << "also who comes then";
  EXPECT_EQ(end(start_stop(eject)), "GOOD");
  EXPECT_EQ(ready(*host), "2/3a/02") << "an empty tray opens too";
  EXPECT_EQ(end(start_stop(load)), "GOOD");
  EXPECT_EQ(ready(*host), "2/3a/01") << "and closes without a medium";
  EXPECT_EQ(end(start_stop(eject)), "GOOD");
  change_medium(100);
  EXPECT_EQ(media_event(), "2/2");
  EXPECT_EQ(end(cdb10(0x25, 0, 0)), "6/28/00");
  EXPECT_EQ(load_be32(data(cdb10(0x25, 0, 0)).data()), 99u);
  EXPECT_EQ(ready(other), "6/28/00");
  EXPECT_EQ(end(cdb10(0x28, 99, 2)), "5/21/00");
}

TEST_F(CdTray, AReadOnTheOldMediumEndsOnceAndNoneBeginsOnTheNewOneUntold) {
  target.unit("v").hold = true;
  const auto old = start(*host, cdb10(0x28, 3, 1), {}, 2048);
  change_medium(100);
  const auto untold = start(*host, cdb10(0x28, 3, 1), {}, 2048);
  EXPECT_EQ(ending(*untold), "6/28/00");
  EXPECT_EQ(ending(*old), "pending");
  target.unit("v").hold = false;
  target.release("v");
  EXPECT_EQ(ending(*old), "GOOD");
  EXPECT_EQ(old->data_in, on_medium(3, 1));
  EXPECT_EQ(end(cdb10(0x28, 3, 1)), "GOOD");
}

TEST_F(CdTray, WhatWaitsForAWayWasMeantForTheOldMedium) {
  target.set_access({.group = "g", .port_groups = {{.tag = 1, .state = unit::AccessState::transitioning}}},
                    {"v"});
  const auto held = start(*host, cdb10(0x28, 3, 1), {}, 2048);
  EXPECT_EQ(ending(*held), "pending");
  change_medium(100);
  EXPECT_EQ(ending(*held), "2/3a/01");
  target.set_access({.group = "g"}, {"v"});
  EXPECT_EQ(end(cdb10(0x28, 3, 1)), "6/28/00");
  EXPECT_EQ(end(cdb10(0x28, 3, 1)), "6/2a/07") << "the way is as it was before";
  EXPECT_EQ(end(cdb10(0x28, 3, 1)), "GOOD");
}

TEST_F(CdTray, EventsAreToldByClassAndOnlyWhenTheyArePolled) {
  EXPECT_EQ(field(*run(events(0x10, 8, false), {}, 8)), "cdb 1.0");
  EXPECT_EQ(data(events(0x10)), (std::vector<uint8_t>{0, 6, 4, 0x52, 0, 2, 0, 0}));
  EXPECT_EQ(data(events(0x02)), (std::vector<uint8_t>{0, 6, 1, 0x52, 0, 0, 0, 0}));
  EXPECT_EQ(data(events(0x40)), (std::vector<uint8_t>{0, 6, 6, 0x52, 0, 0, 0, 0}));
  EXPECT_EQ(data(events(0x52))[2], 1) << "no event: the first of those that are asked for";
  EXPECT_EQ(data(events(0x08)), (std::vector<uint8_t>{0, 2, 0x80, 0x52})) << "no such class";
  EXPECT_EQ(data(events(0)), (std::vector<uint8_t>{0, 2, 0x80, 0x52}));
  at_home([&] { return target.domains[0]->request_eject("v"); });
  EXPECT_EQ(data(events(0x02))[4], 0) << "not of that class";
  EXPECT_EQ(data(events(0x52, 4)), (std::vector<uint8_t>{0, 6, 4, 0x52})) << "no room: it stays";
  EXPECT_EQ(data(events(0x52)), (std::vector<uint8_t>{0, 6, 4, 0x52, 1, 2, 0, 0}));
  EXPECT_EQ(media_event(), "0/2");
  change_medium(10);
  at_home([&] { return target.domains[0]->request_eject("v"); });
  EXPECT_EQ(media_event(), "2/2") << "what has happened says more than a wish";
}

TEST_F(CdTray, ResetsAllowRemovalAndLeaveTheTrayAsItIs) {
  EXPECT_EQ(end(prevent()), "GOOD");
  target.manage(*host, TaskManagement::logical_unit_reset, 0);
  target.shards.run();
  EXPECT_EQ(ready(*host), "6/29/03");
  EXPECT_EQ(end(start_stop(eject)), "GOOD");
  target.manage(*host, TaskManagement::logical_unit_reset, 0);
  target.shards.run();
  EXPECT_EQ(ready(*host), "6/29/03");
  EXPECT_EQ(ready(*host), "2/3a/02");
}

TEST_F(CdTray, DrivesAreNoSourceOfCopies) {
  // POPULATE TOKEN and EXTENDED COPY are not among its commands; copy_plan refuses to name it from elsewhere.
  EXPECT_EQ(end({0x83, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 24, 0, 0}, filled(24, 0)), "5/20/00");
}

TEST_F(CdTray, SpeedIsTakenAndChangesNothing) {
  EXPECT_EQ(end({0xbb, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0}), "GOOD");
}

}  // namespace
}  // namespace ashlar::scsi::test
