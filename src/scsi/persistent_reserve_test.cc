#include "scsi/persistent_reserve.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "scsi/host_test.h"

namespace ashlar::scsi::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr uint8_t exclusive_access = 3, write_exclusive_registrants_only = 5;
constexpr uint8_t register_key = 0, reserve = 1, release = 2, clear = 3, preempt = 4, preempt_and_abort = 5,
                  register_and_move = 7;
constexpr char conflict[] = "status 18";

// Two hosts on two shards, registered with keys 10 and 11.
class PersistentReserve : protected WithKeeper, public ScsiTest {
 protected:
  PersistentReserve() : ScsiTest(512, 2, &keeper) {}
  void SetUp() override {
    ScsiTest::SetUp();
    other = &login({{0, "v"}}, 1);
    EXPECT_EQ(out(*host, register_key, 0, 10), "GOOD");
    EXPECT_EQ(out(*other, register_key, 0, 11), "GOOD");
  }
  static std::vector<uint8_t> list(uint64_t key, uint64_t new_key, uint8_t flags = 0) {
    std::vector<uint8_t> bytes(24);
    store_be64(bytes.data(), key);
    store_be64(&bytes[8], new_key);
    bytes[20] = flags;
    return bytes;
  }
  static Cdb out_cdb(uint8_t action, uint8_t type, size_t bytes = 24) {
    Cdb cdb = {0x5f, action, type, 0, 0, 0, 0, 0, static_cast<uint8_t>(bytes), 0};
    return cdb;
  }
  std::string out(NexusState& nexus, uint8_t action, uint64_t key, uint64_t new_key = 0, uint8_t type = 0) {
    return ending(*run(nexus, out_cdb(action, type), list(key, new_key)));
  }
  std::vector<uint8_t> in(NexusState& nexus, uint8_t action) {
    const auto done = run(nexus, {0x5e, action, 0, 0, 0, 0, 0, 0x10, 0, 0}, {}, 4096);
    EXPECT_EQ(ending(*done), "GOOD");
    return done->data_in;
  }
  std::vector<uint64_t> keys() {
    const std::vector<uint8_t> data = in(*host, 0);
    std::vector<uint64_t> found;
    for (size_t at = 8; at + 8 <= data.size(); at += 8) found.push_back(load_be64(&data[at]));
    return found;
  }
  std::string write(NexusState& nexus) { return ending(*run(nexus, cdb10(0x2a, 0, 1), filled(512, 7))); }
  std::string read(NexusState& nexus) { return ending(*run(nexus, cdb10(0x28, 0, 1), {}, 512)); }
  NexusState* other = nullptr;
};

TEST_F(PersistentReserve, KeysAndReservationAreTold) {
  EXPECT_THAT(keys(), ElementsAre(10, 11));
  EXPECT_EQ(in(*other, 1), (std::vector<uint8_t>{0, 0, 0, 2, 0, 0, 0, 0}));
  EXPECT_EQ(out(*other, reserve, 11, 0, exclusive_access), "GOOD");
  const std::vector<uint8_t> told = in(*host, 1);
  ASSERT_EQ(told.size(), 24u);
  EXPECT_EQ(load_be64(&told[8]), 11u);
  EXPECT_EQ(told[21], exclusive_access);
  EXPECT_EQ(in(*host, 2), (std::vector<uint8_t>{0, 8, 0x8d, 0x80, 0xea, 1, 0, 0}));
  EXPECT_EQ(reserve_in_data(ReserveIn::capabilities, {}, false)[2], 0x8c) << "PTPL_C where nothing is kept";
}

