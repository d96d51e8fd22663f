#include "sim/stamp.h"

#include <algorithm>

#include "base/check.h"
#include "loop/sim_random.h"

namespace ashlar::simulation {
namespace {

constexpr uint64_t magic = 0x4153484c41523031;  // "ASHLAR01"
constexpr size_t words = sector_bytes / 8;

uint64_t filler(const Stamp& stamp) {
  return loop::mix64(uint64_t{stamp.volume} << 32 | stamp.write) ^ loop::mix64(stamp.sector);
}

}  // namespace

void put_stamp(const Stamp& stamp, Bytes sector) {
  CHECK(sector.size() == sector_bytes);
  store_le64(sector.data(), magic);
  store_le64(sector.data() + 8, uint64_t{stamp.volume} << 32 | stamp.write);
  store_le64(sector.data() + 16, stamp.sector);
  const uint64_t fill = filler(stamp);
  for (size_t i = 3; i < words; ++i) store_le64(sector.data() + i * 8, fill + i * 0x9e3779b97f4a7c15);
}

SectorKind read_stamp(ConstBytes sector, Stamp& stamp) {
  CHECK(sector.size() == sector_bytes);
  const uint64_t first = load_le64(sector.data());
  if (first == 0) {
    const bool zeroes = std::all_of(sector.begin(), sector.end(), [](uint8_t byte) { return byte == 0; });
    return zeroes ? SectorKind::zeroes : SectorKind::garbage;
  }
  const uint64_t names = load_le64(sector.data() + 8);
  stamp =
      Stamp{static_cast<uint32_t>(names >> 32), static_cast<uint32_t>(names), load_le64(sector.data() + 16)};
  if (first != magic) return SectorKind::garbage;
  const uint64_t fill = filler(stamp);
  for (size_t i = 3; i < words; ++i) {
    if (load_le64(sector.data() + i * 8) != fill + i * 0x9e3779b97f4a7c15) return SectorKind::garbage;
  }
  return SectorKind::stamped;
}

}  // namespace ashlar::simulation
