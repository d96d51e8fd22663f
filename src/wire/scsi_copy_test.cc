#include "wire/scsi_copy.h"

#include <gtest/gtest.h>

namespace ashlar::wire::scsi {
namespace {

using Kind = CopyListProblem::Kind;
using List = std::vector<uint8_t>;

void add_cscd(List& list, uint8_t type = identification_cscd) {
  const uint8_t bytes[cscd_bytes] = {type, 0x00, 0, 0, 0x01, 0x03, 0, 8, 0x30, 1, 2, 3, 4, 5, 6, 7};
  list.insert(list.end(), bytes, bytes + cscd_bytes);
  list[list.size() - 2] = 0x02;  // blocks of 512 bytes
}
void add_segment(List& list, uint8_t type = block_to_block_segment) {
  const uint8_t bytes[block_segment_bytes] = {type, 0x02, 0, 24, 0, 1, 0, 2, 0, 0, 0x20, 0};
  list.insert(list.end(), bytes, bytes + block_segment_bytes);
  list[list.size() - 9] = 7;
  list[list.size() - 1] = 9;
}
// LID1, with these many of each.
List lid1(size_t cscds, size_t segments) {
  List list(lid1_header_bytes);
  list[0] = 5;
  list[1] = 0x10;
  for (size_t i = 0; i < cscds; ++i) add_cscd(list);
  for (size_t i = 0; i < segments; ++i) add_segment(list);
  store_be16(&list[2], static_cast<uint16_t>(cscds * cscd_bytes));
  store_be32(&list[8], static_cast<uint32_t>(segments * block_segment_bytes));
  return list;
}
List lid4(size_t cscds, size_t segments) {
  List list(lid4_header_bytes);
  list[0] = 0x01;
  list[3] = 0x20;
  list[16] = 0xff;
  store_be32(&list[20], 0x01020304);
  for (size_t i = 0; i < cscds; ++i) add_cscd(list);
  for (size_t i = 0; i < segments; ++i) add_segment(list);
  store_be16(&list[42], static_cast<uint16_t>(cscds * cscd_bytes));
  store_be16(&list[44], static_cast<uint16_t>(segments * block_segment_bytes));
  return list;
}
std::string said(const std::expected<CopyList, CopyListProblem>& parsed) {
  if (parsed) return "good";
  static constexpr const char* names[] = {"length",       "cscds",  "segments", "cscd type",
                                          "segment type", "inline", "field"};
  std::string out = names[static_cast<size_t>(parsed.error().kind)];
  if (parsed.error().points) out += " " + std::to_string(parsed.error().field);
  return out;
}

TEST(CopyList, OfLid1) {
  const auto list = parse_copy_list(lid1(2, 3), false);
  ASSERT_TRUE(list);
  EXPECT_EQ(list->list_id, 5u);
  EXPECT_EQ(list->usage, ListIdUsage::discard);
  ASSERT_EQ(list->cscds.size(), 2u);
  const Cscd& cscd = list->cscds[1];
  EXPECT_EQ(cscd.designator_type, 3);
  EXPECT_EQ(cscd.code_set, 1);
  EXPECT_EQ(cscd.designator_length, 8);
  EXPECT_EQ(cscd.designator[0], 0x30);
  EXPECT_EQ(cscd.block_bytes, 512u);
  EXPECT_EQ(cscd.at, 48);
  ASSERT_EQ(list->segments.size(), 3u);
  const CopySegment& segment = list->segments[0];
  EXPECT_TRUE(segment.destination_count);
  EXPECT_EQ(segment.source, 1);
  EXPECT_EQ(segment.destination, 2);
  EXPECT_EQ(segment.blocks, 0x2000);
  EXPECT_EQ(segment.source_lba, 7u);
  EXPECT_EQ(segment.destination_lba, 9u);
  EXPECT_EQ(segment.at, 80);
}

TEST(CopyList, OfLid4) {
  List bytes = lid4(1, 1);
  bytes[15] = 0x03;
  const auto list = parse_copy_list(bytes, true);
  ASSERT_TRUE(list);
  EXPECT_EQ(list->list_id, 0x01020304u);
  EXPECT_TRUE(list->immediate);
  EXPECT_TRUE(list->sense_with_success);
  EXPECT_EQ(list->cscds.size(), 1u);
  EXPECT_EQ(list->segments.size(), 1u);
  for (const size_t field : {0u, 2u, 16u}) {
    List bad = lid4(1, 1);
    bad[field] ^= 0x80;
    EXPECT_EQ(said(parse_copy_list(bad, true)), "field " + std::to_string(field));
  }
}

TEST(CopyList, AnyCutIsALengthError) {
  for (const bool four : {false, true}) {
    const List whole = four ? lid4(1, 1) : lid1(1, 1);
    for (size_t size = 1; size < whole.size(); ++size)
      EXPECT_EQ(said(parse_copy_list(ConstBytes(whole).first(size), four)), "length") << size;
  }
}

TEST(CopyList, Bounds) {
  EXPECT_EQ(said(parse_copy_list(lid1(max_cscd_descriptors, max_copy_segments), false)), "good");
  EXPECT_EQ(said(parse_copy_list(lid1(max_cscd_descriptors + 1, 1), false)), "cscds");
  EXPECT_EQ(said(parse_copy_list(lid1(1, max_copy_segments + 1), false)), "segments");
  EXPECT_EQ(said(parse_copy_list(lid1(max_cscd_descriptors + 1, max_copy_segments), false)), "length");
  List inline_data = lid1(1, 1);
  inline_data[15] = 1;
  inline_data.push_back(0);
  EXPECT_EQ(said(parse_copy_list(inline_data, false)), "inline");
  List enormous = lid1(1, 1);
  std::fill_n(enormous.begin() + 8, 4, uint8_t{0xff});
  EXPECT_EQ(said(parse_copy_list(enormous, false)), "length");
}

TEST(CopyList, WhatIsNotUnderstoodIsRefusedWithItsPlace) {
  List list = lid1(0, 0);
  add_cscd(list, 0xe0);
  store_be16(&list[2], cscd_bytes);
  EXPECT_EQ(said(parse_copy_list(list, false)), "cscd type 16");
  list = lid1(1, 0);
  add_segment(list, 0x03);
  store_be32(&list[8], block_segment_bytes);
  EXPECT_EQ(said(parse_copy_list(list, false)), "segment type 48");
  const auto with = [](size_t field, uint8_t value) {
    List bytes = lid1(1, 1);
    bytes[field] = value;
    return said(parse_copy_list(bytes, false));
  };
  EXPECT_EQ(with(1, 0x08), "field 1") << "LIST ID USAGE 01b";
  EXPECT_EQ(with(1, 0x18), "field 0") << "no list identifier, but one is given";
  EXPECT_EQ(with(3, 31), "field 2");
  EXPECT_EQ(with(17, 0x80), "field 17") << "LU ID TYPE";
  EXPECT_EQ(with(23, 21), "field 23") << "DESIGNATOR LENGTH";
  EXPECT_EQ(with(51, 23), "field 50") << "DESCRIPTOR LENGTH";
  EXPECT_EQ(with(1, 0x37), "good") << "STR and PRIORITY";
}

TEST(CopyList, VerifyOfACscd) {
  List list = lid1(1, 0);
  const uint8_t verify[12] = {verify_cscd_segment, 0, 0, 8, 0, 1, 0, 0, 1};
  list.insert(list.end(), verify, verify + 12);
  store_be32(&list[8], 12);
  const auto parsed = parse_copy_list(list, false);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->segments[0].type, verify_cscd_segment);
  EXPECT_TRUE(parsed->segments[0].test_ready);
  EXPECT_EQ(parsed->segments[0].source, 1);
}

List populate(size_t ranges) {
  List list(16 + 16 * ranges);
  store_be16(&list[0], static_cast<uint16_t>(list.size() - 2));
  list[2] = 0x03;
  store_be32(&list[4], 60);
  store_be32(&list[8], 0x00010000);
  store_be16(&list[14], static_cast<uint16_t>(16 * ranges));
  for (size_t i = 0; i < ranges; ++i) {
    store_be64(&list[16 + 16 * i], 100 * i);
    store_be32(&list[24 + 16 * i], 10);
  }
  return list;
}

TEST(TokenLists, PopulateToken) {
  const auto list = parse_populate_token(populate(2));
  ASSERT_TRUE(list);
  EXPECT_TRUE(list->immediate && list->rod_type_valid);
  EXPECT_EQ(list->inactivity_seconds, 60u);
  EXPECT_EQ(list->rod_type, 0x00010000u);
  EXPECT_EQ(list->ranges, (std::vector<BlockDeviceRange>{{0, 10}, {100, 10}}));
  const List whole = populate(1);
  for (size_t size = 1; size < whole.size(); ++size)
    EXPECT_EQ(parse_populate_token(ConstBytes(whole).first(size)).error().kind, Kind::length) << size;
  EXPECT_TRUE(parse_populate_token(populate(max_block_ranges)));
  EXPECT_EQ(parse_populate_token(populate(max_block_ranges + 1)).error().kind, Kind::too_many_segments);
  EXPECT_EQ(parse_populate_token(populate(0)).error().field, 14) << "no range at all";
  List odd = populate(1);
  odd[1] += 1;
  EXPECT_EQ(parse_populate_token(odd).error().field, 0);
}

TEST(TokenLists, WriteUsingToken) {
  List bytes(536 + 16);
  store_be16(&bytes[0], static_cast<uint16_t>(bytes.size() - 2));
  bytes[2] = 0x02;
  store_be64(&bytes[8], 77);
  bytes[16] = 0xaa;
  bytes[527] = 0xbb;
  store_be16(&bytes[534], 16);
  store_be64(&bytes[536], 5);
  store_be32(&bytes[544], 6);
  const auto list = parse_write_using_token(bytes);
  ASSERT_TRUE(list);
  EXPECT_TRUE(list->delete_token);
  EXPECT_FALSE(list->immediate);
  EXPECT_EQ(list->offset_blocks, 77u);
  EXPECT_EQ(list->token.front(), 0xaa);
  EXPECT_EQ(list->token.back(), 0xbb);
  EXPECT_EQ(list->ranges, (std::vector<BlockDeviceRange>{{5, 6}}));
  for (size_t size = 1; size < bytes.size(); ++size)
    EXPECT_EQ(parse_write_using_token(ConstBytes(bytes).first(size)).error().kind, Kind::length) << size;
  EXPECT_EQ(write_range_at(1), 552);
  EXPECT_EQ(populate_range_at(1), 32);
}

}  // namespace
}  // namespace ashlar::wire::scsi