TEST_F(PersistentReserve, AHolderKeepsTheOthersOut) {
  EXPECT_EQ(out(*host, reserve, 10, 0, exclusive_access), "GOOD");
  EXPECT_EQ(write(*other), conflict);
  EXPECT_EQ(read(*other), conflict);
  EXPECT_EQ(ending(*run(*other, cdb6(0x1a, 8, 8, 0, 255), {}, 255)), conflict) << "MODE SENSE";
  EXPECT_EQ(ending(*run(*other, cdb6(0x1b, 0, 0, 0, 0))), conflict) << "STOP";
  EXPECT_EQ(ending(*run(*other, cdb6(0x1b, 0, 0, 0, 1))), "GOOD") << "START";
  EXPECT_EQ(ending(*run(*other, cdb6(0x1e, 0, 0, 0, 1))), conflict) << "PREVENT";
  EXPECT_EQ(ending(*run(*other, cdb6(0x1e, 0, 0, 0, 0))), "GOOD") << "ALLOW";
  EXPECT_EQ(ending(*run(*other, cdb6(0x00))), "GOOD");
  EXPECT_EQ(ending(*run(*other, cdb6(0x12, 0, 0, 0, 96), {}, 96)), "GOOD");
  EXPECT_EQ(write(*host), "GOOD");
  // One that comes later finds the same.
  NexusState& late = login({{0, "v"}}, 1);
  EXPECT_EQ(read(late), conflict);
  EXPECT_EQ(out(*host, release, 10, 0, exclusive_access), "GOOD");
  EXPECT_EQ(write(*other), "GOOD");
  EXPECT_EQ(read(late), "GOOD");
}

TEST_F(PersistentReserve, RegistrantsPassAndAreToldOfTheEnd) {
  EXPECT_EQ(out(*host, reserve, 10, 0, write_exclusive_registrants_only), "GOOD");
  NexusState& stranger = login({{0, "v"}}, 1);
  EXPECT_EQ(write(*other), "GOOD");
  EXPECT_EQ(read(stranger), "GOOD");
  EXPECT_EQ(write(stranger), conflict);
  EXPECT_EQ(out(*host, release, 10, 0, write_exclusive_registrants_only), "GOOD");
  EXPECT_EQ(write(*other), "6/2a/04");
  EXPECT_EQ(write(stranger), "GOOD");
}

TEST_F(PersistentReserve, PreemptAndAbortWaitsForTheLastWrite) {
  EXPECT_EQ(out(*host, reserve, 10, 0, exclusive_access), "GOOD");
  target.unit("v", 0).hold = true;
  const auto stuck = start(*host, cdb10(0x2a, 0, 1), filled(512, 9));
  const auto taking = start(*other, out_cdb(preempt_and_abort, exclusive_access), list(11, 10));
  EXPECT_EQ(ending(*taking), "pending") << "the write may still reach the medium";
  target.unit("v", 0).hold = false;
  target.release("v", 0);
  EXPECT_EQ(ending(*taking), "GOOD");
  EXPECT_EQ(ending(*stuck), "status 40") << "TASK ABORTED: its host does not wait for a time-out";
  EXPECT_EQ(write(*host), "6/2a/05");
  EXPECT_EQ(write(*host), conflict);
  EXPECT_EQ(write(*other), "GOOD");
  EXPECT_THAT(keys(), ElementsAre(11));
}

TEST_F(PersistentReserve, AClearIsTold) {
  EXPECT_EQ(out(*other, clear, 11), "GOOD");
  EXPECT_EQ(write(*host), "6/2a/03");
  EXPECT_THAT(keys(), IsEmpty());
}

TEST_F(PersistentReserve, AMoveNamesItsDestination) {
  EXPECT_EQ(out(*host, reserve, 10, 0, exclusive_access), "GOOD");
  std::vector<uint8_t> bytes = list(10, 12);
  bytes[17] = 0x02;  // UNREG
  bytes[19] = 1;
  const std::vector<uint8_t> id = transport_id("iqn.2026-11.io.ashlar:third,i,0x800000000001");
  store_be32(&bytes[20], static_cast<uint32_t>(id.size()));
  bytes.insert(bytes.end(), id.begin(), id.end());
  EXPECT_EQ(ending(*run(*host, out_cdb(register_and_move, 0, bytes.size()), bytes)), "GOOD");
  EXPECT_THAT(keys(), ElementsAre(11, 12));
  EXPECT_EQ(write(*host), conflict);
}

TEST_F(PersistentReserve, AMoveToNoPortOfTheTargetIsRefused) {
  EXPECT_EQ(out(*host, reserve, 10, 0, exclusive_access), "GOOD");
  std::vector<uint8_t> bytes = list(10, 12);
  bytes[19] = 9;
  const std::vector<uint8_t> id = transport_id("iqn.2026-11.io.ashlar:third,i,0x800000000001");
  store_be32(&bytes[20], static_cast<uint32_t>(id.size()));
  bytes.insert(bytes.end(), id.begin(), id.end());
  const auto done = run(*host, out_cdb(register_and_move, 0, bytes.size()), bytes);
  EXPECT_EQ(ending(*done) + " at " + field(*done), "5/26/00 at list 18");
  EXPECT_EQ(write(*host), "GOOD");
}

