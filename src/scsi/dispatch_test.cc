#include "scsi/opcode.h"

#include <gtest/gtest.h>

#include "scsi/host_test.h"

namespace ashlar::scsi::test {
namespace {

class Dispatch : public ScsiTest {
 protected:
  std::unique_ptr<HostTask> at(const std::array<uint8_t, 8>& lun, const Cdb& cdb, uint32_t room = 1024) {
    auto out = task(cdb, {}, room);
    out->lun = lun;
    target.submit(*host, *out);
    target.shards.run();
    return out;
  }
};

const Cdb test_unit_ready = cdb6(0x00);
const Cdb inquiry = cdb6(0x12, 0, 0, 0, 96);
const Cdb request_sense = cdb6(0x03, 0, 0, 0, 18);
const Cdb report_luns = {0xa0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0};

TEST_F(Dispatch, FindsUnitsByBothAddressingMethods) {
  EXPECT_EQ(ending(*at({0, 0}, test_unit_ready)), "GOOD");
  EXPECT_EQ(ending(*at({0x40, 0}, test_unit_ready)), "GOOD");
  NexusState& many = login({{0, "v"}, {300, "v"}});
  EXPECT_EQ(ending(*run(many, test_unit_ready, {}, 0, 300)), "GOOD");
}

TEST_F(Dispatch, AnswersForLunsThatAreNotThere) {
  const std::array<uint8_t, 8> wrong[] = {{0, 1}, {0x41, 0x2c}, {0x80, 0}, {0xc1, 2}, {0, 0, 0, 1}};
  for (const auto& lun : wrong) {
    EXPECT_EQ(ending(*at(lun, test_unit_ready)), "5/25/00");
    EXPECT_EQ(ending(*at(lun, cdb10(0x28, 0, 1))), "5/25/00");
    EXPECT_EQ(ending(*at(lun, {0xff})), "5/25/00");
    const auto standard = at(lun, inquiry);
    EXPECT_EQ(ending(*standard), "GOOD");
    EXPECT_EQ(standard->data_in.at(0), 0x7f);
    const auto sense = at(lun, request_sense);
    EXPECT_EQ(ending(*sense), "GOOD");
    EXPECT_EQ(sense->data_in.at(2), 0x05);
    EXPECT_EQ(sense->data_in.at(12), 0x25);
    EXPECT_EQ(at(lun, report_luns)->data_in.at(3), 8);
  }
}

TEST_F(Dispatch, ServesTheWellKnownLogicalUnit) {
  const auto& well_known = wire::scsi::report_luns_lun;
  EXPECT_EQ(ending(*at(well_known, test_unit_ready)), "GOOD");
  EXPECT_EQ(at(well_known, inquiry)->data_in.at(0), 0x1e);
  EXPECT_EQ(at(well_known, request_sense)->data_in.at(2), 0x00);
  EXPECT_EQ(at(well_known, report_luns)->data_in.at(3), 8);
  EXPECT_EQ(ending(*at(well_known, cdb10(0x28, 0, 1))), "5/20/00");
}

TEST_F(Dispatch, RefusesUnknownOperationsAndServiceActions) {
  EXPECT_EQ(end({0xff}), "5/20/00");
  EXPECT_EQ(end({0x02, 0, 0, 0, 0, 0}), "5/20/00");
  const auto action = run(cdb16(0x9e, 0, 0, 0x11));
  EXPECT_EQ(ending(*action), "5/24/00");
  EXPECT_EQ(field(*action), "cdb 1.4");
}

TEST_F(Dispatch, RefusesReservedBits) {
  EXPECT_EQ(end({0x00, 0, 0, 0, 0, 0x04}), "GOOD") << "NACA";
  EXPECT_EQ(field(*run({0x00, 0, 0, 0, 0, 0x08})), "cdb 5.3");
  EXPECT_EQ(field(*at({0, 9}, {0x12, 0, 0, 0, 96, 0x04})), "cdb 5.2") << "no unit, no NORMACA";
  const auto protect = run(cdb10(0x28, 0, 1, 0x20), {}, 512);
  EXPECT_EQ(ending(*protect), "5/24/00");
  EXPECT_EQ(field(*protect), "cdb 1.5");
}

Cdb bare(const Opcode& opcode) {
  const auto action = static_cast<uint16_t>(std::max<int16_t>(opcode.service_action, 0));
  if (opcode.opcode == variable_length) return cdb32(action, 0, 0);
  Cdb cdb(opcode.length);
  cdb[0] = opcode.opcode;
  if (opcode.service_action >= 0) cdb[1] = static_cast<uint8_t>(action);
  return cdb;
}
// The service action, and the length of what follows, are no bits but values.
uint8_t used_bits(const Opcode& opcode, uint8_t byte) {
  if (opcode.opcode == variable_length) return byte >= 7 && byte <= 9 ? 0xff : opcode.usage[byte];
  return byte == 1 && opcode.service_action >= 0 ? opcode.usage[1] | 0x1f : opcode.usage[byte];
}

// Each bit that the table leaves at zero, of each command, alone.
TEST_F(Dispatch, RefusesEachBitThatTheUsageDataLeavesOut) {
  allow_explicit_changes();
  medium->limits.erasable_key = true;
  for (const Opcode& opcode : all_opcodes()) {
    for (uint16_t bit = 8; bit < opcode.length * 8; ++bit) {
      const uint8_t byte = static_cast<uint8_t>(bit / 8);
      const uint8_t mask = static_cast<uint8_t>(1 << bit % 8);
      if ((used_bits(opcode, byte) & mask) != 0) continue;
      Cdb cdb = bare(opcode);
      cdb[byte] |= mask;
      const auto done = run(cdb);
      ASSERT_EQ(ending(*done), "5/24/00") << opcode.name << " byte " << int{byte};
      ASSERT_EQ(field(*done), fmt::format("cdb {}.{}", byte, bit % 8)) << opcode.name;
    }
  }
}

// What the table lists, dispatch knows, and the other way round: all 256 operation codes, all 32 service actions.
TEST_F(Dispatch, KnowsExactlyWhatItReports) {
  allow_explicit_changes();
  medium->limits.erasable_key = true;
  for (int operation = 0; operation < 256; ++operation) {
    if (operation == variable_length) continue;  // below
    for (int action = 0; action < 32; ++action) {
      const auto listed = std::ranges::find_if(all_opcodes(), [&](const Opcode& opcode) {
        return opcode.opcode == operation && (opcode.service_action < 0 || opcode.service_action == action);
      });
      Cdb cdb(16);
      cdb[0] = static_cast<uint8_t>(operation);
      cdb[1] = static_cast<uint8_t>(action);
      cdb[15] = 0;
      const auto done = run(cdb);
      const bool unknown =
          ending(*done) == "5/20/00" ||
          (ending(*done) == "5/24/00" && field(*done) == "cdb 1.4" && listed == all_opcodes().end());
      ASSERT_EQ(unknown, listed == all_opcodes().end()) << operation << "/" << action << " " << ending(*done);
    }
  }
}

TEST_F(Dispatch, KnowsTheServiceActionsOfLongerCommands) {
  for (uint16_t action = 0; action < 0x300; ++action) {
    bool known = false;
    const bool listed = find_opcode(variable_length, action, known) != nullptr;
    const auto done = run(cdb32(action, 0, 0));
    ASSERT_EQ(ending(*done) == "5/24/00" && field(*done) == "cdb 8", !listed)
        << action << " " << ending(*done);
  }
}

TEST_F(Dispatch, LongerCommandsComeWhole) {
  EXPECT_EQ(end(cdb32(0x0009, 0, 1)), "GOOD");
  for (const uint8_t length : {0x00, 0x10, 0x17, 0x19, 0x38}) {
    Cdb cdb = cdb32(0x0009, 0, 1);
    cdb[7] = length;
    EXPECT_EQ(field(*run(cdb)), "cdb 7") << int{length};
  }
  for (const uint8_t brought : {16, 20, 31}) {
    auto cut = task(cdb32(0x0009, 0, 1), {}, 512);
    cut->cdb_length = brought;
    target.submit(*host, *cut);
    target.shards.run();
    EXPECT_EQ(field(*cut), "cdb 7") << int{brought};
  }
}

TEST_F(Dispatch, ReportsUnitAttentionsBeforeAnythingElse) {
  NexusState& fresh = target.login({{0, "v"}});
  EXPECT_EQ(ending(*run(fresh, inquiry, {}, 96)), "GOOD");
  EXPECT_EQ(ending(*run(fresh, report_luns, {}, 256)), "GOOD");
  EXPECT_EQ(ending(*run(fresh, {0xff})), "6/29/00");
  EXPECT_EQ(ending(*run(fresh, test_unit_ready)), "GOOD");
}

TEST_F(Dispatch, RequestSenseTellsAndClearsAnAttention) {
  NexusState& fresh = target.login({{0, "v"}});
  const auto sense = run(fresh, request_sense, {}, 18);
  EXPECT_EQ(ending(*sense), "GOOD");
  EXPECT_EQ(sense->data_in.at(2), 0x06);
  EXPECT_EQ(sense->data_in.at(12), 0x29);
  EXPECT_EQ(ending(*run(fresh, test_unit_ready)), "GOOD");
  const auto none = run(fresh, cdb6(0x03, 1, 0, 0, 252), {}, 252);
  EXPECT_EQ(none->data_in, (std::vector<uint8_t>{0x72, 0, 0, 0, 0, 0, 0, 0}));
}

TEST_F(Dispatch, AttentionsComeInOrderAndReportLunsClearsItsOwn) {
  target.shards.at(0).in_turn([&] {
    Domain& domain = *target.domains[0];
    domain.raise_everywhere("v", unit::Attention::capacity_changed, nullptr);
    domain.raise_everywhere("v", unit::Attention::luns_changed, nullptr);
    domain.raise_everywhere("v", unit::Attention::inquiry_data_changed, nullptr);
  });
  EXPECT_EQ(end(test_unit_ready), "6/2a/09");
  EXPECT_EQ(end(report_luns), "GOOD");
  EXPECT_EQ(end(test_unit_ready), "6/3f/03");
  EXPECT_EQ(end(test_unit_ready), "GOOD");
}

TEST_F(Dispatch, RaisesForAllButOne) {
  NexusState& other = login();
  target.shards.at(0).in_turn(
      [&] { target.domains[0]->raise_everywhere("v", unit::Attention::capacity_changed, &host->nexus()); });
  EXPECT_EQ(end(test_unit_ready), "GOOD");
  EXPECT_EQ(ending(*run(other, test_unit_ready)), "6/2a/09");
}

}  // namespace
}  // namespace ashlar::scsi::test
