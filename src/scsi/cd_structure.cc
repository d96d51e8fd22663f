// READ DVD STRUCTURE (MMC-6 6.22): what stands in the lead-in of a DVD-ROM.
#include <array>
#include <vector>

#include "scsi/cd_medium.h"
#include "scsi/handlers.h"

namespace ashlar::scsi {
namespace {

enum class DvdStructure : uint8_t { physical = 0x00, copyright = 0x01, manufacturing = 0x04, list = 0xff };

struct Listed {
  DvdStructure format;
  uint16_t bytes;  // with the header
};
constexpr Listed listed[] = {{DvdStructure::physical, 4 + 2048},
                             {DvdStructure::copyright, 4 + 4},
                             {DvdStructure::manufacturing, 4 + 2048}};

// One layer of a pressed disc of 120 mm, whose data begin at sector 30000h. The addresses have 24 bits: of a medium that is
// longer they tell the end of what they can.
void physical_format(uint32_t blocks, Bytes out) {
  constexpr uint32_t first_sector = 0x030000, last_address = 0xffffff;
  const uint64_t last = std::min<uint64_t>(uint64_t{first_sector} + blocks - 1, last_address);
  out[0] = 0x01;  // DVD-ROM, part version 1
  out[1] = 0x0f;  // 120 mm, MAXIMUM RATE not specified
  out[2] = 0x01;  // one layer, embossed
  store_be24(&out[5], first_sector);
  store_be24(&out[9], static_cast<uint32_t>(last));
}

}  // namespace

void read_dvd_structure(Handling handling) {
  const uint8_t* cdb = handling.cdb();
  const uint32_t blocks = blocks_of_medium(handling);
  if ((cdb[1] & 0x0f) != 0) return handling.fail(Sense::invalid_cdb_field(1, 3));  // MEDIA TYPE: BD
  if (profile_of(blocks) != CdProfile::dvd_rom)
    return handling.fail(
        Sense::of(SenseKey::illegal_request, 0x3002));  // CANNOT READ MEDIUM - INCOMPATIBLE FORMAT
  if (cdb[6] != 0) return handling.fail(Sense::invalid_cdb_field(6));  // LAYER NUMBER
  std::vector<uint8_t> data(4);
  if (cdb[7] == static_cast<uint8_t>(DvdStructure::list)) {
    for (const Listed& each : listed) {
      uint8_t descriptor[4] = {static_cast<uint8_t>(each.format), 0x40};  // RDS: this command reads it
      store_be16(descriptor + 2, each.bytes);
      data.insert(data.end(), descriptor, descriptor + sizeof descriptor);
    }
  } else {
    const auto* found = std::ranges::find(
        listed, cdb[7], [](const Listed& each) { return static_cast<uint8_t>(each.format); });
    if (found == std::end(listed)) return handling.fail(Sense::invalid_cdb_field(7));
    data.resize(found->bytes);  // no protection system, and nothing of the manufacturer's
    if (found->format == DvdStructure::physical) physical_format(blocks, Bytes(data).subspan(4));
  }
  store_be16(data.data(), static_cast<uint16_t>(data.size() - 2));
  handling.reply(data, load_be16(cdb + 8));
}

}  // namespace ashlar::scsi
