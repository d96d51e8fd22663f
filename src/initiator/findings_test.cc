#include "initiator/findings.h"

#include <gtest/gtest.h>

namespace ashlar::initiator {
namespace {

std::vector<uint8_t> designator(uint8_t association, uint8_t type, std::vector<uint8_t> name) {
  std::vector<uint8_t> made = {0x01, static_cast<uint8_t>(association << 4 | type), 0,
                               static_cast<uint8_t>(name.size())};
  made.insert(made.end(), name.begin(), name.end());
  return made;
}
std::vector<uint8_t> device_page(const std::vector<std::vector<uint8_t>>& designators) {
  std::vector<uint8_t> page = {0, 0x83, 0, 0};
  for (const auto& each : designators) page.insert(page.end(), each.begin(), each.end());
  page[3] = static_cast<uint8_t>(page.size() - 4);
  return page;
}

TEST(Findings, NamesOfTheUnitAndThePort) {
  const auto page = device_page({designator(0, 3, {0x30, 1, 2, 3, 4, 5, 6, 7}),
                                 designator(0, 2, {8, 9, 10, 11, 12, 13, 14, 15}),
                                 designator(1, 3, {0x50, 0, 0, 0, 0, 0, 0, 1}),
                                 designator(1, 4, {0, 0, 0, 5}), designator(1, 5, {0, 0, 0, 2})});
  const DevicePage found = parse_device_page(page);
  EXPECT_EQ(found.names,
            (std::map<std::string, std::string>{{"naa", "3001020304050607"}, {"eui", "08090a0b0c0d0e0f"}}));
  EXPECT_EQ(found.port, 5);
  EXPECT_EQ(found.port_group, 2);
  for (size_t length = 0; length < page.size(); ++length)
    parse_device_page(ConstBytes(page).first(length));  // cut anywhere: no overrun
  auto lying = page;
  lying[7] = 0xff;
  EXPECT_TRUE(parse_device_page(lying).names.empty());
}

TEST(Findings, SameUnit) {
  const std::map<std::string, std::string> one = {{"naa", "1"}, {"eui", "2"}};
  EXPECT_TRUE(same_unit(one, {{"eui", "2"}, {"nguid", "3"}}));
  EXPECT_FALSE(same_unit(one, {{"eui", "2"}, {"naa", "7"}})) << "one that differs is one too many";
  EXPECT_FALSE(same_unit(one, {{"nguid", "1"}})) << "nothing in common is not the same";
}

TEST(Findings, AccessOfThePortsGroup) {
  std::vector<uint8_t> data = {0, 0, 0, 0};
  const auto add = [&](uint8_t state, uint16_t group, uint8_t ports) {
    const std::vector<uint8_t> one = {
        state, 0x8f, static_cast<uint8_t>(group >> 8), static_cast<uint8_t>(group), 0, 0, 0, ports};
    data.insert(data.end(), one.begin(), one.end());
    data.resize(data.size() + 4 * ports);
    data[3] = static_cast<uint8_t>(data.size() - 4);
  };
  add(0x80, 1, 2);  // PREF
  add(0x01, 2, 1);
  add(0x0f, 300, 0);
  add(0x03, 4, 0);
  EXPECT_EQ(parse_port_groups(data, 1), PathAccess::optimized);
  EXPECT_EQ(parse_port_groups(data, 2), PathAccess::non_optimized);
  EXPECT_EQ(parse_port_groups(data, 300), PathAccess::transitioning);
  EXPECT_EQ(parse_port_groups(data, 4), PathAccess::unavailable);
  EXPECT_EQ(parse_port_groups(data, 9), std::nullopt);
  for (size_t length = 0; length < data.size(); ++length)
    parse_port_groups(ConstBytes(data).first(length), 9);
}

TEST(Findings, CachingPage) {
  std::vector<uint8_t> data(8 + 8 + 20);
  data[3] = 0x90;   // WP, DPOFUA
  data[7] = 8;      // a block descriptor
  data[16] = 0x88;  // PS
  data[18] = 0x04;
  Findings found;
  take_caching(data, found);
  EXPECT_TRUE(found.write_cache && found.force_unit_access && found.write_protected);
  for (size_t length = 0; length < data.size(); ++length) take_caching(ConstBytes(data).first(length), found);
}

}  // namespace
}  // namespace ashlar::initiator