// SPC-4 7.6.4.6: FORMAT CODE 00b.
std::vector<uint8_t> node_id(const std::string& name) {
  std::vector<uint8_t> id = transport_id(name);
  id[0] = 0x05;
  return id;
}

TEST_F(PersistentReserve, ANodeIsAllOfItsPortsThatAreKnown) {
  NexusState& third = login({{0, "v"}}, 1, 2);
  login({});  // sees nothing of the unit
  std::vector<uint8_t> bytes = list(10, 12, 0x08);
  EXPECT_EQ(out(*host, register_key, 10, 0), "GOOD");
  store_be64(bytes.data(), 0);
  const std::vector<uint8_t> id = node_id(third.nexus().initiator_name);
  const std::vector<uint8_t> unknown = node_id("iqn.2026-11.io.ashlar:nobody");
  bytes.resize(28);
  store_be32(&bytes[24], static_cast<uint32_t>(id.size() + unknown.size()));
  bytes.insert(bytes.end(), id.begin(), id.end());
  bytes.insert(bytes.end(), unknown.begin(), unknown.end());
  EXPECT_EQ(ending(*run(*host, out_cdb(register_key, 0, bytes.size()), bytes)), "GOOD");
  const auto now = target.domains[0]->reservations_of("v");
  const unit::NexusName expected{third.nexus().initiator_port, 1, host->nexus().target_port};
  EXPECT_NE(now->find(expected), nullptr) << "by the port that was asked";
  EXPECT_EQ(now->registrations.size(), 3u) << "host, other, third";
}

TEST_F(PersistentReserve, AMoveToANodeNeedsItsOnePort) {
  EXPECT_EQ(out(*host, reserve, 10, 0, exclusive_access), "GOOD");
  const auto move_to = [&](const std::string& node) {
    std::vector<uint8_t> bytes = list(10, 12);
    bytes[19] = 2;
    const std::vector<uint8_t> id = node_id(node);
    store_be32(&bytes[20], static_cast<uint32_t>(id.size()));
    bytes.insert(bytes.end(), id.begin(), id.end());
    const auto done = run(*host, out_cdb(register_and_move, 0, bytes.size()), bytes);
    return ending(*done) + " at " + field(*done);
  };
  EXPECT_EQ(move_to("iqn.2026-11.io.ashlar:nobody"), "5/26/00 at list 24");
  EXPECT_EQ(move_to("iqn.2026-11.io.ashlar:host0,i,0x800000000001"), "5/26/00 at list 28")
      << "a port, not a node";
  EXPECT_EQ(move_to(other->nexus().initiator_name), "GOOD at none");
  EXPECT_EQ(target.domains[0]->reservations_of("v")->holder.initiator_port, other->nexus().initiator_port);
}

TEST_F(PersistentReserve, AllTargetPortsAreRegisteredAtOnce) {
  EXPECT_EQ(ending(*run(*host, out_cdb(register_key, 0), list(10, 12, 0x04))), "GOOD");
  EXPECT_THAT(keys(), ElementsAre(12, 12, 11));
  const std::vector<uint8_t> told = in(*host, 3);
  EXPECT_EQ(told[20], 0x02) << "ALL_TG_PT";
  EXPECT_EQ(ending(*run(*host, out_cdb(register_key, 0), list(12, 0, 0x04))), "GOOD");
  EXPECT_THAT(keys(), ElementsAre(11));
}

TEST_F(PersistentReserve, AChangeIsKeptBeforeItIsAnswered) {
  keeper.hold = true;
  const auto taking = start(*host, out_cdb(reserve, exclusive_access), list(10, 0));
  EXPECT_EQ(ending(*taking), "pending");
  EXPECT_EQ(write(*other), "GOOD") << "nobody is kept out by what may be forgotten";
  const auto waits = start(*other, out_cdb(reserve, exclusive_access), list(11, 0));
  EXPECT_EQ(ending(*waits), "pending");
  keeper.hold = false;
  target.shards.at(0).in_turn([&] { keeper.released.set(); });
  target.shards.run();
  EXPECT_EQ(ending(*taking), "GOOD");
  EXPECT_EQ(ending(*waits), conflict) << "the first that asked has it";
  EXPECT_EQ(write(*other), conflict);
  const unit::Reservations& kept = keeper.kept.at(medium->identity.uuid);
  EXPECT_EQ(kept.type, unit::ReservationType::exclusive_access);
  EXPECT_EQ(kept.registrations.size(), 2u);
  EXPECT_FALSE(kept.persist);
  EXPECT_EQ(ending(*run(*host, out_cdb(register_key, 0), list(10, 10, 0x01))), "GOOD") << "APTPL";
  EXPECT_TRUE(keeper.kept.at(medium->identity.uuid).persist);
  EXPECT_EQ(in(*host, 2)[3], 0x81) << "PTPL_A";
}

