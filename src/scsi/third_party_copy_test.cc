#include <gtest/gtest.h>

#include "scsi/copy_test.h"

namespace ashlar::scsi::test {
namespace {

// The descriptors of VPD page 8Fh by type.
std::map<uint16_t, std::vector<uint8_t>> descriptors(const std::vector<uint8_t>& page) {
  std::map<uint16_t, std::vector<uint8_t>> out;
  for (size_t at = 4; at + 4 <= page.size();) {
    const size_t length = load_be16(&page[at + 2]);
    EXPECT_EQ(length % 4, 0u);
    EXPECT_LE(at + 4 + length, page.size());
    out[load_be16(&page[at])].assign(page.begin() + static_cast<std::ptrdiff_t>(at) + 4,
                                     page.begin() + static_cast<std::ptrdiff_t>(at + 4 + length));
    at += 4 + length;
  }
  return out;
}

class ThirdPartyPage : public CopyTest {};

TEST_F(ThirdPartyPage, TellsCommandsLimitsAndTokens) {
  const auto page = data({0x12, 1, 0x8f, 4, 0, 0});
  EXPECT_EQ(page[1], 0x8f);
  EXPECT_EQ(load_be16(&page[2]), page.size() - 4);
  const auto found = descriptors(page);
  std::vector<uint16_t> types;
  for (const auto& [type, body] : found) types.push_back(type);
  EXPECT_EQ(types, (std::vector<uint16_t>{0x0000, 0x0001, 0x0004, 0x0008, 0x000c, 0x0106, 0x0108, 0x8001}));
  const std::vector<uint8_t>& commands = found.at(0x0001);
  EXPECT_EQ((std::vector<uint8_t>(commands.begin(), commands.begin() + 17)),
            (std::vector<uint8_t>{16, 0x83, 5, 0x00, 0x01, 0x10, 0x11, 0x1c, 0x84, 7, 0, 1, 3, 4, 5, 7, 8}));
  EXPECT_EQ(load_be16(&found.at(0x0000)[6]), 64) << "ranges";
  EXPECT_EQ(load_be64(&found.at(0x0000)[16]), (256u << 20) / 512);
  EXPECT_EQ(load_be32(&found.at(0x0108)[4]), 0x00010000u);
  EXPECT_EQ(found.at(0x0108)[8], 0x03);
  EXPECT_EQ(load_be32(&found.at(0x0108)[68]), 0xffff0001u);
  EXPECT_EQ(found.at(0x0108)[72], 0x02);
}

}  // namespace
}  // namespace ashlar::scsi::test
