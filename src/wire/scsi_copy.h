// Parameter lists of the third-party copy commands: EXTENDED COPY (SPC-4 6.4), POPULATE TOKEN and WRITE USING TOKEN (SBC-3 5.7,
// 5.45). Pure codec: bounds and reserved values are checked here, what the descriptors name is for others to find.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <span>
#include <vector>

#include "base/bytes.h"

namespace ashlar::wire::scsi {

constexpr size_t max_cscd_descriptors = 16;
constexpr size_t max_copy_segments = 64;
constexpr size_t cscd_bytes = 32;
constexpr size_t block_segment_bytes = 28;
/// MAXIMUM DESCRIPTOR LIST LENGTH: all of both.
constexpr size_t max_descriptor_list_bytes =
    max_cscd_descriptors * cscd_bytes + max_copy_segments * block_segment_bytes;
constexpr size_t lid1_header_bytes = 16, lid4_header_bytes = 48;
constexpr uint8_t identification_cscd = 0xe4;
constexpr uint8_t block_to_block_segment = 0x02, verify_cscd_segment = 0x07;
/// Instead of an index: the logical unit that got the command.
constexpr uint16_t cscd_of_this_unit = 0xffff;

/// What is wrong with a list, in the words of SPC-4; `field` and `bit` point into the list where that helps.
struct CopyListProblem {
  enum class Kind : uint8_t {
    length,                ///< PARAMETER LIST LENGTH ERROR
    too_many_cscds,        ///< TOO MANY TARGET DESCRIPTORS
    too_many_segments,     ///< TOO MANY SEGMENT DESCRIPTORS
    unknown_cscd_type,     ///< UNSUPPORTED TARGET DESCRIPTOR TYPE CODE
    unknown_segment_type,  ///< UNSUPPORTED SEGMENT DESCRIPTOR TYPE CODE
    too_much_inline_data,  ///< INLINE DATA LENGTH EXCEEDED
    invalid_field          ///< INVALID FIELD IN PARAMETER LIST
  };
  Kind kind = Kind::invalid_field;
  bool points = false;
  uint16_t field = 0;
  int8_t bit = -1;
};

/// An identification descriptor (SPC-4 6.4.5.2): a copy source or copy destination by a designator of VPD page 83h.
struct Cscd {
  bool null_unit = false;  ///< NUL: names nobody
  uint8_t device_type = 0;
  uint8_t code_set = 0;
  uint8_t association = 0;
  uint8_t designator_type = 0;
  uint8_t designator_length = 0;  ///< 0-20
  std::array<uint8_t, 20> designator{};
  uint32_t block_bytes = 0;  ///< DISK BLOCK LENGTH
  uint16_t at = 0;           ///< where it begins in the list
};

struct CopySegment {
  uint8_t type = 0;                      ///< block_to_block_segment or verify_cscd_segment
  bool destination_count = false;        ///< DC: `blocks` are those of the destination
  bool test_ready = false;               ///< TUR, of verify_cscd_segment
  uint16_t source = 0, destination = 0;  ///< CSCD descriptor IDs; a verify has a source alone
  uint16_t blocks = 0;
  uint64_t source_lba = 0, destination_lba = 0;
  uint16_t at = 0;
};

enum class ListIdUsage : uint8_t { hold = 0, reserved = 1, discard = 2, none = 3 };

struct CopyList {
  uint32_t list_id = 0;
  ListIdUsage usage = ListIdUsage::hold;
  bool immediate = false;           ///< IMMED, of LID4
  bool sense_with_success = false;  ///< G_SENSE, of LID4
  std::vector<Cscd> cscds;
  std::vector<CopySegment> segments;
};
/// `list` is not empty. STR and PRIORITY are taken and change nothing.
std::expected<CopyList, CopyListProblem> parse_copy_list(ConstBytes list, bool lid4);

constexpr size_t rod_token_bytes = 512;
constexpr size_t max_block_ranges = 64;
struct BlockDeviceRange {
  uint64_t lba = 0;
  uint32_t blocks = 0;
  bool operator==(const BlockDeviceRange&) const = default;
};

struct PopulateTokenList {
  bool immediate = false;
  bool rod_type_valid = false;  ///< RTV
  uint32_t inactivity_seconds = 0;
  uint32_t rod_type = 0;
  std::vector<BlockDeviceRange> ranges;
};
std::expected<PopulateTokenList, CopyListProblem> parse_populate_token(ConstBytes list);

struct WriteUsingTokenList {
  bool immediate = false;
  bool delete_token = false;  ///< DEL_TKN
  uint64_t offset_blocks = 0;
  std::array<uint8_t, rod_token_bytes> token{};
  std::vector<BlockDeviceRange> ranges;
};
std::expected<WriteUsingTokenList, CopyListProblem> parse_write_using_token(ConstBytes list);
/// Where a block device range descriptor of each list begins, for field pointers.
uint16_t populate_range_at(size_t index);
uint16_t write_range_at(size_t index);

}  // namespace ashlar::wire::scsi