TEST_F(PersistentReserve, WhatCannotBeKeptIsNotDone) {
  keeper.refuse = true;
  EXPECT_EQ(out(*host, reserve, 10, 0, exclusive_access), "4/44/00");
  EXPECT_EQ(out(*other, clear, 11), "4/44/00");
  EXPECT_EQ(write(*other), "GOOD");
  EXPECT_THAT(keys(), ElementsAre(10, 11));
  keeper.refuse = false;
  EXPECT_EQ(out(*host, reserve, 10, 0, exclusive_access), "GOOD");
}

TEST_F(PersistentReserve, WhatChangesNothingIsNotWritten) {
  const int before = keeper.asked;
  EXPECT_EQ(out(*host, release, 10, 0, exclusive_access), "GOOD");
  EXPECT_EQ(out(*host, reserve, 99, 0, exclusive_access), conflict);
  EXPECT_EQ(keeper.asked, before);
}

TEST_F(PersistentReserve, WhatWasKeptIsRecalledBeforeTheFirstHost) {
  target.add_volume("w", 64);
  unit::Reservations kept;
  kept.registrations.push_back({.nexus = unit::name_of(other->nexus()), .key = 11});
  kept.type = unit::ReservationType::exclusive_access;
  kept.holder = unit::name_of(other->nexus());
  target.domains[0]->recall("w", target.unit("w"), {.reservations = kept, .mode_parameters = {}});
  NexusState& late = login({{0, "w"}});
  EXPECT_EQ(read(late), conflict);
  EXPECT_EQ(target.domains[1]->reservations_of("w")->holder, kept.holder);
}

TEST_F(PersistentReserve, WhatWasLostKeepsEverybodyOutUntilItIsReplaced) {
  target.add_volume("w", 64);
  unit::Reservations lost;
  lost.lost = true;
  target.domains[0]->recall("w", target.unit("w"), {.reservations = lost, .mode_parameters = {}});
  NexusState& late = login({{0, "w"}});
  EXPECT_EQ(write(late), conflict);
  EXPECT_EQ(out(late, 8, 0, 10, exclusive_access), "GOOD") << "REPLACE LOST RESERVATION";
  EXPECT_EQ(write(late), "GOOD");
}

TEST_F(PersistentReserve, AResetAndANewLoginChangeNothing) {
  EXPECT_EQ(out(*host, reserve, 10, 0, exclusive_access), "GOOD");
  const auto answer = target.manage(*other, TaskManagement::logical_unit_reset, 0);
  target.shards.run();
  ASSERT_TRUE(answer->has_value());
  run(*other, cdb6(0x00));
  EXPECT_EQ(write(*other), conflict);
}

TEST_F(PersistentReserve, RefusesWhatItDoesNotUnderstand) {
  const auto refusal = [&](const Cdb& cdb, const std::vector<uint8_t>& bytes) {
    const auto done = run(*host, cdb, bytes);
    return ending(*done) + " at " + field(*done);
  };
  EXPECT_EQ(refusal(out_cdb(reserve, 0x02), list(10, 0)), "5/24/00 at cdb 2.3") << "no such type";
  EXPECT_EQ(refusal(out_cdb(reserve, 0x13), list(10, 0)), "5/24/00 at cdb 2.7") << "no such scope";
  EXPECT_EQ(refusal(out_cdb(reserve, exclusive_access), list(10, 0, 0x08)), "5/26/00 at list 20.3");
  EXPECT_EQ(refusal(out_cdb(register_key, 0, 20), filled(20, 0)), "5/1a/00 at none");
  EXPECT_EQ(refusal(out_cdb(register_key, 0, 0), {}), "5/1a/00 at none");
  EXPECT_EQ(refusal(out_cdb(8, exclusive_access), list(0, 10)), "5/26/04 at none") << "nothing was lost";
  EXPECT_EQ(refusal(out_cdb(preempt, exclusive_access), list(10, 0)), "5/26/00 at list 8");
  EXPECT_EQ(out(*host, reserve, 10, 0, exclusive_access), "GOOD");
  EXPECT_EQ(out(*host, release, 10, 0, write_exclusive_registrants_only), "5/26/04");
  EXPECT_THAT(keys(), ElementsAre(10, 11));
}

