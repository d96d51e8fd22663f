#include "scsi/sense.h"

#include <algorithm>
#include <bit>

#include "base/check.h"

namespace ashlar::scsi {
namespace {

// SPC-4 4.5.2.4: three bytes that mean what the sense key says.
struct KeySpecific {
  bool valid = false;
  uint8_t bytes[3] = {};
};

KeySpecific key_specific(const Sense& sense) {
  KeySpecific out;
  if (sense.field_valid) {  // 4.5.2.4.2: SKSV, C/D, BPV, bit pointer, field pointer
    out.valid = true;
    // Of COPY ABORTED it is a segment pointer (4.5.2.4.5), with SD in place of C/D.
    const uint8_t where = sense.key == SenseKey::copy_aborted ? (sense.field_in_segment ? 0x20 : 0)
                                                              : (sense.field_in_cdb ? 0x40 : 0);
    out.bytes[0] = static_cast<uint8_t>(0x80 | where | (sense.bit_valid ? 0x08 | (sense.bit & 7) : 0));
    store_be16(out.bytes + 1, sense.field);
  } else if (sense.progress_valid) {  // 4.5.2.4.4
    out.valid = true;
    out.bytes[0] = 0x80;
    store_be16(out.bytes + 1, sense.progress);
  }
  return out;
}

constexpr size_t fixed_bytes = 18;

// SPC-4 5.17.7.4: the status and sense data of the copy source or destination stand behind our own; the first or second byte of
// COMMAND-SPECIFIC INFORMATION says where, the other two give the segment.
size_t add_third_party(const Sense& sense, Bytes out) {
  if (sense.segment_valid) store_be16(out.data() + 10, sense.segment);
  const ThirdPartySense& theirs = sense.third_party;
  if (theirs.side == unit::CopySide::neither) return fixed_bytes;
  out[theirs.side == unit::CopySide::source ? 8 : 9] = fixed_bytes;
  const bool checked = theirs.key != SenseKey::no_sense;
  const Bytes area = out.subspan(fixed_bytes, checked ? 1 + fixed_bytes : 1);
  std::ranges::fill(area, uint8_t{0});
  area[0] = theirs.status;
  if (checked) {
    area[1] = 0x70;
    area[3] = static_cast<uint8_t>(theirs.key);
    area[8] = fixed_bytes - 8;
    store_be16(area.data() + 13, theirs.code);
  }
  return fixed_bytes + area.size();
}

// SPC-4 4.5.3. An information of more than 32 bits does not fit: VALID stays zero.
size_t encode_fixed(const Sense& sense, Bytes out) {
  CHECK(out.size() >= fixed_bytes + 1 + fixed_bytes);
  std::fill_n(out.begin(), fixed_bytes, uint8_t{0});
  const bool fits = sense.information_valid && sense.information <= UINT32_MAX;
  out[0] = fits ? 0xf0 : 0x70;
  out[2] = static_cast<uint8_t>(sense.key);
  if (fits) store_be32(out.data() + 3, static_cast<uint32_t>(sense.information));
  store_be16(out.data() + 12, sense.code);
  const KeySpecific specific = key_specific(sense);
  if (specific.valid) std::copy_n(specific.bytes, 3, out.begin() + 15);
  const size_t length = add_third_party(sense, out);
  out[7] = static_cast<uint8_t>(length - 8);
  return length;
}

// SPC-4 4.5.2.3 and 4.5.2.7: command-specific information (01h) and forwarded sense data (0Ch).
void copy_descriptors(const Sense& sense, Writer& writer) {
  if (sense.segment_valid) {
    writer.u8(0x01);
    writer.u8(0x0a);
    writer.zeroes(2 + 6);
    writer.u16(sense.segment);
  }
  const ThirdPartySense& theirs = sense.third_party;
  if (theirs.side == unit::CopySide::neither) return;
  constexpr uint8_t sense_bytes = 8;
  writer.u8(0x0c);
  writer.u8(2 + sense_bytes);
  writer.u8(theirs.side == unit::CopySide::source ? 0x01 : 0x02);
  writer.u8(theirs.status);
  writer.u8(0x72);
  writer.u8(static_cast<uint8_t>(theirs.key));
  writer.u16(theirs.code);
  writer.zeroes(4);
}

// SPC-4 4.5.2: an information descriptor (00h) and a sense-key specific one (02h), as needed.
size_t encode_descriptors(const Sense& sense, Bytes out) {
  CHECK(out.size() >= 8 + 12 + 8 + 12 + 12);
  Writer writer(out);
  writer.u8(0x72);
  writer.u8(static_cast<uint8_t>(sense.key));
  writer.u16(sense.code);
  writer.zeroes(4);
  if (sense.information_valid) {
    writer.u8(0x00);
    writer.u8(0x0a);
    writer.u8(0x80);
    writer.u8(0);
    writer.u64(sense.information);
  }
  const KeySpecific specific = key_specific(sense);
  if (specific.valid) {
    writer.u8(0x02);
    writer.u8(0x06);
    writer.zeroes(2);
    writer.bytes(specific.bytes);
    writer.u8(0);
  }
  copy_descriptors(sense, writer);
  out[7] = static_cast<uint8_t>(writer.size() - 8);
  return writer.size();
}

Sense invalid_field(uint16_t code, uint16_t field, int bit, bool in_cdb) {
  Sense sense = Sense::of(SenseKey::illegal_request, code);
  sense.field_valid = true;
  sense.field_in_cdb = in_cdb;
  sense.field = field;
  sense.bit_valid = bit >= 0;
  if (sense.bit_valid) sense.bit = static_cast<uint8_t>(bit);
  return sense;
}

Sense at_block(SenseKey key, uint16_t code, uint64_t lba) {
  Sense sense = Sense::of(key, code);
  sense.information_valid = true;
  sense.information = lba;
  return sense;
}

}  // namespace

Sense Sense::invalid_cdb_field(uint16_t field, int bit) { return invalid_field(0x2400, field, bit, true); }
Sense Sense::invalid_parameter_field(uint16_t field, int bit) {
  return invalid_field(0x2600, field, bit, false);
}
Sense Sense::lba_out_of_range(uint64_t lba) { return at_block(SenseKey::illegal_request, 0x2100, lba); }

size_t encode(const Sense& sense, bool descriptor_format, Bytes out) {
  return descriptor_format ? encode_descriptors(sense, out) : encode_fixed(sense, out);
}

Sense sense_of(block::Status status, bool write, uint64_t lba) {
  switch (status) {
    case block::Status::medium_error:  // UNRECOVERED READ ERROR, WRITE ERROR
      return at_block(SenseKey::medium_error, write ? 0x0c00 : 0x1100, lba);
    case block::Status::
        no_space:  // SBC-3 4.7.3.6: SPACE ALLOCATION FAILED WRITE PROTECT; reads and UNMAP go on
      return at_block(SenseKey::data_protect, 0x2707, lba);
    case block::Status::out_of_range: return Sense::lba_out_of_range(lba);
    case block::Status::read_only: return Sense::of(SenseKey::data_protect, 0x2700);
    case block::Status::misaligned:
    case block::Status::unsupported: return Sense::of(SenseKey::illegal_request, 0x2400);
    case block::Status::aborted:  // COMMANDS CLEARED BY DEVICE SERVER: the host may send it again
      return Sense::of(SenseKey::aborted_command, 0x2f02);
    case block::Status::device_failed:
    case block::Status::ok: break;
  }
  CHECK(status != block::Status::ok);
  return Sense::of(SenseKey::hardware_error, 0x4400);  // INTERNAL TARGET FAILURE
}

Sense sense_of(unit::Attention attention) {
  static constexpr uint16_t codes[] = {0x2900, 0x2902, 0x2903, 0x2907, 0x2a09, 0x2a01, 0x3f03,
                                       0x3f0e, 0x2f00, 0x2800, 0x2a03, 0x2a04, 0x2a05, 0x2a06,
                                       0x2a02, 0x3807, 0x2c07, 0x2c08, 0x2c09, 0x2a10, 0x2a07};
  static_assert(std::size(codes) == unit::attention_kinds);
  return Sense::of(SenseKey::unit_attention, codes[static_cast<size_t>(attention)]);
}

// SPC-4 5.15.2.4: LOGICAL UNIT NOT ACCESSIBLE and why, LOGICAL UNIT OFFLINE.
Sense sense_of(unit::AccessState state) {
  switch (state) {
    case unit::AccessState::standby: return Sense::of(SenseKey::not_ready, 0x040b);
    case unit::AccessState::unavailable: return Sense::of(SenseKey::not_ready, 0x040c);
    case unit::AccessState::offline: return Sense::of(SenseKey::not_ready, 0x0412);
    case unit::AccessState::transitioning: return Sense::of(SenseKey::not_ready, 0x040a);
    case unit::AccessState::active_optimized:
    case unit::AccessState::active_non_optimized: break;
  }
  return {};
}

}  // namespace ashlar::scsi
