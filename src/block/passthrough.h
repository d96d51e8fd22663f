// What stands behind a volume that is no block device but a SCSI device of this machine: it takes whole commands.
#pragma once

#include <cstdint>

#include "loop/scsi_device.h"

namespace ashlar::block {

/// Commands that may harm a device or its data for good, which a host may send only where the administrator says so.
struct PassthroughPolicy {
  bool firmware = false;        ///< WRITE BUFFER that downloads microcode
  bool format = false;          ///< FORMAT UNIT and SANITIZE, of disks
  bool diagnostics = false;     ///< SEND DIAGNOSTIC beyond the default self-test
  bool ata = false;             ///< ATA PASS-THROUGH, which can do anything to the disk behind a bridge
  loop::Nanoseconds timeout{};  ///< of a command that is not long by nature; 0: by the kind of device
};

/// One shard's channel.
class Passthrough {
 public:
  virtual ~Passthrough() = default;
  virtual const loop::ScsiDevice::Traits& traits() const = 0;
  virtual const PassthroughPolicy& policy() const = 0;
  /// As ScsiDevice::submit().
  virtual void submit(loop::ScsiOperation& operation) = 0;
  /// It has ended: for the counters, and for the state of the volume.
  virtual void ended(const loop::ScsiOperation& operation) = 0;
};

}  // namespace ashlar::block
