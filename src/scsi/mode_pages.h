// Mode pages 01h, 08h, 0Ah and 1Ch (SPC-4 7.5, SBC-3 6.5): their bytes, and which bits a host may change.
#pragma once

#include <array>
#include <cstdint>

#include "base/bytes.h"

namespace ashlar::scsi {

/// What a host may change.
struct ModeParameters {
  bool write_cache = false;             ///< WCE, page 08h
  bool descriptor_sense = false;        ///< D_SENSE, page 0Ah
  bool software_write_protect = false;  ///< SWP, page 0Ah
  bool operator==(const ModeParameters&) const = default;
};

constexpr std::array<uint8_t, 4> mode_page_codes = {0x01, 0x08, 0x0a, 0x1c};
constexpr size_t max_mode_page_bytes = 20;

/// Length of a page with its two bytes of header; 0: there is no such page.
size_t mode_page_bytes(uint8_t code);
/// Fills `page` (mode_page_bytes() long) with the page as it is with these parameters.
void fill_mode_page(uint8_t code, const ModeParameters& parameters, Bytes page);
/// Ones where MODE SELECT may change a bit.
void fill_changeable_mask(uint8_t code, Bytes page);
/// Takes over what the page says.
void read_mode_page(uint8_t code, ConstBytes page, ModeParameters& parameters);

}  // namespace ashlar::scsi
