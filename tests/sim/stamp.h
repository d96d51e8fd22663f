// What a simulated host writes: every 512-byte sector says which write it belongs to, so that a reader knows what it sees.
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.h"

namespace ashlar::simulation {

constexpr uint32_t sector_bytes = 512;

/// `write` is unique in the run; `sector` is the sector's own number on the volume, but for WRITE SAME, whose blocks all
/// carry the numbers of the first one.
struct Stamp {
  uint32_t volume = 0;
  uint32_t write = 0;
  uint64_t sector = 0;
  bool operator==(const Stamp&) const = default;
};

void put_stamp(const Stamp& stamp, Bytes sector);

enum class SectorKind : uint8_t { zeroes, stamped, garbage };
/// What is in a sector: every byte of it is looked at, so a sector torn within or with a flipped bit is garbage.
SectorKind read_stamp(ConstBytes sector, Stamp& stamp);

}  // namespace ashlar::simulation
