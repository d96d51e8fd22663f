// MODE SENSE(6) and (10), SPC-4 6.11 and 6.12.
#include <algorithm>

#include "scsi/handlers.h"
#include "scsi/mode_pages.h"
#include "scsi/mode_parameters.h"

namespace ashlar::scsi {
namespace {

constexpr uint8_t all_pages = 0x3f;
constexpr uint8_t all_subpages = 0xff;
constexpr size_t max_mode_bytes = 8 + 16 + 4 * max_mode_page_bytes;

enum class PageControl : uint8_t { current, changeable, defaults, saved };

// SBC-3 6.5.2: the short form has 32 bits for the number of blocks and 24 for their length, the long one 64 and 32.
void block_descriptor(const unit::Geometry& geometry, bool long_form, Writer& writer) {
  const uint64_t blocks = geometry.size_bytes / geometry.block_bytes;
  if (long_form) {
    writer.u64(blocks);
    writer.u32(0);
    writer.u32(geometry.block_bytes);
  } else {
    writer.u32(static_cast<uint32_t>(std::min<uint64_t>(blocks, UINT32_MAX)));
    writer.u8(0);
    writer.u24(geometry.block_bytes);
  }
}

void append_page(uint8_t code, PageControl which, const ModeParameters& current,
                 const ModeParameters& defaults, Writer& writer) {
  std::array<uint8_t, max_mode_page_bytes> bytes;
  const Bytes page = Bytes(bytes).first(mode_page_bytes(code));
  if (which == PageControl::changeable) {
    fill_changeable_mask(code, page);
  } else {
    fill_mode_page(code, which == PageControl::current ? current : defaults, page);
  }
  writer.bytes(page);
}

// Data length in front, WP and DPOFUA, the length of the block descriptors: eight bytes for MODE SENSE(10), else four.
void write_header(Bytes data, bool ten, bool long_form, bool protected_now, size_t descriptor_bytes) {
  const uint8_t device_specific = static_cast<uint8_t>((protected_now ? 0x80 : 0x00) | 0x10);
  if (ten) {
    store_be16(data.data(), static_cast<uint16_t>(data.size() - 2));
    data[3] = device_specific;
    data[4] = long_form ? 0x01 : 0x00;
    store_be16(data.data() + 6, static_cast<uint16_t>(descriptor_bytes));
  } else {
    data[0] = static_cast<uint8_t>(data.size() - 1);
    data[2] = device_specific;
    data[3] = static_cast<uint8_t>(descriptor_bytes);
  }
}

}  // namespace

ModeParameters current_mode_parameters(const Handling& handling) {
  const UnitState& state = handling.state();
  return {handling.unit().geometry().write_cache, state.descriptor_sense, state.software_write_protect};
}

void mode_sense(Handling handling) {
  const uint8_t* cdb = handling.cdb();
  const bool ten = cdb[0] == 0x5a;
  const bool no_descriptor = (cdb[1] & 0x08) != 0;
  const bool long_form = ten && (cdb[1] & 0x10) != 0;
  const auto which = static_cast<PageControl>(cdb[2] >> 6);
  const uint8_t page = cdb[2] & 0x3f;
  const uint8_t subpage = cdb[3];
  if (which == PageControl::saved) return handling.fail(Sense::of(SenseKey::illegal_request, 0x3900));
  if (page != all_pages && mode_page_bytes(page) == 0) return handling.fail(Sense::invalid_cdb_field(2, 5));
  if (subpage != 0 && subpage != all_subpages) return handling.fail(Sense::invalid_cdb_field(3));

  std::array<uint8_t, max_mode_bytes> data;
  Writer writer(data);
  writer.zeroes(ten ? 8 : 4);
  const size_t header_bytes = writer.size();
  if (!no_descriptor) block_descriptor(handling.unit().geometry(), long_form, writer);
  const size_t descriptor_bytes = writer.size() - header_bytes;
  const ModeParameters current = current_mode_parameters(handling);
  const ModeParameters defaults{.write_cache = handling.state().default_write_cache};
  for (const uint8_t code : mode_page_codes) {
    if (page == all_pages || page == code) append_page(code, which, current, defaults, writer);
  }
  CHECK(writer.ok());
  const bool protected_now = write_protection(handling.lun()).key != SenseKey::no_sense;
  write_header(writer.written(), ten, long_form, protected_now, descriptor_bytes);
  handling.reply(writer.written(), ten ? load_be16(cdb + 7) : cdb[4]);
}

}  // namespace ashlar::scsi
