#include <gtest/gtest.h>

#include "scsi/host_test.h"
#include "scsi/vpd.h"

namespace ashlar::scsi::test {
namespace {

class Inquiry : public ScsiTest {
 protected:
  Cdb standard(uint16_t room) {
    return {0x12, 0, 0, static_cast<uint8_t>(room >> 8), static_cast<uint8_t>(room), 0};
  }
  std::vector<uint8_t> page(uint8_t code) {
    std::vector<uint8_t> out = data({0x12, 1, code, 4, 0, 0});
    EXPECT_EQ(out.at(1), code);
    EXPECT_EQ(load_be16(&out.at(2)), out.size() - 4);
    return out;
  }
};

TEST_F(Inquiry, StandardData) {
  const std::vector<uint8_t> inquiry = data(standard(260));
  ASSERT_EQ(inquiry.size(), 96u);
  EXPECT_EQ(inquiry[0], 0x00);
  EXPECT_EQ(inquiry[1], 0x00);
  EXPECT_EQ(inquiry[2], 0x06);
  EXPECT_EQ(inquiry[3], 0x32);
  EXPECT_EQ(inquiry[4], 91);
  EXPECT_EQ(inquiry[5], 0x18) << "TPGS: implicit; 3PC";
  EXPECT_EQ(inquiry[7], 0x02);
  EXPECT_EQ(text_of(ConstBytes(inquiry).subspan(8, 28)), "ASHLAR  VOLUME          0001");
  EXPECT_EQ(load_be16(&inquiry[58]), 0x00a0);
  EXPECT_EQ(load_be16(&inquiry[60]), 0x0960);
  EXPECT_EQ(load_be16(&inquiry[62]), 0x0460);
  EXPECT_EQ(load_be16(&inquiry[64]), 0x04c0);
  medium->geometry.removable = true;
  EXPECT_EQ(data(standard(36))[1], 0x80);
}

TEST_F(Inquiry, IsCutToEveryAllocationLengthWithoutResidual) {
  const std::vector<uint8_t> whole = data(standard(96));
  for (uint16_t length = 0; length < 120; ++length) {
    const auto done = run(standard(length), {}, 200);
    const size_t expected = std::min<size_t>(length, 96);
    ASSERT_EQ(done->data_in,
              std::vector<uint8_t>(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(expected)));
    ASSERT_EQ(done->data_in_wanted_bytes, expected);
  }
}

TEST_F(Inquiry, RefusesPagesThatAreNotThere) {
  const auto no_vital = run({0x12, 0, 0x80, 0, 96, 0}, {}, 96);
  EXPECT_EQ(ending(*no_vital), "5/24/00");
  EXPECT_EQ(field(*no_vital), "cdb 2");
  EXPECT_EQ(end({0x12, 1, 0xc0, 0, 96, 0}), "5/24/00");
  EXPECT_EQ(end({0x12, 2, 0, 0, 96, 0}), "5/24/00");
}

TEST_F(Inquiry, EveryListedPageIsThere) {
  const std::vector<uint8_t> list = page(0x00);
  EXPECT_EQ(std::vector<uint8_t>(list.begin() + 4, list.end()),
            (std::vector<uint8_t>{0, 0x80, 0x83, 0x85, 0x86, 0x87, 0x88, 0x8a, 0x8f, 0xb0, 0xb1, 0xb2, 0xb3,
                                  0xb4, 0xb7}));
  for (size_t i = 4; i < list.size(); ++i) page(list[i]);
}

TEST_F(Inquiry, SerialNumber) {
  const std::vector<uint8_t> serial = page(0x80);
  EXPECT_EQ(text_of(ConstBytes(serial).subspan(4)), "0123456789abcdef");
}

TEST_F(Inquiry, DeviceIdentification) {
  const std::vector<uint8_t> bytes = page(0x83);
  std::vector<std::pair<int, std::string>> designators;  // association << 4 | type, value
  for (size_t at = 4; at < bytes.size(); at += 4u + bytes[at + 3]) {
    designators.emplace_back(bytes[at + 1] & 0x3f,
                             std::string(text_of(ConstBytes(bytes).subspan(at + 4, bytes[at + 3]))));
    EXPECT_EQ((bytes[at + 1] & 0x80) != 0, (bytes[at + 1] & 0x30) != 0) << "PIV only where a port is meant";
  }
  ASSERT_EQ(designators.size(), 7u);
  EXPECT_EQ(designators[0], (std::pair<int, std::string>(0x03, "\x31\2\3\4\5\6\7\x08")));
  EXPECT_EQ(designators[1].first, 0x02);
  EXPECT_EQ(designators[2], (std::pair<int, std::string>(0x01, "ASHLAR  VOLUME          0123456789abcdef")));
  EXPECT_EQ(designators[3], (std::pair<int, std::string>(0x14, std::string("\0\0\0\1", 4))));
  EXPECT_EQ(designators[4], (std::pair<int, std::string>(0x15, std::string("\0\0\0\1", 4))));
  EXPECT_EQ(designators[5].first, 0x18);
  EXPECT_STREQ(designators[5].second.c_str(), "iqn.2026-11.io.ashlar:target,t,0x0001");
  EXPECT_EQ(designators[5].second.size() % 4, 0u);
  EXPECT_EQ(designators[6].first, 0x28);
  EXPECT_STREQ(designators[6].second.c_str(), "iqn.2026-11.io.ashlar:target");
}

TEST_F(Inquiry, BlockLimits) {
  const std::vector<uint8_t> limits = page(0xb0);
  ASSERT_EQ(limits.size(), 64u);
  EXPECT_EQ(limits[4], 0);  // WSNZ
  EXPECT_EQ(limits[5], 255);
  EXPECT_EQ(load_be16(&limits[6]), 8);
  EXPECT_EQ(load_be32(&limits[8]), (8u << 20) / 512);
  EXPECT_EQ(load_be32(&limits[12]), (1u << 20) / 512);
  EXPECT_EQ(load_be32(&limits[20]), max_unmap_blocks);
  EXPECT_EQ(load_be32(&limits[24]), max_unmap_descriptors);
  EXPECT_EQ(load_be32(&limits[28]), 8u);
  EXPECT_EQ(load_be32(&limits[32]), 0x80000000u);
  EXPECT_EQ(load_be64(&limits[36]), max_write_same_blocks);
  medium->geometry.thin = false;
  EXPECT_EQ(load_be32(&page(0xb0)[20]), 0u);
}

TEST_F(Inquiry, CharacteristicsProvisioningAndExtendedData) {
  EXPECT_EQ(load_be16(&page(0xb1)[4]), 1);
  medium->geometry.rotational = true;
  EXPECT_EQ(load_be16(&page(0xb1)[4]), 7200);
  EXPECT_EQ(page(0xb2), (std::vector<uint8_t>{0, 0xb2, 0, 4, 11, 0xe4, 2, 0})) << "sets of 1 MiB";
  medium->limits.discard_zeroes = false;
  EXPECT_EQ(page(0xb2)[5], 0xe0);
  medium->geometry.thin = false;
  EXPECT_EQ(page(0xb2), (std::vector<uint8_t>{0, 0xb2, 0, 4, 0, 0, 0, 0}));
  EXPECT_EQ(page(0x86)[5], 0x07);
  EXPECT_EQ(page(0x86)[6], 0x01) << "V_SUP, whatever WCE says: INQUIRY data stay as they are";
}

TEST_F(Inquiry, AbilitiesAndPolicies) {
  const std::vector<uint8_t> extended = page(0x86);
  ASSERT_EQ(extended.size(), 64u);
  EXPECT_EQ(extended[7], 0x01) << "LUICLR";
  EXPECT_EQ(extended[8], 0x10) << "R_SUP";
  EXPECT_EQ(extended[13], max_sense_bytes);
  EXPECT_EQ(page(0x87), (std::vector<uint8_t>{0, 0x87, 0, 4, 0x3f, 0xff, 0, 0}));
  std::vector<uint8_t> power = {0, 0x8a, 0, 14};
  power.resize(18);
  EXPECT_EQ(page(0x8a), power);
  std::vector<uint8_t> referrals = {0, 0xb3, 0, 12};
  referrals.resize(16);
  EXPECT_EQ(page(0xb3), referrals) << "one segment";
  EXPECT_EQ(page(0xb4), (std::vector<uint8_t>{0, 0xb4, 0, 8, 0, 0, 2, 0, 0, 1, 0, 0}));
  std::vector<uint8_t> extension = {0, 0xb7, 0, 60};
  extension.resize(64);
  EXPECT_EQ(page(0xb7), extension);
}

TEST_F(Inquiry, PortsOfTheTarget) {
  const auto ports = [this] {
    const std::vector<uint8_t> bytes = data({0x12, 1, 0x88, 0xff, 0xff, 0});
    EXPECT_EQ(load_be16(&bytes.at(2)), bytes.size() - 4);
    std::vector<std::pair<int, std::string>> out;  // relative target port, name
    for (size_t at = 4; at < bytes.size(); at += 12u + load_be16(&bytes[at + 10])) {
      EXPECT_EQ(load_be16(&bytes[at + 6]), 0) << "no initiator port";
      EXPECT_EQ(bytes[at + 12], 0x53) << "iSCSI, UTF-8";
      EXPECT_EQ(bytes[at + 13], 0x98) << "PIV, a target port's SCSI name string";
      EXPECT_EQ(bytes[at + 15] + 4, load_be16(&bytes[at + 10]));
      out.emplace_back(load_be16(&bytes[at + 2]), reinterpret_cast<const char*>(&bytes[at + 16]));
    }
    return out;
  };
  using Ports = std::vector<std::pair<int, std::string>>;
  const std::string name = "iqn.2026-11.io.ashlar:target,t,0x";
  const auto with = [&](const std::vector<uint16_t>& tags) {
    auto view = std::make_shared<unit::HostView>(*target.view({{0, "v"}}));
    view->target_ports.clear();
    for (const uint16_t tag : tags) view->target_ports.push_back({tag, fmt::format("{}{:04x}", name, tag)});
    target.shards.at(0).in_turn([&] { host->replace_view(view); });
  };
  with({});
  EXPECT_EQ(ports(), (Ports{{1, name + "0001"}})) << "the one that was asked by";
  with({1, 2, 0xffff});
  EXPECT_EQ(ports(), (Ports{{1, name + "0001"}, {2, name + "0002"}, {0xffff, name + "ffff"}}));
  EXPECT_EQ(end(cdb6(0x00)), "6/3f/03") << "inquiry data have changed";
  with({1, 2, 0xffff});
  EXPECT_EQ(end(cdb6(0x00)), "GOOD");
  with({7});
  EXPECT_EQ(ports(), (Ports{{1, name + "0001"}})) << "a port that was taken away while it was asked by";
  std::vector<uint16_t> many(65535);
  for (size_t i = 0; i < many.size(); ++i) many[i] = static_cast<uint16_t>(i + 1);
  with(many);
  EXPECT_EQ(ports().size(), max_vpd_ports) << "bounded";
}

TEST_F(Inquiry, WhereTheArrayIsManaged) {
  EXPECT_EQ(page(0x85), (std::vector<uint8_t>{0, 0x85, 0, 0}));
  auto view = std::make_shared<unit::HostView>(*target.view({{0, "v"}}));
  view->management_addresses = {"https://a/", std::string(max_management_url_bytes, 'x')};
  target.shards.at(0).in_turn([&] { host->replace_view(view); });
  EXPECT_EQ(end(cdb6(0x00)), "6/3f/03") << "inquiry data have changed";
  const std::vector<uint8_t> bytes = page(0x85);
  ASSERT_EQ(bytes.size(), 4u + 4 + 12 + 4 + 252);
  EXPECT_EQ(ConstBytes(bytes)[4], 0x41) << "target device, storage configuration service";
  EXPECT_EQ(load_be16(&bytes[6]), 12);
  EXPECT_EQ(text_of(ConstBytes(bytes).subspan(8, 12)), std::string("https://a/\0\0", 12));
  EXPECT_EQ(load_be16(&bytes[22]), 252);
  EXPECT_EQ(bytes.back(), 0);
  view = std::make_shared<unit::HostView>(*view);
  view->management_addresses.assign(max_management_urls + 1, std::string(max_management_url_bytes, 'y'));
  target.shards.at(0).in_turn([&] { host->replace_view(view); });
  EXPECT_EQ(end(cdb6(0x00)), "6/3f/03");
  EXPECT_EQ(data({0x12, 1, 0x85, 0xff, 0xff, 0}).size(), 4 + max_management_urls * (4 + 252)) << "bounded";
}

TEST_F(Inquiry, EveryPageIsCutToEveryAllocationLengthWithoutResidual) {
  const std::vector<uint8_t> list = page(0x00);
  for (size_t i = 4; i < list.size(); ++i) {
    const std::vector<uint8_t> whole = page(list[i]);
    for (uint16_t room = 0; room < whole.size() + 4; ++room) {
      const auto done =
          run({0x12, 1, list[i], static_cast<uint8_t>(room >> 8), static_cast<uint8_t>(room), 0}, {}, 4096);
      const size_t expected = std::min<size_t>(room, whole.size());
      ASSERT_EQ(done->data_in,
                std::vector<uint8_t>(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(expected)));
      ASSERT_EQ(done->data_in_wanted_bytes, expected);
    }
  }
}

TEST_F(Inquiry, CapacityTenAndSixteen) {
  EXPECT_EQ(data(cdb10(0x25, 0, 0)), (std::vector<uint8_t>{0, 0, 0x0f, 0xff, 0, 0, 2, 0}));
  const std::vector<uint8_t> sixteen = data(cdb16(0x9e, 0, 32, 0x10));
  ASSERT_EQ(sixteen.size(), 32u);
  EXPECT_EQ(load_be64(sixteen.data()), 4095u);
  EXPECT_EQ(load_be32(&sixteen[8]), 512u);
  EXPECT_EQ(sixteen[13], 3);
  EXPECT_EQ(sixteen[14], 0xc0);
  EXPECT_EQ(data(cdb16(0x9e, 0, 12, 0x10)).size(), 12u);
  medium->geometry.size_bytes = uint64_t{1} << 45;
  medium->geometry.thin = false;
  EXPECT_EQ(load_be32(data(cdb10(0x25, 0, 0)).data()), UINT32_MAX);
  EXPECT_EQ(load_be64(data(cdb16(0x9e, 0, 32, 0x10)).data()), (uint64_t{1} << 36) - 1);
  EXPECT_EQ(data(cdb16(0x9e, 0, 32, 0x10))[14], 0);
}

}  // namespace
}  // namespace ashlar::scsi::test
