#include "wire/scsi_cdb.h"

#include <gtest/gtest.h>

#include "wire/scsi_lun.h"

namespace ashlar::wire::scsi {
namespace {

TEST(ScsiCdb, ReadsTheRangeOfEachGroup) {
  const uint8_t read6[] = {0x08, 0xff, 0x34,
                           0x56, 0x00, 0x00};  // the upper three bits of byte 1 are not the address
  EXPECT_EQ(block_range(read6).lba, 0x1f3456u);
  EXPECT_EQ(block_range(read6).blocks, 256u);
  const uint8_t read10[] = {0x28, 0x18, 0x01, 0x02, 0x03, 0x04, 0xee, 0x05, 0x06, 0x00};
  EXPECT_EQ(block_range(read10).lba, 0x01020304u);
  EXPECT_EQ(block_range(read10).blocks, 0x0506u);
  EXPECT_EQ(block_range(read10).length_field, 7);
  const uint8_t same10[] = {0x41, 0x00, 0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00};
  EXPECT_EQ(block_range(same10).lba, 0xffffffffu);
  EXPECT_EQ(block_range(same10).blocks, 0u);
  const uint8_t read12[] = {0xa8, 0x00, 0x01, 0x02, 0x03, 0x04, 0x11, 0x12, 0x13, 0x14, 0x00, 0x00};
  EXPECT_EQ(block_range(read12).lba, 0x01020304u);
  EXPECT_EQ(block_range(read12).blocks, 0x11121314u);
  EXPECT_EQ(block_range(read12).length_field, 6);
  const uint8_t read16[] = {0x88, 0x00, 1, 2, 3, 4, 5, 6, 7, 8, 0x21, 0x22, 0x23, 0x24, 0x00, 0x00};
  EXPECT_EQ(block_range(read16).lba, 0x0102030405060708u);
  EXPECT_EQ(block_range(read16).blocks, 0x21222324u);
  EXPECT_EQ(block_range(read16).length_field, 10);
  const uint8_t atomic16[] = {0x9c, 0x00, 1, 2, 3, 4, 5, 6, 7, 8, 0xaa, 0xbb, 0x23, 0x24, 0x00, 0x00};
  EXPECT_EQ(block_range(atomic16).lba, 0x0102030405060708u);
  EXPECT_EQ(block_range(atomic16).blocks, 0x2324u) << "not the ATOMIC BOUNDARY";
  EXPECT_EQ(block_range(atomic16).length_field, 12);
  const uint8_t read32[] = {0x7f, 0, 0, 0, 0, 0, 0, 0x18, 0, 9, 0x18, 0, 1, 2, 3, 4,
                            5,    6, 7, 8, 9, 9, 9, 9,    9, 9, 9,    9, 1, 2, 3, 4};
  EXPECT_EQ(block_range(read32).lba, 0x0102030405060708u);
  EXPECT_EQ(block_range(read32).blocks, 0x01020304u);
  EXPECT_EQ(block_range(read32).length_field, 28);
  EXPECT_EQ(flags_field(read32), 10);
  EXPECT_EQ(flags_field(read16), 1);
}

TEST(ScsiLun, DecodesWhatItEncodes) {
  for (const uint16_t number : {0, 1, 255, 256, 4711, 16383}) {
    const LunAddress address = decode_lun(encode_lun(number));
    EXPECT_EQ(address.kind, LunKind::unit);
    EXPECT_EQ(address.number, number);
  }
  EXPECT_EQ(encode_lun(5)[0], 0x00);
  EXPECT_EQ(encode_lun(300)[0], 0x41);
  EXPECT_EQ(decode_lun({0x40, 0x05}).number, 5);  // small numbers are also understood in flat form
}

TEST(ScsiLun, RefusesWhatIsNotThere) {
  EXPECT_EQ(decode_lun(report_luns_lun).kind, LunKind::report_luns);
  for (const LunBytes& lun :
       {LunBytes{0x01, 0x00}, LunBytes{0x80, 0x01}, LunBytes{0xc1, 0x02}, LunBytes{0xd0, 0x01},
        LunBytes{0, 1, 0, 1}, LunBytes{0xc1, 0x01, 0, 0, 0, 0, 0, 1}}) {
    EXPECT_EQ(decode_lun(lun).kind, LunKind::unsupported);
  }
}

}  // namespace
}  // namespace ashlar::wire::scsi
