#include "loop/scsi_device.h"

#include <string_view>

namespace ashlar::loop {
namespace {

constexpr size_t inquiry_bytes = 36;
constexpr uint32_t disk_depth = 16;  // the SCSI generic driver takes no more of one open file

std::string text_of(ConstBytes field) {
  std::string text;
  for (const uint8_t byte : field) text += byte >= 0x20 && byte < 0x7f ? static_cast<char>(byte) : ' ';
  text.erase(text.find_last_not_of(' ') + 1);
  return text;
}

}  // namespace

ScsiSense fixed_sense(uint8_t key, uint16_t code, bool deferred) {
  ScsiSense sense;
  sense.length = 18;
  sense.bytes[0] = deferred ? 0x71 : 0x70;
  sense.bytes[2] = key;
  sense.bytes[7] = 18 - 8;
  store_be16(sense.bytes.data() + 12, code);
  return sense;
}

bool read_inquiry(ConstBytes data, ScsiDevice::Traits& traits) {
  if (data.size() < inquiry_bytes) return false;
  traits.device_type = data[0] & 0x1f;
  traits.removable = (data[1] & 0x80) != 0;
  traits.vendor = text_of(data.subspan(8, 8));
  traits.product = text_of(data.subspan(16, 16));
  traits.revision = text_of(data.subspan(32, 4));
  return true;
}

// Direct access, optical, RBC. Zoned disks want their writes in order.
uint32_t depth_of(uint8_t device_type) {
  const bool disk = device_type == 0x00 || device_type == 0x07 || device_type == 0x0e;
  return disk ? disk_depth : 1;
}

}  // namespace ashlar::loop
