#include "scsi/sense.h"

#include <gtest/gtest.h>

#include <vector>

namespace ashlar::scsi {
namespace {

std::vector<uint8_t> encoded(const Sense& sense, bool descriptors) {
  uint8_t bytes[max_sense_bytes];
  const size_t length = encode(sense, descriptors, bytes);
  return {bytes, bytes + length};
}

TEST(Sense, FixedFormatWithFieldPointer) {
  const std::vector<uint8_t> expected = {0x70, 0, 5, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x24, 0, 0, 0xcc, 0, 1};
  EXPECT_EQ(encoded(Sense::invalid_cdb_field(1, 4), false), expected);
  const std::vector<uint8_t> list = {0x70, 0, 5, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x26, 0, 0, 0x80, 1, 2};
  EXPECT_EQ(encoded(Sense::invalid_parameter_field(0x102), false), list);
}

TEST(Sense, FixedFormatWithInformation) {
  const std::vector<uint8_t> expected = {0xf0, 0, 5, 0, 0, 0x10, 0, 10, 0, 0, 0, 0, 0x21, 0, 0, 0, 0, 0};
  EXPECT_EQ(encoded(Sense::lba_out_of_range(0x1000), false), expected);
  EXPECT_EQ(encoded(Sense::lba_out_of_range(0x1'0000'0000), false)[0], 0x70)
      << "64 bits do not fit: VALID is zero";
}

TEST(Sense, DescriptorFormat) {
  const std::vector<uint8_t> bare = {0x72, 6, 0x29, 0, 0, 0, 0, 0};
  EXPECT_EQ(encoded(sense_of(unit::Attention::power_on), true), bare);
  const std::vector<uint8_t> information = {0x72, 5, 0x21, 0, 0, 0, 0, 12, 0, 10,
                                            0x80, 0, 1,    2, 3, 4, 5, 6,  7, 8};
  EXPECT_EQ(encoded(Sense::lba_out_of_range(0x0102030405060708), true), information);
  const std::vector<uint8_t> pointer = {0x72, 5, 0x24, 0, 0, 0, 0, 8, 2, 6, 0, 0, 0xc0, 0, 7, 0};
  EXPECT_EQ(encoded(Sense::invalid_cdb_field(7), true), pointer);
  Sense busy = Sense::of(SenseKey::not_ready, 0x0404);
  busy.progress_valid = true;
  busy.progress = 0x8000;
  const std::vector<uint8_t> progress = {0x72, 2, 4, 4, 0, 0, 0, 8, 2, 6, 0, 0, 0x80, 0x80, 0, 0};
  EXPECT_EQ(encoded(busy, true), progress);
}

// SPC-4 5.17.7.4: what the source or destination said goes along, and which segment it was.
TEST(Sense, OfThirdParties) {
  Sense sense = Sense::of(SenseKey::copy_aborted, 0x0d01);
  sense.segment_valid = true;
  sense.segment = 0x0102;
  sense.third_party = {unit::CopySide::source, 0x02, SenseKey::medium_error, 0x1100};
  std::vector<uint8_t> fixed = {0x70, 0, 0x0a, 0, 0, 0, 0, 29, 18, 0, 1, 2, 0x0d, 1, 0, 0, 0, 0, 0x02,
                                0x70, 0, 0x03, 0, 0, 0, 0, 10, 0,  0, 0, 0, 0x11, 0, 0, 0, 0, 0};
  EXPECT_EQ(encoded(sense, false), fixed);
  const std::vector<uint8_t> descriptors = {0x72, 0x0a, 0x0d, 1,    0,    0, 0, 24, 0x01, 0x0a, 0,
                                            0,    0,    0,    0,    0,    0, 0, 1,  2,    0x0c, 10,
                                            0x01, 0x02, 0x72, 0x03, 0x11, 0, 0, 0,  0,    0};
  EXPECT_EQ(encoded(sense, true), descriptors);
  sense.third_party = {unit::CopySide::destination, 0x18};
  const std::vector<uint8_t> conflict = {0x70, 0, 0x0a, 0, 0, 0, 0, 11, 0,   18,
                                         1,    2, 0x0d, 1, 0, 0, 0, 0,  0x18};
  EXPECT_EQ(encoded(sense, false), conflict);
  Sense pointer = Sense::of(SenseKey::copy_aborted, 0x0000);
  pointer.field_valid = pointer.field_in_segment = true;
  pointer.field = 20;
  EXPECT_EQ(encoded(pointer, false)[15], 0xa0) << "SKSV and SD";
}

TEST(Sense, OfEveryStatusAndAttention) {
  const auto code = [](block::Status status, bool write) { return sense_of(status, write, 7).code; };
  EXPECT_EQ(code(block::Status::medium_error, false), 0x1100);
  EXPECT_EQ(code(block::Status::medium_error, true), 0x0c00);
  EXPECT_EQ(code(block::Status::no_space, true), 0x2707);
  EXPECT_EQ(code(block::Status::read_only, true), 0x2700);
  EXPECT_EQ(code(block::Status::out_of_range, true), 0x2100);
  EXPECT_EQ(code(block::Status::device_failed, false), 0x4400);
  EXPECT_EQ(code(block::Status::aborted, false), 0x2f02);
  EXPECT_EQ(sense_of(block::Status::medium_error, false, 7).information, 7u);
  EXPECT_EQ(sense_of(unit::Attention::capacity_changed).code, 0x2a09);
  EXPECT_EQ(sense_of(unit::Attention::commands_cleared).code, 0x2f00);
  EXPECT_EQ(sense_of(unit::Attention::medium_changed).code, 0x2800);
}

}  // namespace
}  // namespace ashlar::scsi
