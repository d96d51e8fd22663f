// READ MEDIA SERIAL NUMBER (SPC-4 6.19).
#include <algorithm>
#include <vector>

#include "scsi/handlers.h"

namespace ashlar::scsi {

void read_media_serial_number(Handling handling) {
  const std::string_view serial = std::string_view(handling.unit().identity().serial).substr(0, 36);
  std::vector<uint8_t> data(4 + (serial.size() + 3) / 4 * 4);  // a multiple of four, filled with nulls
  store_be32(data.data(), static_cast<uint32_t>(data.size() - 4));
  std::ranges::copy(ashlar::bytes_of(serial), data.begin() + 4);
  handling.reply(data, load_be32(handling.cdb() + 6));
}

}  // namespace ashlar::scsi
