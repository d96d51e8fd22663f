// READ CAPACITY(10) and (16), SBC-3 5.15 and 5.16.
#include <algorithm>

#include "scsi/handlers.h"

namespace ashlar::scsi {

void read_capacity_10(Handling handling) {
  const unit::Geometry geometry = handling.unit().geometry();
  const uint64_t last = geometry.blocks() - 1;
  uint8_t data[8];
  store_be32(data,
             static_cast<uint32_t>(std::min<uint64_t>(last, UINT32_MAX)));  // all ones: ask READ CAPACITY(16)
  store_be32(data + 4, geometry.block_bytes);
  handling.reply(data, sizeof data);
}

void read_capacity_16(Handling handling) {
  const unit::Geometry geometry = handling.unit().geometry();
  uint8_t data[32] = {};
  store_be64(data, geometry.blocks() - 1);
  store_be32(data + 8, geometry.block_bytes);
  data[13] = geometry.physical_block_exponent & 0x0f;
  if (is_thin(handling.unit()))
    data[14] = handling.unit().limits().discard_zeroes ? 0xc0 : 0x80;  // LBPME, LBPRZ
  handling.reply(data, load_be32(handling.cdb() + 10));
}

}  // namespace ashlar::scsi
