#include "wire/scsi_copy.h"

#include <algorithm>

namespace ashlar::wire::scsi {
namespace {

using Kind = CopyListProblem::Kind;

std::unexpected<CopyListProblem> problem(Kind kind) { return std::unexpected(CopyListProblem{.kind = kind}); }
std::unexpected<CopyListProblem> wrong(size_t field, int bit = -1, Kind kind = Kind::invalid_field) {
  return std::unexpected(CopyListProblem{kind, true, static_cast<uint16_t>(field), static_cast<int8_t>(bit)});
}

struct Lengths {
  size_t header = 0;
  size_t cscds = 0, segments = 0, inline_data = 0;
  uint16_t cscds_field = 0;
};

// SPC-4 6.4.3: LIST IDENTIFIER, flags and lengths of EXTENDED COPY(LID1).
std::expected<Lengths, CopyListProblem> read_lid1_header(ConstBytes list, CopyList& out) {
  if (list.size() < lid1_header_bytes) return problem(Kind::length);
  out.list_id = list[0];
  out.usage = static_cast<ListIdUsage>(list[1] >> 3 & 3);
  return Lengths{lid1_header_bytes, load_be16(&list[2]), load_be32(&list[8]), load_be32(&list[12]), 2};
}

// SPC-4 6.4.4: EXTENDED COPY(LID4).
std::expected<Lengths, CopyListProblem> read_lid4_header(ConstBytes list, CopyList& out) {
  if (list.size() < lid4_header_bytes) return problem(Kind::length);
  constexpr uint16_t header_cscd_bytes = 0x20;
  constexpr uint8_t header_cscd_type = 0xff;
  if (list[0] != 0x01) return wrong(0);
  if (load_be16(&list[2]) != header_cscd_bytes) return wrong(2);
  if (list[16] != header_cscd_type) return wrong(16);
  out.usage = static_cast<ListIdUsage>(list[1] >> 3 & 3);
  out.immediate = (list[15] & 0x01) != 0;
  out.sense_with_success = (list[15] & 0x02) != 0;
  out.list_id = load_be32(&list[20]);
  return Lengths{lid4_header_bytes, load_be16(&list[42]), load_be16(&list[44]), load_be16(&list[46]), 42};
}

// SPC-4 6.4.5.2. E4h alone; LU ID TYPE 00b: a logical unit number or NUL.
std::expected<Cscd, CopyListProblem> read_cscd(ConstBytes list, size_t at) {
  const uint8_t* in = &list[at];
  if (in[0] != identification_cscd) return wrong(at, -1, Kind::unknown_cscd_type);
  if ((in[1] & 0xc0) != 0) return wrong(at + 1, 7);
  Cscd out;
  out.at = static_cast<uint16_t>(at);
  out.null_unit = (in[1] & 0x20) != 0;
  out.device_type = in[1] & 0x1f;
  out.code_set = in[4] & 0x0f;
  out.association = in[5] >> 4 & 3;
  out.designator_type = in[5] & 0x0f;
  if (in[7] > out.designator.size()) return wrong(at + 7);
  out.designator_length = in[7];
  std::copy_n(in + 8, out.designator_length, out.designator.begin());
  out.block_bytes = load_be24(in + 29);
  return out;
}

std::expected<void, CopyListProblem> read_cscds(ConstBytes list, const Lengths& lengths, CopyList& out) {
  if (lengths.cscds % cscd_bytes != 0) return wrong(lengths.cscds_field);
  if (lengths.cscds / cscd_bytes > max_cscd_descriptors) return problem(Kind::too_many_cscds);
  for (size_t at = lengths.header; at < lengths.header + lengths.cscds; at += cscd_bytes) {
    auto cscd = read_cscd(list, at);
    if (!cscd) return std::unexpected(cscd.error());
    out.cscds.push_back(*cscd);
  }
  return {};
}

// SPC-4 6.4.6.2 (block device to block device) and 6.4.6.6 (verify CSCD). CAT and the rest of residual data have no meaning
// here: a segment is whole blocks of both sides, or is refused.
std::expected<size_t, CopyListProblem> read_segment(ConstBytes list, size_t at, size_t end, CopyList& out) {
  constexpr size_t head = 4;
  const uint8_t type = list[at];
  if (type != block_to_block_segment && type != verify_cscd_segment)
    return wrong(at, -1, Kind::unknown_segment_type);
  if (end - at < head) return problem(Kind::length);
  const size_t length = head + load_be16(&list[at + 2]);
  const size_t expected = type == block_to_block_segment ? block_segment_bytes : 12;
  if (length != expected) return wrong(at + 2);
  if (end - at < length) return problem(Kind::length);
  const uint8_t* in = &list[at];
  CopySegment segment{.type = type, .source = load_be16(in + 4), .at = static_cast<uint16_t>(at)};
  if (type == verify_cscd_segment) {
    segment.test_ready = (in[8] & 0x01) != 0;
  } else {
    segment.destination_count = (in[1] & 0x02) != 0;
    segment.destination = load_be16(in + 6);
    segment.blocks = load_be16(in + 10);
    segment.source_lba = load_be64(in + 12);
    segment.destination_lba = load_be64(in + 20);
  }
  out.segments.push_back(segment);
  return length;
}

std::expected<void, CopyListProblem> read_segments(ConstBytes list, const Lengths& lengths, CopyList& out) {
  const size_t end = lengths.header + lengths.cscds + lengths.segments;
  for (size_t at = lengths.header + lengths.cscds; at < end;) {
    if (out.segments.size() == max_copy_segments) return problem(Kind::too_many_segments);
    const auto length = read_segment(list, at, end, out);
    if (!length) return std::unexpected(length.error());
    at += *length;
  }
  return {};
}

// SBC-3 5.7.3 and 5.45.3: LENGTH at the front counts what follows it; ranges end the list.
std::expected<std::vector<BlockDeviceRange>, CopyListProblem> read_ranges(ConstBytes list,
                                                                          size_t length_field, size_t at) {
  constexpr size_t range_bytes = 16;
  if (list.size() < at) return problem(Kind::length);
  const size_t bytes = load_be16(&list[length_field]);
  if (load_be16(&list[0]) != at - 2 + bytes) return wrong(0);
  if (bytes == 0 || bytes % range_bytes != 0) return wrong(length_field);
  if (list.size() < at + bytes) return problem(Kind::length);
  if (bytes / range_bytes > max_block_ranges) return problem(Kind::too_many_segments);
  std::vector<BlockDeviceRange> ranges;
  for (size_t i = at; i < at + bytes; i += range_bytes)
    ranges.push_back({load_be64(&list[i]), load_be32(&list[i + 8])});
  return ranges;
}

constexpr size_t populate_header_bytes = 16, write_header_bytes = 536;

}  // namespace

std::expected<CopyList, CopyListProblem> parse_copy_list(ConstBytes list, bool lid4) {
  CopyList out;
  const auto lengths = lid4 ? read_lid4_header(list, out) : read_lid1_header(list, out);
  if (!lengths) return std::unexpected(lengths.error());
  if (out.usage == ListIdUsage::reserved) return wrong(1, 4);
  if (out.usage == ListIdUsage::none && out.list_id != 0) return wrong(lid4 ? 20 : 0);
  if (out.usage == ListIdUsage::none && out.immediate) return wrong(1, 4);  // nobody could ask how it ended
  if (lengths->inline_data != 0) return problem(Kind::too_much_inline_data);
  if (lengths->cscds + lengths->segments > max_descriptor_list_bytes) return problem(Kind::length);
  if (list.size() < lengths->header + lengths->cscds + lengths->segments) return problem(Kind::length);
  if (const auto read = read_cscds(list, *lengths, out); !read) return std::unexpected(read.error());
  if (const auto read = read_segments(list, *lengths, out); !read) return std::unexpected(read.error());
  return out;
}

std::expected<PopulateTokenList, CopyListProblem> parse_populate_token(ConstBytes list) {
  auto ranges = read_ranges(list, 14, populate_header_bytes);
  if (!ranges) return std::unexpected(ranges.error());
  return PopulateTokenList{(list[2] & 0x01) != 0, (list[2] & 0x02) != 0, load_be32(&list[4]),
                           load_be32(&list[8]), std::move(*ranges)};
}

std::expected<WriteUsingTokenList, CopyListProblem> parse_write_using_token(ConstBytes list) {
  auto ranges = read_ranges(list, 534, write_header_bytes);
  if (!ranges) return std::unexpected(ranges.error());
  WriteUsingTokenList out{
      (list[2] & 0x01) != 0, (list[2] & 0x02) != 0, load_be64(&list[8]), {}, std::move(*ranges)};
  std::copy_n(list.begin() + 16, rod_token_bytes, out.token.begin());
  return out;
}

uint16_t populate_range_at(size_t index) { return static_cast<uint16_t>(populate_header_bytes + 16 * index); }
uint16_t write_range_at(size_t index) { return static_cast<uint16_t>(write_header_bytes + 16 * index); }

}  // namespace ashlar::wire::scsi
