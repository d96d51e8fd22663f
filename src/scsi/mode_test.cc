#include <gtest/gtest.h>

#include "scsi/log_pages.h"
#include "scsi/mode_test.h"

namespace ashlar::scsi::test {
namespace {

using Mode = ModeTest;

TEST_F(Mode, SensesEachPageAndAll) {
  EXPECT_EQ(page(0x08), caching);
  EXPECT_EQ(page(0x0a), control);
  EXPECT_EQ(page(0x1c), exceptions);
  EXPECT_EQ(page(0x01), recovery);
  EXPECT_EQ(page(0x02), disconnect);
  EXPECT_EQ(page(0x07), verify_recovery);
  EXPECT_EQ(page(0x18), unit_protocol);
  EXPECT_EQ(page(0x19), port_protocol);
  EXPECT_EQ(page(0x1a), power_condition);
  EXPECT_EQ(page(0x3f), joined(without_subpages));
  const std::vector<uint8_t> all =
      joined({recovery, disconnect, verify_recovery, caching, control, control_extension, unit_protocol,
              port_protocol, power_condition, exceptions, thresholds(0)});
  EXPECT_EQ(data(sense6(0x3f, 0xff)), joined({{static_cast<uint8_t>(all.size() + 3), 0, 0x10, 0}, all}));
  EXPECT_EQ(data(sense10(0x3f)), joined({{0, 146, 0, 0x10, 0, 0, 0, 0}, joined(without_subpages)}));
  EXPECT_EQ(data(sense6(0x08, 0xff)).size(), 24u);
}

TEST_F(Mode, Subpages) {
  EXPECT_EQ(data(sense6(0x0a, 0x01)), joined({{35, 0, 0x10, 0}, control_extension}));
  EXPECT_EQ(data(sense6(0x0a, 0xff)), joined({{47, 0, 0x10, 0}, control, control_extension}));
  EXPECT_EQ(data(sense6(0x1c, 0x02)), joined({{27, 0, 0x10, 0}, thresholds(0)}));
  medium->geometry.thin = false;
  EXPECT_EQ(field(*run(sense6(0x1c, 0x02))), "cdb 3") << "thin units alone have thresholds";
  EXPECT_EQ(data(sense6(0x1c, 0xff)), joined({{15, 0, 0x10, 0}, exceptions}));
}

TEST_F(Mode, BlockDescriptors) {
  EXPECT_EQ(data(sense6(0x0a, 0, 0)), joined({{23, 0, 0x10, 8}, {0, 0, 0x10, 0, 0, 0, 2, 0}, control}));
  EXPECT_EQ(
      data(sense10(0x0a, 0x10)),
      joined({{0, 34, 0, 0x10, 1, 0, 0, 16}, {0, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0, 0, 2, 0}, control}));
  medium->geometry.size_bytes = uint64_t{1} << 45;
  EXPECT_EQ(load_be32(&data(sense6(0x0a, 0, 0)).at(4)), UINT32_MAX);
}

TEST_F(Mode, PageControl) {
  EXPECT_EQ(page(0x40 | 0x08), with(with(caching, 2, 0x04), 0, 0x08));
  EXPECT_EQ(page(0x40 | 0x0a), (std::vector<uint8_t>{0x0a, 10, 0x24, 0x06, 0x38, 0x40, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(page(0x40 | 0x1c), (std::vector<uint8_t>{0x1c, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(sets(with(control, 4, 0x08)), "GOOD");
  EXPECT_EQ(page(0x0a), with(control, 4, 0x08));
  EXPECT_EQ(page(0x80 | 0x0a), control);
  EXPECT_EQ(data(sense6(0x40 | 0x0a, 0x01)).at(4 + 4), 0x02) << "SCSIP";
  EXPECT_EQ(end(sense6(0xc0 | 0x0a)), "5/39/00");
}

TEST_F(Mode, RefusesPagesThatAreNotThere) {
  EXPECT_EQ(field(*run(sense6(0x0b))), "cdb 2.5");
  EXPECT_EQ(field(*run(sense6(0x0a, 0x02))), "cdb 3");
  EXPECT_EQ(end(sense6(0x3f, 0x01)), "5/24/00");
}

TEST_F(Mode, AllocationLengthCutsWithoutResidual) {
  const auto done = run(cdb6(0x1a, 0, 0x3f, 0, 4), {}, 4);
  EXPECT_EQ(done->data_in.size(), 4u);
  EXPECT_EQ(done->data_in_wanted_bytes, 4u);
  EXPECT_EQ(done->data_in[0], 151) << "the length tells of what was cut";
}

TEST_F(Mode, WriteProtectBit) {
  NexusState& reader = login({{0, "v", true}});
  EXPECT_EQ(run(reader, sense6(0x0a), {}, 255)->data_in.at(2), 0x90);
  EXPECT_EQ(data(sense6(0x0a)).at(2), 0x10);
  medium->geometry.read_only = true;
  EXPECT_EQ(data(sense6(0x0a)).at(2), 0x90);
}

TEST_F(Mode, SoftwareWriteProtect) {
  NexusState& other = login();
  EXPECT_EQ(sets(with(control, 4, 0x08)), "GOOD");
  EXPECT_EQ(data(sense6(0x0a)).at(2), 0x90);
  EXPECT_EQ(end(cdb10(0x2a, 0, 1), filled(512, 1)), "7/27/02");
  EXPECT_EQ(end(cdb10(0x28, 0, 1)), "GOOD");
  EXPECT_EQ(ending(*run(other, cdb10(0x2a, 0, 1), filled(512, 1))), "6/2a/01");
  EXPECT_EQ(ending(*run(other, cdb10(0x2a, 0, 1), filled(512, 1))), "7/27/02");
  EXPECT_EQ(sets(control), "GOOD");
  EXPECT_EQ(end(cdb10(0x2a, 0, 1), filled(512, 1)), "GOOD");
}

TEST_F(Mode, DescriptorSense) {
  EXPECT_FALSE(run({0xff})->descriptor_sense);
  EXPECT_EQ(sets(with(control, 2, 0x04)), "GOOD");
  EXPECT_TRUE(run({0xff})->descriptor_sense);
}

TEST_F(Mode, WriteCacheIsFlushedWhenItIsTurnedOff) {
  EXPECT_EQ(sets(with(caching, 2, 0x04)), "GOOD");
  EXPECT_TRUE(medium->geometry.write_cache);
  EXPECT_EQ(page(0x08), with(caching, 2, 0x04));
  EXPECT_EQ(medium->flushes, 0u);
  EXPECT_EQ(sets(caching), "GOOD");
  EXPECT_FALSE(medium->geometry.write_cache);
  EXPECT_EQ(medium->flushes, 1u);
}

TEST_F(Mode, SelectTakesDescriptorsSeveralPagesAndTenBytes) {
  const std::vector<uint8_t> descriptor = {0, 0, 0x10, 0, 0, 0, 2, 0};
  EXPECT_EQ(ending(*select6(joined({{0, 0, 0, 8}, descriptor, with(caching, 2, 4), with(control, 2, 4)}))),
            "GOOD");
  EXPECT_EQ(page(0x08)[2], 4);
  EXPECT_EQ(page(0x0a)[2], 4);
  const std::vector<uint8_t> list =
      joined({{0, 0, 0, 0, 1, 0, 0, 16}, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0}, caching, control});
  EXPECT_EQ(end({0x55, 0x10, 0, 0, 0, 0, 0, 0, static_cast<uint8_t>(list.size()), 0}, list), "GOOD");
  EXPECT_EQ(page(0x08), caching);
  EXPECT_EQ(page(0x0a), control);
}

TEST_F(Mode, NothingChangedIsNotToldToOthers) {
  NexusState& other = login();
  EXPECT_EQ(sets(control), "GOOD");
  EXPECT_EQ(ending(*select6({0, 0, 0, 0})), "GOOD");
  EXPECT_EQ(end(cdb6(0x15, 0x10)), "GOOD") << "an empty list";
  EXPECT_EQ(ending(*run(other, cdb6(0x00))), "GOOD");
}

TEST_F(Mode, RefusedListsChangeNothingAndSayWhere) {
  const std::vector<uint8_t> header = {0, 0, 0, 0};
  EXPECT_EQ(refusal(joined({header, with(control, 4, 0x08), with(caching, 2, 0x05)})),
            "5/26/00 at list 18.0");
  EXPECT_EQ(refusal(joined({header, with(control, 3, 0x00)})), "5/26/00 at list 7.4");
  EXPECT_EQ(refusal(joined({header, with(control, 1, 11)})), "5/26/00 at list 5");
  EXPECT_EQ(refusal(joined({header, with(control, 0, 0x0b)})), "5/26/00 at list 4.5");
  EXPECT_EQ(refusal(joined({header, with(control, 0, 0x4a)})), "5/26/00 at list 5") << "subpage 10";
  EXPECT_EQ(refusal(joined({header, with(control_extension, 1, 0)})), "5/26/00 at list 4.6");
  EXPECT_EQ(refusal(joined({header, with(control_extension, 3, 27)})), "5/26/00 at list 6");
  EXPECT_EQ(refusal(joined({header, with(control_extension, 4, 0x06)})), "5/26/00 at list 8.0");
  EXPECT_EQ(refusal(joined({header, with(control, 4, 0x10)})), "5/26/00 at list 8.4")
      << "UA_INTLCK_CTRL 01b is reserved";
  EXPECT_EQ(refusal(joined({header, with(control, 2, 0x40)})), "5/26/00 at list 6.6") << "TST 010b";
  EXPECT_EQ(refusal(joined({header, with(control, 3, 0x14)})), "5/26/00 at list 7.2") << "QERR 10b";
  EXPECT_EQ(refusal(joined({header, with(thresholds(1), 17, 0x02)})), "5/26/00 at list 21.1");
  EXPECT_EQ(refusal({0, 1, 0, 0}), "5/26/00 at list 1");
  EXPECT_EQ(refusal({0, 0, 0, 4, 0, 0, 0, 0}), "5/26/00 at list 3");
  EXPECT_EQ(refusal(joined({{0, 0, 0, 8}, {0, 0, 0x10, 1, 0, 0, 2, 0}})), "5/26/00 at list 4");
  EXPECT_EQ(refusal(joined({{0, 0, 0, 8}, {0, 0, 0, 0, 0, 0, 0x10, 0}})), "5/26/00 at list 9");
  EXPECT_EQ(page(0x3f), joined(without_subpages));
}

TEST_F(Mode, ListLengthErrors) {
  EXPECT_EQ(ending(*select6({0, 0, 0})), "5/1a/00");
  EXPECT_EQ(ending(*select6({0, 0, 0, 8, 0})), "5/1a/00");
  EXPECT_EQ(ending(*select6({0, 0, 0, 0, 0x0a})), "5/1a/00");
  EXPECT_EQ(ending(*select6({0, 0, 0, 0, 0x0a, 10, 0})), "5/1a/00");
  EXPECT_EQ(ending(*select6({0, 0, 0, 0, 0x4a})), "5/1a/00");
  EXPECT_EQ(ending(*select6({0, 0, 0, 0, 0x4a, 0x01, 0})), "5/1a/00");
  EXPECT_EQ(ending(*select6({0, 0, 0, 0, 0x4a, 0x01, 0, 28, 0})), "5/1a/00");
  EXPECT_EQ(end(cdb6(0x15, 0x10, 0, 0, 16), filled(8, 0)), "5/1a/00") << "less than the CDB says";
  EXPECT_EQ(end({0x55, 0x10, 0, 0, 0, 0, 0, 0xff, 0xff, 0}, filled(65535, 0)), "5/1a/00");
}

TEST_F(Mode, PageFormatAndSavePages) {
  EXPECT_EQ(ending(*select6(joined({{0, 0, 0, 0}, control}), 0x00)), "5/24/00");
  EXPECT_EQ(ending(*select6(joined({{0, 0, 0, 0}, control}), 0x11)), "5/24/00");
}

TEST_F(Mode, AFailedFlushIsTold) {
  EXPECT_EQ(sets(with(caching, 2, 0x04)), "GOOD");
  target.unit("v").fault = block::Status::device_failed;
  target.unit("v").fault_in = 1;
  EXPECT_EQ(sets(caching), "4/44/00");
}

TEST_F(Mode, ResetGoesBackToDefaults) {
  EXPECT_EQ(ending(*select6(joined({{0, 0, 0, 0}, with(caching, 2, 4), with(control, 4, 8)}))), "GOOD");
  target.manage(*host, TaskManagement::logical_unit_reset, 0);
  target.shards.run();
  EXPECT_EQ(end(cdb6(0x00)), "6/29/03");
  EXPECT_EQ(page(0x08), caching);
  EXPECT_EQ(page(0x0a), control);
}

TEST_F(Mode, ThresholdsFollowTheArrayUntilAHostSaysOtherwise) {
  unit::PoolFigures pool{.size_bytes = 1000 * threshold_set_bytes,
                         .available_bytes = 500 * threshold_set_bytes,
                         .threshold_bytes = 200 * threshold_set_bytes};
  medium->pool_level.take(pool, 0);
  const auto sensed = [this](uint8_t control) {
    const std::vector<uint8_t> out = data(sense6(control | 0x1c, 0x02));
    return std::vector<uint8_t>(out.begin() + 4, out.end());
  };
  EXPECT_EQ(sensed(0x00), thresholds(200));
  EXPECT_EQ(sets(thresholds(300)), "GOOD");
  EXPECT_EQ(sensed(0x00), thresholds(300));
  EXPECT_EQ(sensed(0x80), thresholds(200)) << "the default";
  EXPECT_EQ(sets(thresholds(200, 0)), "GOOD");
  pool.threshold_bytes = 100 * threshold_set_bytes;
  medium->pool_level.take(pool, 0);
  EXPECT_EQ(sensed(0x00), thresholds(100, 0));
}

TEST_F(Mode, TheAdministratorsWriteCacheIsToldAndStaysAfterAReset) {
  EXPECT_TRUE(configure_write_cache(true));
  EXPECT_TRUE(medium->geometry.write_cache);
  EXPECT_EQ(end(cdb6(0x00)), "6/2a/01");
  EXPECT_EQ(page(0x80 | 0x08), with(caching, 2, 0x04));
  EXPECT_EQ(sets(caching), "GOOD");
  target.manage(*host, TaskManagement::logical_unit_reset, 0);
  target.shards.run();
  EXPECT_EQ(end(cdb6(0x00)), "6/29/03");
  EXPECT_TRUE(medium->geometry.write_cache);
}

TEST_F(Mode, AHostsWriteCacheIsNotTakenForTheConfiguredOneWhenItComesBack) {
  EXPECT_EQ(sets(with(caching, 2, 0x04)), "GOOD");
  target.close(*host);
  target.nexuses.clear();
  target.add_volume("w", 64);
  login({{0, "w"}});  // what says nothing is forgotten now
  host = &login();
  EXPECT_EQ(page(0x08), with(caching, 2, 0x04));
  EXPECT_EQ(page(0x80 | 0x08), caching) << "the default";
  reset();
  EXPECT_FALSE(medium->geometry.write_cache);
}

TEST_F(Mode, AUnitThatWasAwayIsAsConfiguredWhenItComesBack) {
  EXPECT_TRUE(configure_write_cache(true));
  EXPECT_EQ(end(cdb6(0x00)), "6/2a/01");
  medium->geometry.write_cache = false;  // taken out, and put back with another setting
  target.shards.at(0).in_turn([&] { target.domains[0]->recall("v", target.unit("v"), {}); });
  EXPECT_EQ(page(0x80 | 0x08), caching);
  reset();
  EXPECT_FALSE(medium->geometry.write_cache);
}

TEST_F(Mode, AttentionsStayUntilRequestSenseWhenInterlocked) {
  NexusState& other = login();
  EXPECT_EQ(sets(with(control, 4, 0x20)), "GOOD");
  EXPECT_EQ(ending(*run(other, cdb6(0x00))), "6/2a/01");
  EXPECT_EQ(ending(*run(other, cdb6(0x00))), "6/2a/01") << "it stays";
  const auto told = run(other, cdb6(0x03, 0, 0, 0, 252), {}, 252);
  EXPECT_EQ(told->data_in.at(2), 6);
  EXPECT_EQ(load_be16(&told->data_in.at(12)), 0x2a01);
  EXPECT_EQ(ending(*run(other, cdb6(0x00))), "GOOD");
}

TEST_F(Mode, AHostThatWasTurnedAwayIsToldSoWhenInterlocked) {
  NexusState& other = login();
  EXPECT_EQ(end(cdb6(0x16)), "GOOD") << "RESERVE(6)";
  EXPECT_EQ(ending(*run(other, cdb10(0x28, 0, 1), {}, 512)), "status 18");
  EXPECT_EQ(sets(with(control, 4, 0x30)), "GOOD");
  EXPECT_EQ(ending(*run(other, cdb6(0x00))), "6/2a/01");
  EXPECT_EQ(ending(*run(other, cdb6(0x03, 0, 0, 0, 252), {}, 252)), "GOOD");
  EXPECT_EQ(ending(*run(other, cdb10(0x28, 0, 1), {}, 512)), "status 18");
  EXPECT_EQ(ending(*run(other, cdb10(0x28, 0, 1), {}, 512)), "6/2c/09");
  const auto told = run(other, cdb6(0x03, 0, 0, 0, 252), {}, 252);
  EXPECT_EQ(load_be16(&told->data_in.at(12)), 0x2c09);
  EXPECT_EQ(end(cdb6(0x17)), "GOOD");
  EXPECT_EQ(ending(*run(other, cdb10(0x28, 0, 1), {}, 512)), "GOOD");
}

TEST_F(Mode, AHostThatFoundNoRoomIsToldSoWhenInterlocked) {
  TestTarget small(1, {.small = 1, .medium = 0, .large = 0});
  small.add_volume("v", 64);
  NexusState& nexus = small.login({{0, "v"}});
  NexusState& greedy = small.login({{0, "v"}});
  const auto at = [&](NexusState& by, const Cdb& cdb, const std::vector<uint8_t>& data_out = {}) {
    auto out = task(cdb, data_out, 512);
    small.submit(by, *out);
    small.shards.run();
    return out;
  };
  for (NexusState* each : {&nexus, &greedy}) EXPECT_EQ(ending(*at(*each, cdb6(0x00))), "6/29/00");
  const std::vector<uint8_t> list = joined({{0, 0, 0, 0}, with(control, 4, 0x30)});
  EXPECT_EQ(ending(*at(nexus, cdb6(0x15, 0x10, 0, 0, 16), list)), "GOOD");
  for (NexusState* holder : {&nexus, &greedy}) {
    auto held = task(cdb10(0x2a, 0, 1), filled(512, 1));
    held->hold_data_out = true;
    if (holder == &greedy) EXPECT_EQ(ending(*at(greedy, cdb6(0x03, 0, 0, 0, 18))), "GOOD");  // 2A/01
    small.submit(*holder, *held);
    const bool own = holder == &nexus;
    EXPECT_EQ(ending(*at(nexus, cdb10(0x28, 0, 1))), own ? "TASK SET FULL" : "BUSY");
    EXPECT_EQ(ending(*at(nexus, cdb6(0x00))), own ? "6/2c/08" : "6/2c/07");
    small.shards.at(0).in_turn([&] { held->deliver(); });
    small.shards.run();
    EXPECT_EQ(ending(*held), "GOOD");
    EXPECT_EQ(load_be16(&at(nexus, cdb6(0x03, 0, 0, 0, 18))->data_in.at(12)), own ? 0x2c08 : 0x2c07);
    EXPECT_EQ(ending(*at(nexus, cdb6(0x00))), "GOOD");
  }
}

TEST_F(Mode, NothingIsRememberedOfBeingTurnedAwayOtherwise) {
  NexusState& other = login();
  EXPECT_EQ(end(cdb6(0x16)), "GOOD");
  EXPECT_EQ(ending(*run(other, cdb10(0x28, 0, 1), {}, 512)), "status 18");
  EXPECT_EQ(ending(*run(other, cdb10(0x28, 0, 1), {}, 512)), "status 18");
}

}  // namespace
}  // namespace ashlar::scsi::test