class ReserveUnit : public ScsiTest {
 protected:
  ReserveUnit() : ScsiTest(512, 2) {}
  void SetUp() override {
    ScsiTest::SetUp();
    other = &login({{0, "v"}}, 1);
    EXPECT_EQ(ending(*run(*host, cdb6(0x16))), "GOOD");
  }
  std::string ready(NexusState& nexus) { return ending(*run(nexus, cdb6(0x00))); }
  NexusState* other = nullptr;
};

TEST_F(ReserveUnit, KeepsTheOthersOutUntilItIsReleased) {
  EXPECT_EQ(ready(*other), conflict);
  EXPECT_EQ(ending(*run(*other, cdb6(0x16))), conflict);
  EXPECT_EQ(ending(*run(*other, {0x5e, 0, 0, 0, 0, 0, 0, 0, 8, 0}, {}, 8)), conflict);
  EXPECT_EQ(ending(*run(*other, cdb6(0x12, 0, 0, 0, 96), {}, 96)), "GOOD");
  EXPECT_EQ(ending(*run(*other, cdb6(0x17))), "GOOD") << "does nothing";
  EXPECT_EQ(ready(*other), conflict);
  EXPECT_EQ(ready(*host), "GOOD");
  EXPECT_EQ(ending(*run(*host, {0x57, 0, 0, 0, 0, 0, 0, 0, 0, 0})), "GOOD");
  EXPECT_EQ(ready(*other), "GOOD");
}

TEST_F(ReserveUnit, EndsWithItsNexus) {
  target.close(*host);
  EXPECT_EQ(ready(*other), "GOOD");
  target.nexuses.erase(target.nexuses.begin());
}

TEST_F(ReserveUnit, EndsWithItsMapping) {
  target.shards.at(0).in_turn([&] { host->replace_view(target.view({})); });
  target.shards.run();
  EXPECT_EQ(ready(*other), "GOOD");
}

TEST_F(ReserveUnit, EndsWithAReset) {
  for (const TaskManagement reset : {TaskManagement::logical_unit_reset, TaskManagement::target_warm_reset}) {
    const auto answer = target.manage(*other, reset, 0);
    target.shards.run();
    ASSERT_TRUE(answer->has_value());
    EXPECT_EQ(ready(*other), reset == TaskManagement::logical_unit_reset ? "6/29/03" : "6/29/02");
    EXPECT_EQ(ready(*other), "GOOD");
    ready(*host);
    EXPECT_EQ(ending(*run(*host, cdb6(0x16))), "GOOD");
  }
}

// Whatever a host sends as a list: an answer, and no read past its end.
RC_GTEST_PROP(ReserveOutList, AnyBytesAreAnswered, ()) {
  std::vector<uint8_t> list = *rc::gen::container<std::vector<uint8_t>>(rc::gen::arbitrary<uint8_t>());
  if (*rc::gen::arbitrary<bool>()) {
    list.resize(24);
    list[20] = 0x08;
    const std::vector<uint8_t> id = transport_id("iqn.x:y,i,0x1");
    list.insert(list.end(), {0, 0, 0, static_cast<uint8_t>(id.size())});
    list.insert(list.end(), id.begin(), id.end());
    list[*rc::gen::inRange<size_t>(0, list.size())] ^= *rc::gen::arbitrary<uint8_t>();
  }
  const uint8_t action = *rc::gen::inRange<uint8_t>(0, 9);
  const uint8_t cdb[10] = {0x5f, action, *rc::gen::arbitrary<uint8_t>()};
  const auto parsed =
      parse_reserve_out(cdb, list, {.nexus = {"a,i,0x1", 1, "t"}, .target_ports = {{1, "t"}}});
  if (!parsed) RC_ASSERT(parsed.error().key == SenseKey::illegal_request);
}

}  // namespace
}  // namespace ashlar::scsi::test
