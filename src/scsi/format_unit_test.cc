#include <gtest/gtest.h>

#include "scsi/rewrite_test.h"

namespace ashlar::scsi::test {
namespace {

class FormatUnit : public RewriteTest {
 protected:
  static Cdb format(uint8_t flags = 0) { return cdb6(0x04, flags); }
};

TEST_F(FormatUnit, WithoutParametersZeroesTheMedium) {
  std::ranges::fill(medium->data, uint8_t{7});
  EXPECT_EQ(end(format()), "GOOD");
  EXPECT_TRUE(all_of(0));
  EXPECT_EQ(medium->flushes, 1u);
  EXPECT_EQ(end(format(0x20)), "5/24/00") << "LONGLIST without a list";
  EXPECT_EQ(end(format(0x08)), "5/24/00") << "CMPLST without a list";
}

TEST_F(FormatUnit, ImmediateTellsItsProgress) {
  target.unit("v").hold = true;
  EXPECT_EQ(end(format(0x10), {0, 0x02, 0, 0}), "GOOD");
  EXPECT_EQ(end(test_unit_ready), "2/04/04");
  const std::vector<uint8_t> sense = data(cdb6(0x03, 0, 0, 0, 18));
  EXPECT_EQ(load_be16(&sense[12]), 0x0404);
  EXPECT_EQ(sense[15], 0x80);
  EXPECT_EQ(end(format()), "2/04/04") << "one at a time";
  EXPECT_EQ(end(sanitize(block_erase)), "2/04/04");
  target.unit("v").hold = false;
  target.release("v");
  EXPECT_EQ(end(test_unit_ready), "GOOD");
}

TEST_F(FormatUnit, TheParameterListFieldByField) {
  EXPECT_EQ(end(format(0x10), {0, 0, 0, 0}), "GOOD");
  EXPECT_EQ(end(format(0x10), {0, 0x80 | 0x70, 0, 0}), "GOOD") << "FOV with DPRY, DCRT and STPF";
  EXPECT_EQ(end(format(0x30), {0, 0x80, 0, 0, 0, 0, 0, 0}), "GOOD") << "LONGLIST";
  EXPECT_EQ(end(format(0x10), {0, 0, 0}), "5/1a/00");
  EXPECT_EQ(end(format(0x30), {0, 0, 0, 0}), "5/1a/00");
  const auto field_of = [&](uint8_t flags, const std::vector<uint8_t>& list) {
    return field(*run(format(flags), list));
  };
  EXPECT_EQ(field_of(0x10, {1, 0, 0, 0}), "list 0");
  EXPECT_EQ(field_of(0x10, {0, 0x20, 0, 0}), "list 1.7") << "DCRT without FOV";
  EXPECT_EQ(field_of(0x10, {0, 0x88, 0, 0}), "list 1.3") << "IP";
  EXPECT_EQ(field_of(0x10, {0, 0x04, 0, 0}), "list 1.2");
  EXPECT_EQ(field_of(0x10, {0, 0x01, 0, 0}), "list 1.0");
  EXPECT_EQ(field_of(0x10, {0, 0, 0, 8}), "list 2") << "a list of defects";
  EXPECT_EQ(field_of(0x30, {0, 0, 1, 0, 0, 0, 0, 0}), "list 2");
  EXPECT_EQ(field_of(0x30, {0, 0, 0, 1, 0, 0, 0, 0}), "list 3");
  EXPECT_EQ(field_of(0x30, {0, 0, 0, 0, 0, 0, 0, 8}), "list 4");
  EXPECT_EQ(field_of(0x50, {0, 0, 0, 0}), "cdb 1.6") << "protection information";
  EXPECT_EQ(end(test_unit_ready), "GOOD");
}

TEST_F(FormatUnit, FailureLeavesTheMediumCorruptUntilOneEndsWell) {
  fail_next();
  EXPECT_EQ(end(format()), "3/31/00");
  for (const Cdb& cdb : {test_unit_ready, cdb10(0x28, 0, 1), cdb10(0x25, 0, 0)})
    EXPECT_EQ(end(cdb), "3/31/00") << int{cdb[0]};
  EXPECT_EQ(end(cdb6(0x1a, 0, 0x3f, 0, 255)), "GOOD") << "the mode pages are not on the medium";
  fail_next();
  EXPECT_EQ(end(format()), "3/31/00");
  EXPECT_EQ(end(format()), "GOOD");
  EXPECT_EQ(end(test_unit_ready), "GOOD");
  fail_next();
  EXPECT_EQ(end(format()), "3/31/00");
  EXPECT_EQ(erase(), "GOOD") << "a sanitize mends it, too";
  EXPECT_EQ(end(test_unit_ready), "GOOD");
}

TEST_F(FormatUnit, AFailedSanitizeIsNotMendedByIt) {
  fail_next();
  EXPECT_EQ(erase(), "3/31/03");
  EXPECT_EQ(end(format()), "3/31/03");
}

}  // namespace
}  // namespace ashlar::scsi::test
