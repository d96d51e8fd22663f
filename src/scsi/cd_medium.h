// The medium in a CD-ROM drive as MMC sees it: one session with one data track, from block 0 to the end.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/bytes.h"
#include "scsi/handling.h"

namespace ashlar::scsi {

/// Profiles (MMC-6 5.3.1): what kind of medium it is.
enum class CdProfile : uint16_t { none = 0x0000, cd_rom = 0x0008, dvd_rom = 0x0010 };

/// A CD holds 80 minutes of 75 blocks a second; what is longer is a DVD.
constexpr uint64_t most_cd_blocks = 80 * 60 * 75;
constexpr uint32_t cd_block_bytes = 2048;
/// ADR 1, CONTROL 4: a data track, recorded uninterrupted (MMC-6 6.25.3.2).
constexpr uint8_t data_track = 0x14;
constexpr uint8_t lead_out_track = 0xaa;

/// READ(10), READ TOC and the like have 32 bits for a block's number.
inline uint32_t blocks_of_medium(const Handling& handling) {
  const unit::Geometry geometry = handling.unit().geometry();
  return static_cast<uint32_t>(std::min<uint64_t>(geometry.blocks(), UINT32_MAX));
}

inline CdProfile profile_of(uint32_t blocks) {
  return blocks > most_cd_blocks ? CdProfile::dvd_rom : CdProfile::cd_rom;
}

/// There is a medium, and the tray is closed.
inline bool has_medium(const UnitState& state) {
  return !state.ejected.load(std::memory_order_relaxed) && !state.no_medium.load(std::memory_order_relaxed);
}

/// MSF (MMC-6 4.2.3.5): minute, second and frame, of which 75 are a second, two seconds before block 0 being zero. 255:59:74
/// stands for all that lies behind it.
inline void put_msf(Writer& writer, uint32_t block) {
  constexpr uint64_t lead_in_frames = 150, last_frame = uint64_t{256} * 60 * 75 - 1;
  const uint64_t frame = std::min(block + lead_in_frames, last_frame);
  writer.u8(static_cast<uint8_t>(frame / (uint64_t{60} * 75)));
  writer.u8(static_cast<uint8_t>(frame / 75 % 60));
  writer.u8(static_cast<uint8_t>(frame % 75));
}

}  // namespace ashlar::scsi
