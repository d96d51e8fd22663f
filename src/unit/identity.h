// What a unit is to its hosts, for ever: fixed at creation, kept over restarts, resizes and heads.
#pragma once

#include <cstdint>
#include <string>

#include "base/identity.h"

namespace ashlar::unit {

struct Identity {
  std::string name;  ///< our own: the volume's resource name
  NaaName naa;       ///< SCSI designator, VPD 83h
  Eui64 eui64{};     ///< NVMe EUI-64, VPD 83h
  Uuid uuid{};
  std::string serial;              ///< VPD 80h, 1-36 ASCII characters
  std::string vendor = "ASHLAR";   ///< T10 vendor, up to 8 characters
  std::string product = "VOLUME";  ///< up to 16 characters
  std::string revision = "0001";   ///< up to 4 characters
};

/// What hosts take a unit for: which commands it has, and whether its medium may change.
enum class DeviceKind : uint8_t {
  disk,  ///< direct access: SBC
  cdrom,  ///< a CD or DVD drive: MMC; removable, read only, blocks of 2048 bytes, size_bytes 0 while it is empty
};

/// Sizes and behaviour as hosts see them. size_bytes alone may change while hosts look on.
struct Geometry {
  uint64_t size_bytes = 0;
  uint32_t block_bytes = 512;           ///< logical block: 512 or 4096; of a CD 2048
  uint8_t physical_block_exponent = 3;  ///< 2^n logical blocks per physical block
  bool thin = true;
  bool read_only = false;
  bool write_cache = false;  ///< off: every write is durable before it is answered
  bool rotational = false;
  bool removable = false;
  DeviceKind kind = DeviceKind::disk;

  uint64_t blocks() const { return size_bytes / block_bytes; }
  /// The `count` blocks from `lba` on lie on the medium. A range of no blocks may begin just behind the last one.
  bool holds(uint64_t lba, uint64_t count) const {
    const uint64_t all = blocks();
    return lba <= all && count <= all - lba;
  }
};

}  // namespace ashlar::unit
