#include "scsi/third_party_copy.h"

#include <array>

#include "scsi/opcode.h"
#include "scsi/rod_tokens.h"
#include "unit/copy_budget.h"

namespace ashlar::scsi {
namespace {

// A third-party copy descriptor (7.8.17.3): type, length of a multiple of four, body.
void add_descriptor(Writer& page, uint16_t type, ConstBytes body) {
  const size_t padded = (body.size() + 3) / 4 * 4;
  page.u16(type);
  page.u16(static_cast<uint16_t>(padded));
  page.bytes(body);
  page.zeroes(padded - body.size());
}

// SBC-3 6.6.6.3: block device ROD token limits.
void rod_limits(uint32_t block_bytes, Writer& page) {
  std::array<uint8_t, 32> body;
  Writer writer(body);
  writer.zeroes(6);
  writer.u16(wire::scsi::max_block_ranges);
  writer.u32(max_token_inactivity_seconds);
  writer.u32(default_token_inactivity_seconds);
  writer.u64(max_token_bytes / block_bytes);
  writer.u64(optimal_token_bytes / block_bytes);
  add_descriptor(page, 0x0000, body);
}

// 7.8.17.9 ROD token features: tokens of other copy managers are not taken. With the features of block devices.
void token_features(uint32_t block_bytes, Writer& page) {
  std::array<uint8_t, 44 + 48> body;
  Writer writer(body);
  writer.zeroes(12);
  writer.u32(0);  // MINIMUM TOKEN LIFETIME
  writer.u32(max_token_lifetime_seconds);
  writer.u32(max_token_inactivity_seconds);
  writer.zeroes(18);
  writer.u16(48);
  writer.u16(0x0000);  // block ROD device type specific features
  writer.u16(48 - 4);
  writer.zeroes(2);
  writer.u16(static_cast<uint16_t>(4096 / block_bytes));  // OPTIMAL BLOCK ROD LENGTH GRANULARITY
  writer.u64(max_token_bytes);
  writer.u64(optimal_token_bytes);
  writer.u64(optimal_token_bytes);
  writer.u64(optimal_token_bytes);
  writer.zeroes(body.size() - writer.size());
  add_descriptor(page, 0x0106, body);
}

// 7.8.17.10: what POPULATE TOKEN makes, and what WRITE USING TOKEN takes.
void token_types(Writer& page) {
  constexpr size_t type_bytes = 64;
  std::array<uint8_t, 4 + 2 * type_bytes> body;
  Writer writer(body);
  writer.zeroes(2);
  writer.u16(2 * type_bytes);
  for (const uint32_t type : {access_upon_reference_rod, block_zero_rod}) {
    writer.u32(type);
    writer.u8(type == block_zero_rod ? 0x02 : 0x03);  // TOKEN_IN, TOKEN_OUT
    writer.u8(0);
    writer.u16(0x8000);  // PREFERENCE INDICATOR: all alike
    writer.zeroes(type_bytes - 8);
  }
  add_descriptor(page, 0x0108, body);
}

// 7.8.17.5: the service actions of THIRD-PARTY COPY OUT and IN, as the table of commands has them.
void supported_commands(Writer& page) {
  std::array<uint8_t, 64> body;
  Writer writer(body);
  writer.u8(0);
  for (const uint8_t operation_code : {uint8_t{0x83}, uint8_t{0x84}}) {
    writer.u8(operation_code);
    const size_t count_at = writer.size();
    writer.u8(0);
    for (const Opcode& opcode : all_opcodes()) {
      if (opcode.opcode == operation_code) writer.u8(static_cast<uint8_t>(opcode.service_action));
    }
    body[count_at] = static_cast<uint8_t>(writer.size() - count_at - 1);
  }
  body[0] = static_cast<uint8_t>(writer.size() - 1);
  add_descriptor(page, 0x0001, writer.written());
}

// 7.8.17.6.
void parameter_data(Writer& page) {
  std::array<uint8_t, 28> body;
  Writer writer(body);
  writer.zeroes(4);
  writer.u16(wire::scsi::max_cscd_descriptors);
  writer.u16(wire::scsi::max_copy_segments);
  writer.u32(wire::scsi::max_descriptor_list_bytes);
  writer.zeroes(body.size() - writer.size());  // inline data: none
  add_descriptor(page, 0x0004, body);
}

// 7.8.17.7 and 7.8.17.8.
void descriptor_types(Writer& page) {
  std::array<uint8_t, 1 + sizeof copy_descriptor_types> types;
  Writer writer(types);
  writer.u8(sizeof copy_descriptor_types);
  writer.bytes(copy_descriptor_types);
  add_descriptor(page, 0x0008, types);
  std::array<uint8_t, 4> ids;
  store_be16(&ids[0], 2);
  store_be16(&ids[2], wire::scsi::cscd_of_this_unit);
  add_descriptor(page, 0x000c, ids);
}

// 7.8.17.14: general copy operations.
void general_operations(Writer& page) {
  std::array<uint8_t, 32> body;
  Writer writer(body);
  writer.u32(unit::CopyBudget::most_copies);
  writer.u32(unit::CopyBudget::most_copies_of_nexus);
  writer.u32(max_copy_segment_bytes);
  writer.u8(copy_granularity_exponent);
  writer.zeroes(body.size() - writer.size());
  add_descriptor(page, 0x8001, body);
}

}  // namespace

void third_party_copy_page(uint32_t block_bytes, Writer& writer) {
  rod_limits(block_bytes, writer);
  supported_commands(writer);
  parameter_data(writer);
  descriptor_types(writer);
  token_features(block_bytes, writer);
  token_types(writer);
  general_operations(writer);
}

}  // namespace ashlar::scsi
