// Every command that can name a second unit, between hosts that share an array and no trust (CVE-2020-28374): what a host does not
// map, may not read or may not write is neither read nor written, nor shown to be there.
#include <gtest/gtest.h>

#include "scsi/copy_test.h"

namespace ashlar::scsi::test {
namespace {

class CopyTenants : public CopyTest {
 protected:
  void SetUp() override {
    CopyTest::SetUp();
    register_host(*host, 0, 0xa);
    register_host(*host, 1, 0xa);
  }
  void register_host(NexusState& nexus, uint16_t lun, uint8_t key) {
    List list(24);
    list[15] = key;
    run(nexus, {0x5f, 0x06, 0, 0, 0, 0, 0, 0, 24, 0}, list, 0, lun);
  }
  void reserve(NexusState& nexus, uint16_t lun, uint8_t key, uint8_t type) {
    List list(24);
    list[7] = key;
    EXPECT_EQ(ending(*run(nexus, {0x5f, 0x01, type, 0, 0, 0, 0, 0, 24, 0}, list, 0, lun)), "GOOD");
  }
  // Whether anything of either volume was touched.
  void expect_untouched() { EXPECT_EQ(at(*w, 0, 64 * 512), filled(64 * 512, 0xee)); }
  List v_to_w(bool lid4 = false) {
    const std::vector<List> cscds = {cscd_of(*medium), cscd_of(*w)};
    const List segments = segment_list({{0, 1, 0, 0, 64}});
    return lid4 ? lid4_list(1, cscds, segments) : lid1_list(1, cscds, segments);
  }
  std::unique_ptr<HostTask> try_copy(NexusState& nexus, bool lid4 = false, uint16_t lun = 0) {
    // Not even a read may reach the device.
    for (const char* name : {"v", "w"}) {
      target.unit(name).fault = block::Status::medium_error;
      target.unit(name).fault_in = 1;
    }
    auto done = copy(nexus, v_to_w(lid4), lid4 ? 1 : 0, lun);
    for (const char* name : {"v", "w"}) {
      EXPECT_EQ(target.unit(name).fault_in, 1) << name << " was asked";
      target.unit(name).fault_in = 0;
    }
    expect_untouched();
    return done;
  }
};

TEST_F(CopyTenants, AUnitThatIsNotMappedIsNotThere) {
  NexusState& source_only = login({{0, "v"}});
  NexusState& destination_only = login({{0, "w"}});
  for (const bool lid4 : {false, true}) {
    EXPECT_EQ(ending(*try_copy(source_only, lid4)), "a/0d/02");
    EXPECT_EQ(ending(*try_copy(destination_only, lid4)), "a/0d/02");
  }
  List nobody = cscd_of(*w);
  nobody[8] ^= 0x01;
  const auto unknown = copy(*host, lid1_list(1, {nobody}, segment_list({{0, 0, 0, 0, 1}})));
  const auto foreign = copy(source_only, lid1_list(1, {cscd_of(*w)}, segment_list({{0, 0, 0, 0, 1}})));
  EXPECT_EQ(ending(*unknown), ending(*foreign)) << "one cannot tell a foreign unit from none";
  EXPECT_EQ(field(*unknown), field(*foreign));
}

TEST_F(CopyTenants, AReadOnlyMappingIsNoDestination) {
  NexusState& reader = login({{0, "v"}, {1, "w", true}});
  const auto done = try_copy(reader);
  EXPECT_EQ(ending(*done), "a/0d/01");
  EXPECT_EQ(done->sense.third_party.side, unit::CopySide::destination);
  EXPECT_EQ(done->sense.third_party.code, 0x2700);
  NexusState& both = login({{0, "v"}, {1, "w", true}, {5, "w"}});
  EXPECT_EQ(ending(*copy(both, v_to_w())), "GOOD") << "the mapping that may write is found";
}

TEST_F(CopyTenants, ReservationsOfOthersKeepOut) {
  NexusState& other = login({{0, "v"}, {1, "w"}, {2, "large"}});
  reserve(*host, 1, 0xa, 5);  // write exclusive, registrants only, on the destination
  auto done = try_copy(other, false, 2);
  EXPECT_EQ(ending(*done), "a/0d/01");
  EXPECT_EQ(done->sense.third_party.side, unit::CopySide::destination);
  EXPECT_EQ(done->sense.third_party.status, 0x18);
  List list(24);
  list[7] = 0xa;
  run(*host, {0x5f, 0x02, 5, 0, 0, 0, 0, 0, 24, 0}, list, 0, 1);
  run(other, cdb6(0x00), {}, 0, 1);
  reserve(*host, 0, 0xa, 3);  // exclusive access on the source
  done = try_copy(other, true, 2);
  EXPECT_EQ(ending(*done), "a/0d/01");
  EXPECT_EQ(done->sense.third_party.side, unit::CopySide::source);
  EXPECT_EQ(done->sense.third_party.status, 0x18);
  EXPECT_EQ(ending(*try_copy(other)), "status 18") << "the unit that got the command is reserved itself";
  EXPECT_EQ(ending(*copy(*host, v_to_w())), "GOOD");
}

TEST_F(CopyTenants, PreemptAndAbortStopsACopyThatAnotherUnitBrought) {
  NexusState& other = login({{0, "v"}, {1, "w"}, {2, "large"}});
  register_host(other, 1, 0xb);
  reserve(other, 1, 0xb, 5);
  target.unit("v").hold = true;
  const List list = v_to_w();
  auto copying = task(copy_cdb(0x83, 0, list.size()), list, 0, 2);
  target.submit(other, *copying);
  target.shards.run();
  List keys(24);
  keys[7] = 0xa;
  keys[15] = 0xb;
  auto preempting = task({0x5f, 0x05, 5, 0, 0, 0, 0, 0, 24, 0}, keys, 0, 1);
  target.submit(*host, *preempting);
  target.shards.run();
  EXPECT_EQ(ending(*preempting), "pending") << "while the copy can still write";
  target.unit("v").hold = false;
  target.release("v");
  EXPECT_EQ(ending(*preempting), "GOOD");
  EXPECT_EQ(ending(*copying), "a/0d/01");
  EXPECT_EQ(copying->sense.third_party.status, 0x18);
  expect_untouched();
}

TEST_F(CopyTenants, UnmappingStopsACopyThatRuns) {
  NexusState& other = login({{0, "v"}, {1, "w"}});
  target.unit("v").hold = true;
  const List list = v_to_w();
  const auto copying = start(other, copy_cdb(0x83, 0, list.size()), list);
  target.shards.at(0).in_turn([&] { other.replace_view(target.view({{0, "v"}, {1, "large"}})); });
  target.unit("v").hold = false;
  target.release("v");
  EXPECT_EQ(ending(*copying), "a/0d/02");
  expect_untouched();
}

TEST_F(CopyTenants, AMappingThatBecomesReadOnlyStopsIt) {
  NexusState& other = login({{0, "v"}, {1, "w"}});
  target.unit("v").hold = true;
  const List list = v_to_w();
  const auto copying = start(other, copy_cdb(0x83, 0, list.size()), list);
  target.shards.at(0).in_turn([&] { other.replace_view(target.view({{0, "v"}, {1, "w", true}})); });
  target.unit("v").hold = false;
  target.release("v");
  EXPECT_EQ(ending(*copying), "a/0d/01");
  EXPECT_EQ(copying->sense.third_party.code, 0x2700);
  expect_untouched();
}

TEST_F(CopyTenants, WhatBecameOfACopyIsForItsOwnHostAlone) {
  EXPECT_EQ(ending(*copy(*host, v_to_w())), "GOOD");
  NexusState& other = login({{0, "v"}, {1, "w"}});
  for (const uint8_t action : {0x00, 0x01, 0x04}) {
    Cdb cdb = copy_cdb(0x84, action, 100);
    cdb[2] = 1;
    EXPECT_EQ(ending(*run(other, cdb, {}, 100)), "5/24/00");
  }
  EXPECT_EQ(ending(*run(other, copy_cdb(0x84, 0x05, 100, 1), {}, 100)), "5/24/00");
  Cdb abort(16);
  abort[0] = 0x83;
  abort[1] = 0x1c;
  abort[5] = 1;
  EXPECT_EQ(ending(*run(other, abort)), "5/24/00");
}

}  // namespace
}  // namespace ashlar::scsi::test
