#include "scsi/access.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scsi/host_test.h"

namespace ashlar::scsi::test {
namespace {

using State = unit::AccessState;
using testing::ElementsAre;
using Wishes = std::vector<std::pair<uint16_t, State>>;

const Cdb tur = cdb6(0x00);

// Host on shard 0 by portal group 1, `other` on shard 1 by portal group 2; volumes "v" and "w".
class Access : public ScsiTest {
 protected:
  Access() : ScsiTest(512, 2) { target.add_volume("w", 64); }
  void SetUp() override {
    host = &login({{0, "v"}, {1, "w"}}, 0, 1);
    other = &login({{0, "v"}, {1, "w"}}, 1, 2);
  }
  static unit::AccessStates states(State one, State two, bool explicit_changes = true) {
    unit::AccessStates out;
    out.group = "g";
    out.explicit_changes = explicit_changes;
    out.port_groups = {{.tag = 1, .state = one}, {.tag = 2, .state = two}};
    return out;
  }
  // In force, and every host has seen its attentions.
  void stand(State one, State two, bool explicit_changes = true) {
    target.set_access(states(one, two, explicit_changes), {"v", "w"});
    for (NexusState* nexus : {host, other}) {
      for (const uint16_t lun : {0, 1}) {
        while (run(*nexus, tur, {}, 0, lun)->sense.key == SenseKey::unit_attention) {
        }
      }
    }
  }
  static Cdb report(bool extended = false, uint32_t room = 4096) {
    Cdb cdb = cdb12(0xa3, 0, room, extended ? 0x2a : 0x0a);
    return cdb;
  }
  static Cdb set_cdb(size_t bytes) { return cdb12(0xa4, 0, static_cast<uint32_t>(bytes), 0x0a); }
  static std::vector<uint8_t> list(const Wishes& wishes) {
    std::vector<uint8_t> bytes(4);
    for (const auto& [tag, state] : wishes) {
      const auto number = static_cast<uint8_t>(state);
      bytes.insert(bytes.end(), {number, 0, static_cast<uint8_t>(tag >> 8), static_cast<uint8_t>(tag)});
    }
    return bytes;
  }
  std::unique_ptr<HostTask> set(NexusState& nexus, const Wishes& wishes) {
    const std::vector<uint8_t> bytes = list(wishes);
    return run(nexus, set_cdb(bytes.size()), bytes);
  }
  std::vector<State> told(NexusState& nexus, uint16_t lun = 0) {
    const auto done = run(nexus, report(), {}, 4096, lun);
    EXPECT_EQ(ending(*done), "GOOD");
    std::vector<State> found;
    for (size_t at = 4; at + 12 <= done->data_in.size(); at += 12)
      found.push_back(static_cast<State>(done->data_in[at] & 0x0f));
    return found;
  }
  std::string at(NexusState& nexus, const Cdb& cdb, uint16_t lun = 0) {
    return ending(*run(nexus, cdb, {}, 512, lun));
  }
  std::string write(NexusState& nexus) { return ending(*run(nexus, cdb10(0x2a, 0, 1), filled(512, 7))); }
  std::string read(NexusState& nexus) { return at(nexus, cdb10(0x28, 0, 1)); }
  NexusState* other = nullptr;
};

TEST_F(Access, WithoutAGroupEveryWayIsOptimized) {
  const std::vector<uint8_t> expected = {0, 0,    0, 24,                          //
                                         0, 0xcf, 0, 1,  0, 0, 0, 1, 0, 0, 0, 1,  //
                                         0, 0xcf, 0, 2,  0, 0, 0, 1, 0, 0, 0, 2};
  EXPECT_EQ(data(report()), expected);
  EXPECT_EQ(run(*other, report(), {}, 4096)->data_in, expected);
  std::vector<uint8_t> extended = expected;
  extended[3] = 28;
  extended.insert(extended.begin() + 4, {0x10, 60, 0, 0});
  EXPECT_EQ(data(report(true)), extended);
  EXPECT_EQ(data(report(false, 9)), std::vector<uint8_t>(expected.begin(), expected.begin() + 9));
  Cdb unknown_format = report();
  unknown_format[1] = 0x4a;
  EXPECT_EQ(end(unknown_format), "5/24/00");
  EXPECT_EQ(ending(*set(*host, {{1, State::standby}})), "5/20/00");
}

TEST_F(Access, TheWayThatAHostCameByIsAlwaysReported) {
  NexusState& third = login({{0, "v"}}, 0, 3);
  EXPECT_EQ(told(third).size(), 3u);
  const std::vector<uint8_t> designation = run(third, {0x12, 1, 0x83, 4, 0, 0}, {}, 1024)->data_in;
  const std::vector<uint8_t> group = {0x51, 0x95, 0, 4, 0, 0, 0, 3};
  EXPECT_NE(std::ranges::search(designation, group).begin(), designation.end());
}

TEST_F(Access, StatesPreferenceAndStatusCodesAreReported) {
  unit::AccessStates wish = states(State::active_non_optimized, State::active_optimized, false);
  wish.port_groups[1].preferred = true;
  target.set_access(wish, {"v"});
  EXPECT_EQ(at(*host, tur), "6/2a/06");
  const std::vector<uint8_t> bytes = data(report());
  EXPECT_EQ(bytes[4], 0x01);
  EXPECT_EQ(bytes[9], 0x02) << "implicit";
  EXPECT_EQ(bytes[16], 0x80);
  EXPECT_EQ(bytes[21], 0x00) << "not changed";
  EXPECT_THAT(told(*host, 1), ElementsAre(State::active_optimized, State::active_optimized))
      << "a volume of no group";
}

TEST_F(Access, AnImplicitChangeIsToldToEveryNexusOnce) {
  target.set_access(states(State::active_optimized, State::active_non_optimized, false), {"v"});
  for (NexusState* nexus : {host, other}) {
    EXPECT_EQ(at(*nexus, tur), "6/2a/06");
    EXPECT_EQ(at(*nexus, tur), "GOOD");
    EXPECT_EQ(at(*nexus, tur, 1), "GOOD") << "w is of no group";
  }
  target.set_access(states(State::active_optimized, State::active_non_optimized, false), {"v"});
  EXPECT_EQ(at(*host, tur), "GOOD") << "the same again is no change";
  EXPECT_EQ(write(*other), "GOOD") << "non-optimized is as good, only slower";
}

TEST_F(Access, InquiryTellsWhoMayChange) {
  EXPECT_EQ(data(cdb6(0x12, 0, 0, 0, 96))[5], 0x18);
  stand(State::active_optimized, State::active_optimized);
  EXPECT_EQ(data(cdb6(0x12, 0, 0, 0, 96))[5], 0x38);
  target.set_access(states(State::active_optimized, State::active_optimized, false), {"v", "w"});
  EXPECT_EQ(at(*host, tur), "6/3f/03");
}

// SPC-4 5.15.2.4.4: what works in standby, and what the others are told.
TEST_F(Access, StandbyRefusesTheMedium) {
  stand(State::active_optimized, State::standby);
  const Cdb works[] = {cdb6(0x12, 0, 0, 0, 96),
                       cdb6(0x03, 0, 0, 0, 18),
                       cdb6(0x1a, 8, 8, 0, 255),
                       report(),
                       cdb10(0x25, 0, 0),
                       cdb6(0x1d, 4),
                       cdb16(0x9e, 0, 32, 0x10),
                       {0xa0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0},
                       {0x5e, 0, 0, 0, 0, 0, 0, 1, 0, 0}};
  for (const Cdb& cdb : works) EXPECT_EQ(at(*other, cdb), "GOOD") << int{cdb[0]};
  const Cdb refused[] = {tur, cdb10(0x28, 0, 1), cdb10(0x2a, 0, 1), cdb10(0x35, 0, 0),
                         cdb6(0x1b, 0, 0, 0, 1)};
  for (const Cdb& cdb : refused) EXPECT_EQ(at(*other, cdb), "2/04/0b") << int{cdb[0]};
  const auto sense = run(*other, cdb6(0x03, 0, 0, 0, 18), {}, 18);
  EXPECT_EQ(sense->data_in.at(2), 0x02);
  EXPECT_EQ(load_be16(&sense->data_in.at(12)), 0x040b);
  EXPECT_EQ(write(*host), "GOOD");
}

TEST_F(Access, UnavailableAndOfflineRefuseNearlyAll) {
  stand(State::active_optimized, State::unavailable);
  EXPECT_EQ(at(*other, tur), "2/04/0c");
  EXPECT_EQ(at(*other, cdb6(0x1a, 8, 8, 0, 255)), "2/04/0c");
  EXPECT_EQ(at(*other, cdb6(0x12, 0, 0, 0, 96)), "GOOD");
  EXPECT_THAT(told(*other), ElementsAre(State::active_optimized, State::unavailable));
  EXPECT_EQ(ending(*set(*other, {{1, State::active_non_optimized}})), "GOOD");
  stand(State::active_optimized, State::offline);
  EXPECT_EQ(at(*other, tur), "2/04/12");
  EXPECT_EQ(ending(*set(*other, {{1, State::standby}})), "2/04/12");
  EXPECT_EQ(at(*other, report()), "GOOD");
  EXPECT_EQ(read(*host), "GOOD");
}

TEST_F(Access, ALaterNexusFindsTheStates) {
  stand(State::active_optimized, State::standby);
  NexusState& late = target.login({{0, "v"}}, 0, 2);
  EXPECT_EQ(at(late, tur), "6/29/00");
  EXPECT_EQ(at(late, tur), "2/04/0b");
}

TEST_F(Access, AHostChangesAllUnitsOfTheGroup) {
  stand(State::active_optimized, State::standby);
  EXPECT_EQ(ending(*set(*other, {{1, State::standby}, {2, State::active_optimized}})), "GOOD");
  EXPECT_EQ(read(*other), "GOOD") << "who asked is not told";
  EXPECT_EQ(at(*host, tur), "6/2a/06");
  EXPECT_EQ(at(*host, tur), "2/04/0b");
  EXPECT_EQ(at(*host, tur, 1), "6/2a/06") << "the other unit of the group";
  EXPECT_EQ(at(*host, tur, 1), "2/04/0b");
  const std::vector<uint8_t> bytes = data(report());
  EXPECT_EQ(bytes[9], 0x01) << "explicit";
  EXPECT_EQ(bytes[21], 0x01);
  // What the host made of it stays when units come and go; a new wish of the array undoes it.
  target.set_access(states(State::active_optimized, State::standby), {"v"}, true, {"w"});
  EXPECT_THAT(told(*host), ElementsAre(State::standby, State::active_optimized));
  EXPECT_EQ(at(*host, tur, 1), "6/2a/06");
  EXPECT_EQ(at(*host, tur, 1), "6/3f/03") << "no host may change w any more";
  EXPECT_EQ(at(*host, tur, 1), "GOOD") << "w left the group";
  target.set_access(states(State::active_optimized, State::standby), {"v"});
  EXPECT_EQ(at(*host, tur), "6/2a/06");
  EXPECT_EQ(read(*host), "GOOD");
}

TEST_F(Access, WhoChangedIsHeard) {
  std::vector<std::string> heard;
  target.domains[0]->on_access_changed(
      [&](const unit::AccessStates& now) { heard.push_back(now.group + " " + now.changed_by); });
  stand(State::active_optimized, State::standby);
  EXPECT_THAT(heard, ElementsAre()) << "only what hosts change";
  set(*other, {{2, State::active_non_optimized}});
  set(*other, {{2, State::active_non_optimized}});
  EXPECT_THAT(heard, ElementsAre("g " + other->nexus().initiator_port));
  EXPECT_EQ(target.domains[0]->access_of("g")->of(2).state, State::active_non_optimized);
  EXPECT_EQ(target.domains[0]->access_of("no"), nullptr);
}

TEST_F(Access, SetTargetPortGroupsIsChecked) {
  stand(State::active_optimized, State::standby);
  const auto wrong = [&](const Wishes& wishes) {
    const auto done = set(*host, wishes);
    return ending(*done) + " " + field(*done);
  };
  EXPECT_EQ(wrong({{9, State::standby}}), "5/26/00 list 6");
  EXPECT_EQ(wrong({{2, State::standby}, {2, State::standby}}), "5/26/00 list 10");
  EXPECT_EQ(wrong({{2, State::offline}}), "5/26/00 list 4.3");
  EXPECT_EQ(wrong({{2, State::transitioning}}), "5/26/00 list 4.3");
  EXPECT_EQ(wrong({{2, static_cast<State>(4)}}), "5/26/00 list 4.3") << "logical block dependent";
  EXPECT_EQ(wrong({{1, State::standby}}), "5/26/00 list 4.3") << "no way would be active";
  EXPECT_EQ(wrong({}), "GOOD none");
  EXPECT_EQ(ending(*run(*host, set_cdb(0))), "GOOD");
  EXPECT_EQ(ending(*run(*host, set_cdb(6), std::vector<uint8_t>(6))), "5/1a/00");
  EXPECT_EQ(ending(*run(*host, set_cdb(8), std::vector<uint8_t>(4))), "5/1a/00") << "the host sends less";
  EXPECT_EQ(ending(*run(*host, set_cdb(4096), std::vector<uint8_t>(4096))), "5/24/00");
  EXPECT_THAT(told(*host), ElementsAre(State::active_optimized, State::standby));
  EXPECT_EQ(at(*other, tur), "2/04/0b") << "and nobody was told of anything";
}

TEST_F(Access, WhatTheArrayKeepsOutNoHostOpens) {
  stand(State::active_optimized, State::unavailable);
  EXPECT_EQ(ending(*set(*other, {{2, State::active_optimized}})), "4/67/0a");
}

TEST_F(Access, AReservationKeepsOthersFromChanging) {
  stand(State::active_optimized, State::standby);
  std::vector<uint8_t> key(24);
  key[15] = 1;
  EXPECT_EQ(ending(*run(*host, {0x5f, 0, 0, 0, 0, 0, 0, 0, 24, 0}, key)), "GOOD");
  std::swap(key[15], key[7]);
  EXPECT_EQ(ending(*run(*host, {0x5f, 1, 1, 0, 0, 0, 0, 0, 24, 0}, key)), "GOOD");
  EXPECT_EQ(ending(*set(*other, {{2, State::active_optimized}})), "status 18");
  EXPECT_EQ(at(*other, report()), "GOOD");
}

TEST_F(Access, ATransitionHoldsCommandsUntilItsEnd) {
  stand(State::active_optimized, State::standby);
  target.set_access(states(State::transitioning, State::transitioning), {"v", "w"});
  const auto writing = start(*host, cdb10(0x2a, 8, 1), filled(512, 9));
  const auto reading = start(*host, cdb10(0x28, 8, 1), {}, 512);
  const auto sensing = start(*host, cdb6(0x1a, 8, 8, 0, 255), {}, 255);
  EXPECT_EQ(ending(*writing), "pending");
  EXPECT_EQ(ending(*reading), "pending");
  EXPECT_EQ(ending(*sensing), "pending");
  EXPECT_EQ(writing->fetches, 0);
  EXPECT_EQ(at(*host, tur), "2/04/0a") << "who asks is told";
  EXPECT_EQ(ending(*set(*host, {{1, State::standby}})), "2/04/0a");
  EXPECT_THAT(told(*host), ElementsAre(State::transitioning, State::transitioning));
  target.set_access(states(State::active_non_optimized, State::active_optimized), {"v", "w"});
  EXPECT_EQ(ending(*writing), "GOOD");
  EXPECT_EQ(ending(*reading), "GOOD");
  EXPECT_EQ(ending(*sensing), "GOOD");
  EXPECT_EQ(on_medium(8, 1), filled(512, 9));
  EXPECT_EQ(at(*host, tur), "6/2a/06") << "the first command after it";
  EXPECT_EQ(at(*host, tur), "GOOD");
  target.shards.at(0).pass(longest_hold + loop::seconds(1));
  EXPECT_EQ(read(*host), "GOOD");
}

TEST_F(Access, ATransitionToStandbyRefusesWhatWaited) {
  stand(State::active_optimized, State::active_optimized);
  target.set_access(states(State::transitioning, State::active_optimized), {"v", "w"});
  const auto reading = start(*host, cdb10(0x28, 8, 1), {}, 512);
  EXPECT_EQ(read(*other), "GOOD") << "another way goes on";
  target.set_access(states(State::standby, State::active_optimized), {"v", "w"});
  EXPECT_EQ(ending(*reading), "2/04/0b");
}

TEST_F(Access, ATransitionThatTakesTooLongIsToldToWhatWaits) {
  stand(State::active_optimized, State::active_optimized);
  target.set_access(states(State::transitioning, State::active_optimized), {"v", "w"});
  const auto reading = start(*host, cdb10(0x28, 8, 1), {}, 512);
  const auto late = [&] { target.shards.at(0).pass(longest_hold - loop::seconds(1)); };
  late();
  target.shards.run();
  EXPECT_EQ(ending(*reading), "pending");
  late();
  target.shards.run();
  EXPECT_EQ(ending(*reading), "2/04/0a");
  EXPECT_EQ(read(*host), "2/04/0a") << "nobody waits in vain again";
  target.set_access(states(State::active_optimized, State::active_optimized), {"v", "w"});
  EXPECT_EQ(at(*host, tur), "6/2a/07");
  EXPECT_EQ(read(*host), "GOOD");
  // The next transition has its own time.
  target.set_access(states(State::transitioning, State::active_optimized), {"v", "w"});
  const auto again = start(*host, cdb10(0x28, 8, 1), {}, 512);
  EXPECT_EQ(ending(*again), "pending");
  target.set_access(states(State::active_optimized, State::active_optimized), {"v", "w"});
  EXPECT_EQ(ending(*again), "GOOD");
}

TEST_F(Access, OnlySoManyCommandsWait) {
  stand(State::active_optimized, State::active_optimized);
  target.set_access(states(State::transitioning, State::active_optimized), {"v", "w"});
  std::vector<std::unique_ptr<HostTask>> waiting;
  for (uint32_t i = 0; i < most_held; ++i) waiting.push_back(start(*host, cdb10(0x28, 8, 1), {}, 512));
  EXPECT_EQ(read(*host), "BUSY");
  target.set_access(states(State::active_optimized, State::active_optimized), {"v", "w"});
  for (const auto& each : waiting) EXPECT_EQ(ending(*each), "GOOD");
}

TEST_F(Access, HeldCommandsCanBeEnded) {
  stand(State::active_optimized, State::active_optimized);
  target.set_access(states(State::transitioning, State::active_optimized), {"v", "w"});
  const auto aborted = start(*host, cdb10(0x28, 8, 1), {}, 512);
  const auto answer = target.manage(*host, TaskManagement::abort_task, 0, aborted->tag);
  target.shards.run();
  EXPECT_EQ(ending(*aborted), "aborted");
  EXPECT_EQ(*answer, TaskManagementResponse::complete);
  const auto unmapped = task(cdb10(0x28, 0, 1), {}, 512, 1);
  target.submit(*host, *unmapped);
  target.shards.at(0).in_turn([&] { host->replace_view(target.view({{0, "v"}})); });
  target.shards.run();
  EXPECT_EQ(ending(*unmapped), "5/25/00");
  EXPECT_EQ(at(*host, {0xa0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0}), "GOOD");
  // An ordered one behind a held one waits for its turn, and gets it.
  const auto first = start(*host, cdb10(0x28, 8, 1), {}, 512);
  auto ordered = task(cdb10(0x28, 9, 1), {}, 512);
  ordered->attribute = TaskAttribute::ordered;
  target.submit(*host, *ordered);
  target.shards.run();
  EXPECT_EQ(ending(*first), "pending");
  target.set_access(states(State::active_optimized, State::active_optimized), {"v", "w"});
  EXPECT_EQ(ending(*first), "GOOD");
  EXPECT_EQ(ending(*ordered), "6/2a/07") << "the first that begins after it has ended where it began";
  target.set_access(states(State::transitioning, State::active_optimized), {"v", "w"});
  while (run(*host, tur)->sense.key == SenseKey::unit_attention) {
  }
  const auto lost = start(*host, cdb10(0x28, 8, 1), {}, 512);
  EXPECT_EQ(ending(*lost), "pending");
  target.close(*host);
  EXPECT_EQ(ending(*lost), "aborted");
  std::erase_if(target.nexuses, [&](const auto& nexus) { return nexus.get() == host; });
}

}  // namespace
}  // namespace ashlar::scsi::test
