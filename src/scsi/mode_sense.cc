// MODE SENSE(6) and (10), SPC-4 6.11 and 6.12.
#include <algorithm>

#include "scsi/handlers.h"
#include "scsi/mode_pages.h"
#include "scsi/mode_parameters.h"
#include "scsi/nexus_impl.h"

namespace ashlar::scsi {
namespace {

constexpr uint8_t all_pages = 0x3f;
constexpr uint8_t all_subpages = 0xff;
constexpr size_t max_mode_bytes = 8 + 16 + all_mode_pages_bytes;

enum class PageControl : uint8_t { current, changeable, defaults, saved };

// SBC-3 6.5.2: the short form has 32 bits for the number of blocks and 24 for their length, the long one 64 and 32.
void block_descriptor(const unit::Geometry& geometry, bool long_form, Writer& writer) {
  const uint64_t blocks = geometry.blocks();
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

// The four values of a page (SPC-4 6.11.3); PS where a host may save it.
struct PageValues {
  ModeParameters current, defaults, saved;
  bool can_save = false;
};

PageValues page_values(const Handling& handling) {
  unit::LogicalUnit& unit = handling.unit();
  const UnitState& state = handling.state();
  return {current_mode_parameters(unit, state), default_mode_parameters(unit, state),
          saved_mode_parameters(unit, state), can_save_mode_pages(handling)};
}

void append_page(ModePageCode code, PageControl which, const PageValues& values, Writer& writer) {
  std::array<uint8_t, max_mode_page_bytes> bytes;
  const Bytes page = Bytes(bytes).first(mode_page_bytes(code));
  switch (which) {
    case PageControl::changeable: fill_changeable_mask(code, page); break;
    case PageControl::current: fill_mode_page(code, values.current, page); break;
    case PageControl::defaults: fill_mode_page(code, values.defaults, page); break;
    case PageControl::saved: fill_mode_page(code, values.saved, page); break;
  }
  if (values.can_save && is_changeable(code)) page[0] |= 0x80;
  writer.bytes(page);
}

// SPC-4 6.11.1: which of the pages are asked for. Page 3Fh alone means those without a subpage code.
bool is_wanted(ModePageCode code, uint8_t page, uint8_t subpage) {
  if (page != all_pages && page != code.page) return false;
  return subpage == all_subpages || subpage == code.subpage;
}

// SBC-3 6.5.1: WP and DPOFUA.
uint8_t device_specific(const Handling& handling) {
  const bool protected_now = write_protection(handling.lun()).key != SenseKey::no_sense;
  return static_cast<uint8_t>((protected_now ? 0x80 : 0x00) | 0x10);
}

// Data length in front, the device-specific parameter, the length of the block descriptors: eight bytes for MODE SENSE(10), else
// four.
void write_header(Bytes data, bool ten, bool long_form, uint8_t specific, size_t descriptor_bytes) {
  if (ten) {
    store_be16(data.data(), static_cast<uint16_t>(data.size() - 2));
    data[3] = specific;
    data[4] = long_form ? 0x01 : 0x00;
    store_be16(data.data() + 6, static_cast<uint16_t>(descriptor_bytes));
  } else {
    data[0] = static_cast<uint8_t>(data.size() - 1);
    data[2] = specific;
    data[3] = static_cast<uint8_t>(descriptor_bytes);
  }
}

}  // namespace

bool has_mode_page(const Handling& handling, ModePageCode code) {
  constexpr std::array<ModePageCode, 5> of_cd = {{{0x01}, {0x0a}, {0x18}, {0x19}, {0x2a}}};
  if (handling.lun().kind == unit::DeviceKind::cdrom) return std::ranges::find(of_cd, code) != of_cd.end();
  if (code == of_cd.back()) return false;
  return code != provisioning_page || is_thin(handling.unit());
}

bool can_save_mode_pages(const Handling& handling) { return handling.nexus().domain().impl().keeps(); }

void mode_sense(Handling handling) {
  const uint8_t* cdb = handling.cdb();
  const bool ten = cdb[0] == 0x5a;
  // MMC-6 7.2.3: a CD-ROM drive has neither block descriptors nor a device-specific parameter.
  const bool is_cd = handling.lun().kind == unit::DeviceKind::cdrom;
  const bool no_descriptor = (cdb[1] & 0x08) != 0 || is_cd;
  const bool long_form = ten && (cdb[1] & 0x10) != 0;
  const auto which = static_cast<PageControl>(cdb[2] >> 6);
  const uint8_t page = cdb[2] & 0x3f;
  const uint8_t subpage = cdb[3];
  if (which == PageControl::saved && !can_save_mode_pages(handling))
    return handling.fail(Sense::of(SenseKey::illegal_request, 0x3900));  // SAVING PARAMETERS NOT SUPPORTED
  const auto known = [&](ModePageCode code) {
    return has_mode_page(handling, code) && is_wanted(code, page, all_subpages);
  };
  if (std::ranges::none_of(mode_page_codes, known)) return handling.fail(Sense::invalid_cdb_field(2, 5));
  const auto wanted = [&](ModePageCode code) {
    return has_mode_page(handling, code) && is_wanted(code, page, subpage);
  };
  const bool lists = page == all_pages && subpage != 0 && subpage != all_subpages;
  if (lists || std::ranges::none_of(mode_page_codes, wanted))
    return handling.fail(Sense::invalid_cdb_field(3));

  std::array<uint8_t, max_mode_bytes> data;
  Writer writer(data);
  writer.zeroes(ten ? 8 : 4);
  const size_t header_bytes = writer.size();
  if (!no_descriptor) block_descriptor(handling.unit().geometry(), long_form, writer);
  const size_t descriptor_bytes = writer.size() - header_bytes;
  const PageValues values = page_values(handling);
  for (const ModePageCode code : mode_page_codes) {
    if (wanted(code)) append_page(code, which, values, writer);
  }
  CHECK(writer.ok());
  write_header(writer.written(), ten, long_form, is_cd ? uint8_t{0} : device_specific(handling),
               descriptor_bytes);
  handling.reply(writer.written(), ten ? load_be16(cdb + 7) : cdb[4]);
}

}  // namespace ashlar::scsi
