// What a CD-ROM drive says of itself and its medium, field by field (MMC-6).
#include <gtest/gtest.h>

#include "scsi/cd_test.h"
#include "scsi/opcode.h"

namespace ashlar::scsi::test {
namespace {

using Octets = std::vector<uint8_t>;

class CdDisc : public CdTest {
 protected:
  Cdb toc(uint8_t format, bool msf = false, uint8_t from = 0, uint8_t control = 0) const {
    return {0x43, static_cast<uint8_t>(msf ? 2 : 0), format, 0, 0, 0, from, 1, 0, control};
  }
  Cdb configuration(uint8_t type, uint16_t from = 0, uint16_t room = 512) const {
    return {0x46, type, static_cast<uint8_t>(from >> 8), static_cast<uint8_t>(from), 0,
            0,    0,    static_cast<uint8_t>(room >> 8), static_cast<uint8_t>(room), 0};
  }
  Cdb structure(uint8_t format, uint8_t layer = 0, uint8_t media = 0) const {
    return {0xad, media, 0, 0, 0, 0, layer, format, 0x10, 0, 0, 0};
  }
  Cdb track(uint8_t by, uint32_t which) const { return cdb10(0x52, which, 36, by); }
  void make_dvd() { medium->geometry.size_bytes = medium->limits.size_bytes = uint64_t{360001} * 2048; }
  std::vector<uint16_t> features(uint8_t type, uint16_t from = 0) {
    const Octets all = data(configuration(type, from));
    EXPECT_EQ(load_be32(all.data()), all.size() - 4);
    std::vector<uint16_t> out;
    for (size_t at = 8; at < all.size(); at += 4u + all[at + 3]) out.push_back(load_be16(&all[at]));
    return out;
  }
  Octets feature(uint16_t code) {
    Octets one = data(configuration(2, code));
    return {one.begin() + 8, one.end()};
  }
};

TEST_F(CdDisc, InquiryTellsADriveOfMmc) {
  const Octets inquiry = data({0x12, 0, 0, 0, 96, 0});
  EXPECT_EQ(inquiry[0], 0x05);
  EXPECT_EQ(inquiry[1], 0x80) << "RMB";
  EXPECT_EQ(inquiry[5], 0x10) << "TPGS, but no third-party copy";
  EXPECT_EQ(load_be16(&inquiry[64]), 0x04e0);
  const Octets pages = data({0x12, 1, 0, 0, 255, 0});
  EXPECT_EQ(Octets(pages.begin() + 4, pages.end()), (Octets{0x00, 0x80, 0x83, 0x86, 0x87, 0x88}));
  for (const uint8_t page : Octets(pages.begin() + 4, pages.end())) {
    const Octets out = data({0x12, 1, page, 4, 0, 0});
    EXPECT_EQ(out[0], 0x05);
    EXPECT_EQ(out[1], page);
  }
  for (const uint8_t page : {0x8a, 0x8f, 0xb0, 0xb1, 0xb2, 0xb7})
    EXPECT_EQ(end({0x12, 1, page, 4, 0, 0}), "5/24/00");
}

TEST_F(CdDisc, CapacityAndReads) {
  EXPECT_EQ(data(cdb10(0x25, 0, 0)), (Octets{0, 0, 0x0f, 0xff, 0, 0, 0x08, 0}));
  EXPECT_EQ(data(cdb10(0x28, 4094, 2)), on_medium(4094, 2));
  EXPECT_EQ(data(cdb12(0xa8, 7, 3)), on_medium(7, 3));
  EXPECT_EQ(end(cdb10(0x28, 4095, 2)), "5/21/00");
  EXPECT_EQ(medium->tally.on(0).read(unit::Count::read_commands), 3u) << "the one that was refused too";
  EXPECT_EQ(end(cdb10(0x2b, 4095, 0)), "GOOD");
  EXPECT_EQ(end(cdb10(0x2b, 4096, 0)), "5/21/00");
}

TEST_F(CdDisc, ReadCdGivesUserDataAlone) {
  const auto read_cd = [](uint32_t lba, uint32_t blocks, uint8_t type, uint8_t main, uint8_t sub = 0) {
    Cdb cdb = cdb12(0xbe, lba, 0, static_cast<uint8_t>(type << 2));
    store_be24(&cdb[6], blocks);
    cdb[9] = main;
    cdb[10] = sub;
    return cdb;
  };
  EXPECT_EQ(data(read_cd(5, 2, 0, 0x10)), on_medium(5, 2));
  EXPECT_EQ(data(read_cd(5, 2, 2, 0x10)), on_medium(5, 2));
  EXPECT_EQ(data(read_cd(5, 2, 0, 0)), Octets{}) << "nothing of a sector is asked for";
  EXPECT_EQ(end(read_cd(4095, 2, 0, 0x10)), "5/21/00");
  EXPECT_EQ(end(read_cd(4095, 2, 0, 0)), "5/21/00");
  EXPECT_EQ(end(read_cd(0, 1, 1, 0x10)), "5/64/00") << "audio";
  EXPECT_EQ(field(*run(read_cd(0, 1, 0, 0xf8), {}, 2352)), "cdb 9");
  EXPECT_EQ(end(read_cd(0, 1, 0, 0x10, 1)), "5/24/00");
}

TEST_F(CdDisc, TableOfContents) {
  EXPECT_EQ(data(toc(0)), (Octets{0, 18, 1, 1, 0, 0x14, 1, 0, 0, 0, 0, 0, 0, 0x14, 0xaa, 0, 0, 0, 0x10, 0}));
  // 4096 + 150 frames: 0:56:46.
  EXPECT_EQ(data(toc(0, true)),
            (Octets{0, 18, 1, 1, 0, 0x14, 1, 0, 0, 0, 2, 0, 0, 0x14, 0xaa, 0, 0, 0, 56, 46}));
  EXPECT_EQ(data(toc(0, false, 1)).size(), 20u);
  EXPECT_EQ(data(toc(0, false, 0xaa)), (Octets{0, 10, 1, 1, 0, 0x14, 0xaa, 0, 0, 0, 0x10, 0}));
  EXPECT_EQ(field(*run(toc(0, false, 2), {}, 64)), "cdb 6");
  EXPECT_EQ(data(toc(1)), (Octets{0, 10, 1, 1, 0, 0x14, 1, 0, 0, 0, 0, 0}));
  EXPECT_EQ(data(toc(0, false, 0, 0x40)), data(toc(1))) << "where SFF-8020i has the format";
  EXPECT_EQ(
      data(toc(2, true)),
      (Octets{0, 46, 1, 1,    1, 0x14, 0, 0xa0, 0, 0, 0, 0,  1,  0, 0,    1, 0x14, 0, 0xa1, 0, 0, 0, 0, 1,
              0, 0,  1, 0x14, 0, 0xa2, 0, 0,    0, 0, 0, 56, 46, 1, 0x14, 0, 1,    0, 0,    0, 0, 0, 2, 0}));
  for (const uint8_t format : {3, 4, 5}) EXPECT_EQ(end(toc(format)), "5/24/00");
  Cdb cut = toc(0);
  cut[7] = 0;
  cut[8] = 6;
  EXPECT_EQ(data(cut), (Octets{0, 18, 1, 1, 0, 0x14}));
}

TEST_F(CdDisc, AddressesBehindTheLastMinuteAreTheLast) {
  medium->geometry.size_bytes = uint64_t{4'000'000} * 2048;
  const Octets out = data(toc(0, true));
  EXPECT_EQ(Octets(out.end() - 4, out.end()), (Octets{0, 255, 59, 74}));
}

TEST_F(CdDisc, DiscAndTrackInformation) {
  const Octets disc = data(cdb10(0x51, 0, 256));
  ASSERT_EQ(disc.size(), 34u);
  EXPECT_EQ(Octets(disc.begin(), disc.begin() + 9), (Octets{0, 32, 0x0e, 1, 1, 1, 1, 0x20, 0}));
  EXPECT_EQ(load_be64(&disc[16]), UINT64_MAX);
  EXPECT_EQ(end(cdb10(0x51, 0, 256, 1)), "5/24/00");
  const Octets by_block = data(track(0, 4095));
  ASSERT_EQ(by_block.size(), 36u);
  EXPECT_EQ(Octets(by_block.begin(), by_block.begin() + 8), (Octets{0, 34, 1, 1, 0, 4, 1, 2}));
  EXPECT_EQ(load_be32(&by_block[8]), 0u);
  EXPECT_EQ(load_be32(&by_block[24]), 4096u);
  EXPECT_EQ(load_be32(&by_block[28]), 4095u);
  EXPECT_EQ(data(track(1, 1)), by_block);
  EXPECT_EQ(data(track(2, 1)), by_block);
  EXPECT_EQ(end(track(0, 4096)), "5/21/00");
  EXPECT_EQ(end(track(1, 2)), "5/24/00");
  EXPECT_EQ(end(track(3, 1)), "5/24/00");
}

TEST_F(CdDisc, ConfigurationOfACd) {
  const Octets all = data(configuration(0));
  EXPECT_EQ(load_be16(&all[6]), 0x0008);
  EXPECT_EQ(features(0), (std::vector<uint16_t>{0, 1, 2, 3, 0x10, 0x1e, 0x1f}));
  EXPECT_EQ(features(1), (std::vector<uint16_t>{0, 1, 2, 3, 0x10, 0x1e}));
  EXPECT_EQ(features(0, 3), (std::vector<uint16_t>{3, 0x10, 0x1e, 0x1f}));
  EXPECT_EQ(features(2, 4), std::vector<uint16_t>{});
  EXPECT_EQ(feature(0), (Octets{0, 0, 0x03, 8, 0, 0x10, 0, 0, 0, 0x08, 1, 0}));
  EXPECT_EQ(feature(1), (Octets{0, 1, 0x0b, 8, 0, 0, 0, 1, 1, 0, 0, 0}));
  EXPECT_EQ(feature(2), (Octets{0, 2, 0x07, 4, 2, 0, 0, 0}));
  EXPECT_EQ(feature(3), (Octets{0, 3, 0x0b, 4, 0x39, 0, 0, 0}));
  EXPECT_EQ(feature(0x10), (Octets{0, 0x10, 0x01, 8, 0, 0, 8, 0, 0, 1, 1, 0}));
  EXPECT_EQ(feature(0x1e), (Octets{0, 0x1e, 0x09, 4, 0, 0, 0, 0}));
  EXPECT_EQ(feature(0x1f), (Octets{0, 0x1f, 0x00, 0}));
  EXPECT_EQ(end(configuration(3)), "5/24/00");
  EXPECT_EQ(data(configuration(0, 0, 8)), Octets(all.begin(), all.begin() + 8))
      << "the length is of all of it";
}

TEST_F(CdDisc, ConfigurationOfADvdAndOfNothing) {
  make_dvd();
  EXPECT_EQ(load_be16(&data(configuration(0))[6]), 0x0010);
  EXPECT_EQ(feature(0), (Octets{0, 0, 0x03, 8, 0, 0x10, 1, 0, 0, 0x08, 0, 0}));
  EXPECT_EQ(feature(0x10), (Octets{0, 0x10, 0x01, 8, 0, 0, 8, 0, 0, 16, 1, 0}));
  EXPECT_EQ(features(1), (std::vector<uint16_t>{0, 1, 2, 3, 0x10, 0x1f}));
  change_medium(0);
  EXPECT_EQ(load_be16(&data(configuration(0))[6]), 0x0000);
  EXPECT_EQ(features(1), (std::vector<uint16_t>{0, 1, 2, 3}));
}

TEST_F(CdDisc, StructureOfADvd) {
  EXPECT_EQ(end(structure(0)), "5/30/02") << "a CD has none";
  make_dvd();
  const Octets physical = data(structure(0));
  ASSERT_EQ(physical.size(), 2052u);
  EXPECT_EQ(load_be16(physical.data()), 2050);
  EXPECT_EQ(Octets(physical.begin() + 4, physical.begin() + 17),
            (Octets{0x01, 0x0f, 0x01, 0, 0, 0x03, 0, 0, 0, 0x08, 0x7e, 0x40, 0}))
      << "30000h to 30000h + 360000";
  EXPECT_EQ(data(structure(1)), (Octets{0, 6, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(data(structure(4)).size(), 2052u);
  EXPECT_EQ(data(structure(0xff)),
            (Octets{0, 14, 0, 0, 0, 0x40, 0x08, 0x04, 1, 0x40, 0, 8, 4, 0x40, 0x08, 0x04}));
  EXPECT_EQ(end(structure(3)), "5/24/00");
  EXPECT_EQ(end(structure(0, 1)), "5/24/00");
  EXPECT_EQ(end(structure(0, 0, 1)), "5/24/00");
}

TEST_F(CdDisc, ModePages) {
  const Octets capabilities = data(cdb6(0x1a, 0, 0x2a, 0, 255));
  ASSERT_EQ(capabilities.size(), 26u) << "no block descriptor";
  EXPECT_EQ(Octets(capabilities.begin(), capabilities.begin() + 4), (Octets{25, 0, 0, 0}));
  EXPECT_EQ(Octets(capabilities.begin() + 4, capabilities.begin() + 12),
            (Octets{0x2a, 20, 0x08, 0, 0, 0, 0x29, 0}));
  EXPECT_EQ(end(prevent()), "GOOD");
  EXPECT_EQ(data(cdb6(0x1a, 0, 0x2a, 0, 255))[10], 0x2b) << "locked";
  EXPECT_EQ(end(prevent(false)), "GOOD");
  Octets pages;
  Cdb sense_all = cdb10(0x5a, 0, 512);
  sense_all[2] = 0x3f;
  const Octets all = data(sense_all);
  for (size_t at = 8; at < all.size(); at += 2u + all[at + 1]) pages.push_back(all[at] & 0x3f);
  EXPECT_EQ(pages, (Octets{0x01, 0x0a, 0x18, 0x19, 0x2a}));
  EXPECT_EQ(end(cdb6(0x1a, 0, 0x08, 0, 255)), "5/24/00");
  // A host that sets the length of a block with a descriptor, as Linux does.
  EXPECT_EQ(end(cdb6(0x15, 0x10, 0, 0, 12), {0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0x08, 0}), "GOOD");
  EXPECT_EQ(end(cdb6(0x15, 0x10, 0, 0, 12), {0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0x02, 0}), "5/26/00");
}

TEST_F(CdDisc, CommandsOfDisksAreNotThere) {
  for (const uint8_t opcode :
       {0x04, 0x08, 0x0a, 0x2a, 0x2e, 0x35, 0x3b, 0x41, 0x42, 0x83, 0x88, 0x8a, 0x93, 0x9e, 0xaa})
    EXPECT_EQ(end(Cdb{static_cast<uint8_t>(opcode), 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}),
              "5/20/00")
        << int{opcode};
  const Octets all = data({0xa3, 0x0c, 0, 0, 0, 0, 0, 0, 0x40, 0, 0, 0});
  // But for SET TARGET PORT GROUPS, which hosts may not use here.
  EXPECT_EQ(all.size(), 4 + 8 * (all_opcodes(unit::DeviceKind::cdrom).size() - 1));
  const Octets read_cd = data({0xa3, 0x0c, 1, 0xbe, 0, 0, 0, 0, 0x40, 0, 0, 0});
  EXPECT_EQ(read_cd[1], 0x03);
  EXPECT_EQ(read_cd[4], 0xbe);
  EXPECT_EQ(data({0xa3, 0x0c, 1, 0x2a, 0, 0, 0, 0, 0x40, 0, 0, 0})[1], 0x01);
}

TEST_F(CdDisc, ItsCommandsStandInOrderWithTheirOwnUsageData) {
  std::pair<int, int> before = {-1, -1};
  for (const Opcode& opcode : all_opcodes(unit::DeviceKind::cdrom)) {
    const std::pair<int, int> now = {opcode.opcode, opcode.service_action};
    EXPECT_LT(before, now) << opcode.name;
    before = now;
    EXPECT_EQ(opcode.usage[0], opcode.opcode) << opcode.name;
    constexpr uint8_t length_of_group[8] = {6, 10, 10, 32, 16, 12, 0, 0};
    EXPECT_EQ(opcode.length, length_of_group[opcode.opcode >> 5]) << opcode.name;
    EXPECT_EQ(opcode.usage[opcode.length - 1u], opcode.opcode == 0x43 ? 0xc4 : 0x04) << opcode.name;
    EXPECT_FALSE(opcode.has(writes)) << opcode.name;
  }
}

TEST_F(CdDisc, ReservationsKeepOthersFromReading) {
  NexusState& other = login();
  const auto pr_out = [](uint8_t action, uint8_t type, uint64_t key, uint64_t new_key) {
    std::pair<Cdb, Octets> out{{0x5f, action, type, 0, 0, 0, 0, 0, 24, 0}, Octets(24)};
    store_be64(out.second.data(), key);
    store_be64(&out.second[8], new_key);
    return out;
  };
  const auto registering = pr_out(0, 0, 0, 1);
  EXPECT_EQ(end(registering.first, registering.second), "GOOD");
  const auto reserving = pr_out(1, 3, 1, 0);  // exclusive access
  EXPECT_EQ(end(reserving.first, reserving.second), "GOOD");
  for (const Cdb& cdb : {cdb10(0x28, 0, 1), toc(0), cdb10(0x51, 0, 34), start_stop(eject), prevent()})
    EXPECT_EQ(ending(*run(other, cdb, {}, 4096)), "status 18") << int{cdb[0]};
  for (const Cdb& cdb : {events(0x10), configuration(0), Cdb{0x12, 0, 0, 0, 96, 0}, prevent(false)})
    EXPECT_EQ(ending(*run(other, cdb, {}, 4096)), "GOOD") << int{cdb[0]};
  EXPECT_EQ(end(cdb10(0x28, 0, 1)), "GOOD");
}

}  // namespace
}  // namespace ashlar::scsi::test
