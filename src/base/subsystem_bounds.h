// How large the controllers of an NVMe subsystem may be, as people say it: one check for the API and for the engine's document.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace ashlar {

struct SubsystemBounds {
  uint16_t io_queues = 64;                 ///< of one controller, 1 to 256
  uint16_t queue_depth = 128;              ///< commands of one queue, 2 to 1024
  uint32_t in_capsule_bytes = 8192;        ///< data behind a command, 0 to 65536, a multiple of 512
  uint32_t max_transfer_bytes = 1u << 20;  ///< of one command (MDTS), a power of two from 4096 to 8 MiB
  uint16_t first_controller_id = 1;        ///< ids that its controllers get, 1 to 65519
  uint16_t last_controller_id = 0xffef;
  bool operator==(const SubsystemBounds&) const = default;
};

/// `place` stands before the name of the field that is wrong: "targets[0].nvme.".
Result<void> check_subsystem_bounds(const SubsystemBounds& bounds, const std::string& place);

}  // namespace ashlar
