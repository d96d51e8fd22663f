// Short answers about the unit: READ MEDIA SERIAL NUMBER (SPC-4 6.19) and REPORT TIMESTAMP (6.38).
#include <algorithm>
#include <vector>

#include "scsi/handlers.h"

namespace ashlar::scsi {

void read_media_serial_number(Handling handling) {
  const std::string_view serial = std::string_view(handling.unit().identity().serial).substr(0, 36);
  std::vector<uint8_t> data(4 + (serial.size() + 3) / 4 * 4);  // a multiple of four, filled with nulls
  store_be32(data.data(), static_cast<uint32_t>(data.size() - 4));
  std::ranges::copy(bytes_of(serial), data.begin() + 4);
  handling.reply(data, load_be32(handling.cdb() + 6));
}

// SPC-4 5.2: milliseconds since 1970 in UTC. The clock is the system's, so that SET TIMESTAMP is not there.
void report_timestamp(Handling handling) {
  constexpr uint8_t set_by_other_means = 0x03;  // TIMESTAMP ORIGIN 011b
  uint8_t data[12] = {};
  store_be16(data, 10);
  data[2] = set_by_other_means;
  const auto milliseconds = static_cast<uint64_t>(handling.loop().wall_clock() / loop::milliseconds(1));
  store_be16(data + 4, static_cast<uint16_t>(milliseconds >> 32));
  store_be32(data + 6, static_cast<uint32_t>(milliseconds));
  handling.reply(data, load_be32(handling.cdb() + 6));
}

}  // namespace ashlar::scsi
