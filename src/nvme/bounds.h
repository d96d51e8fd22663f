// How large the controllers of a subsystem are. A controller keeps what it began with, whatever the document says later.
#pragma once

#include <cstdint>

namespace ashlar::nvme {

struct Bounds {
  uint16_t queue_entries = 128;       ///< of one queue, 2 to 1024
  uint16_t io_queues = 64;            ///< of one controller, 1 to 256
  uint32_t in_capsule_bytes = 8192;   ///< data behind a command, a multiple of 16; at most 65536
  uint8_t most_transfer_shift = 8;    ///< MDTS: 2^n pages of 4096 bytes
  uint16_t first_controller = 1;      ///< ids that its controllers get: no less than this
  uint16_t last_controller = 0xffef;  ///< and no more than this (NVMe base 2.0 5.17.2.1)
  uint32_t most_transfer_bytes() const { return 4096u << most_transfer_shift; }
  bool operator==(const Bounds&) const = default;
};

}  // namespace ashlar::nvme
