// Logical unit numbers as eight bytes (SAM-5 4.7): which one is meant, and how to write one.
#pragma once

#include <array>
#include <cstdint>

namespace ashlar::wire::scsi {

using LunBytes = std::array<uint8_t, 8>;

enum class LunKind : uint8_t {
  unit,         ///< `number` says which
  report_luns,  ///< the REPORT LUNS well known logical unit, C1 01
  unsupported,  ///< an addressing method, bus or level that is not there
};
struct LunAddress {
  LunKind kind = LunKind::unsupported;
  uint16_t number = 0;  ///< 0-16383
};

constexpr LunBytes report_luns_lun = {0xc1, 0x01};

/// Single level only: peripheral device addressing of bus 0 (SAM-5 4.7.7.2) and flat space addressing (4.7.7.3).
inline LunAddress decode_lun(const LunBytes& lun) {
  for (size_t i = 2; i < lun.size(); ++i) {
    if (lun[i] != 0) return {};
  }
  switch (lun[0] >> 6) {
    case 0: return lun[0] == 0 ? LunAddress{LunKind::unit, lun[1]} : LunAddress{};
    case 1: return {LunKind::unit, static_cast<uint16_t>((lun[0] & 0x3f) << 8 | lun[1])};
    case 3: return lun == report_luns_lun ? LunAddress{LunKind::report_luns, 0} : LunAddress{};
    default: return {};
  }
}

/// Peripheral device addressing up to 255, flat space addressing above: what every initiator understands.
inline LunBytes encode_lun(uint16_t number) {
  if (number < 256) return {0, static_cast<uint8_t>(number)};
  return {static_cast<uint8_t>(0x40 | (number >> 8 & 0x3f)), static_cast<uint8_t>(number)};
}

}  // namespace ashlar::wire::scsi
