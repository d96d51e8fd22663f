// SANITIZE of an encrypted volume: CRYPTOGRAPHIC ERASE.
#include <gtest/gtest.h>

#include "scsi/sanitize_test.h"

namespace ashlar::scsi::test {
namespace {

class SanitizeEncrypted : public Sanitize {
 protected:
  void SetUp() override {
    Sanitize::SetUp();
    medium->limits.erasable_key = true;
    std::ranges::fill(medium->data, uint8_t{7});
    medium->mark(0, medium->data.size(), true);
  }
};

TEST_F(SanitizeEncrypted, CryptographicEraseTakesTheKeyAndGivesTheSpaceBack) {
  EXPECT_EQ(end(sanitize(cryptographic_erase)), "GOOD");
  EXPECT_EQ(medium->keys_erased, 1u);
  EXPECT_TRUE(all_of(0));
  EXPECT_TRUE(std::ranges::none_of(medium->allocated, [](bool each) { return each; }));
  EXPECT_EQ(medium->flushes, 1u);
  EXPECT_TRUE(medium->locks.empty());
  EXPECT_EQ(end(test_unit_ready), "GOOD");
}

TEST_F(SanitizeEncrypted, CryptographicEraseOfAVolumeThatKeepsItsSpaceWritesNothing) {
  medium->geometry.thin = false;
  EXPECT_EQ(end(sanitize(cryptographic_erase)), "GOOD");
  EXPECT_EQ(medium->keys_erased, 1u);
  EXPECT_TRUE(std::ranges::none_of(medium->data, [](uint8_t byte) { return byte == 7; }));
  EXPECT_FALSE(all_of(0));
}

TEST_F(SanitizeEncrypted, IsThereOnlyWhereTheKeyMayGo) {
  const Cdb ask = cdb12(0xa3, 0x03480000 | 0x0003, 64, 0x0c);  // REPORTING OPTIONS 011b, SANITIZE, 3
  EXPECT_EQ(data(ask)[1] & 0x07, 3);
  EXPECT_EQ(data({0x12, 1, 0xb1, 0, 64, 0})[7], 0x50) << "WABEREQ and WACEREQ 01b";
  medium->limits.erasable_key = false;
  EXPECT_EQ(data(ask)[1] & 0x07, 1);
  EXPECT_EQ(data({0x12, 1, 0xb1, 0, 64, 0})[7], 0x40);
  const auto refused = run(sanitize(cryptographic_erase));
  EXPECT_EQ(ending(*refused), "5/24/00");
  EXPECT_EQ(field(*refused), "cdb 1.4");
  EXPECT_TRUE(all_of(7));
  EXPECT_EQ(medium->keys_erased, 0u);
}

TEST_F(SanitizeEncrypted, ImmediateProgressAndFailureAreAsOfTheOthers) {
  target.unit("v").hold = true;
  EXPECT_EQ(end(sanitize(cryptographic_erase | immediate)), "GOOD");
  EXPECT_EQ(end(test_unit_ready), "2/04/1b");
  target.unit("v").hold = false;
  target.release("v");
  EXPECT_EQ(end(test_unit_ready), "GOOD");
  target.unit("v").fault_in = -1;
  EXPECT_EQ(end(sanitize(cryptographic_erase | unrestricted_exit)), "3/31/03");
  EXPECT_EQ(end(sanitize(exit_failure_mode)), "GOOD");
  EXPECT_EQ(end(sanitize(cryptographic_erase)), "3/31/03");
  EXPECT_EQ(end(sanitize(exit_failure_mode)), "5/24/00");
  target.unit("v").fault_in = 0;
  EXPECT_EQ(end(sanitize(cryptographic_erase)), "GOOD");
  EXPECT_EQ(medium->keys_erased, 2u);
}

TEST_F(SanitizeEncrypted, AReadInTheDeviceIsWaitedFor) {
  target.unit("v").hold = true;
  const auto reading = start(*host, cdb10(0x28, 0, 1));
  EXPECT_EQ(end(sanitize(cryptographic_erase, 8), filled(8, 0)), "5/24/00");
  EXPECT_EQ(end(sanitize(cryptographic_erase | 0x40)), "5/24/00") << "ZNR";
  target.unit("v").hold = false;
  target.release("v");
  EXPECT_EQ(ending(*reading), "GOOD");
}

}  // namespace
}  // namespace ashlar::scsi::test
