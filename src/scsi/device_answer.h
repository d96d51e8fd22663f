// What a device's answer is to the host whose command it was. Pure.
#pragma once

#include "loop/scsi_device.h"
#include "scsi/sense.h"
#include "scsi/task.h"

namespace ashlar::scsi {

struct DeviceAnswer {
  ScsiStatus status = ScsiStatus::good;
  bool from_device = false;  ///< its own status, data and sense; else `sense` is ours
  Sense sense;               ///< with check_condition: ours, or the device's as far as we read it
};
/// `operation` has ended.
DeviceAnswer answer_of(const loop::ScsiOperation& operation);

/// Key and code of sense data of either format (SPC-4 4.5); NO SENSE for what is neither.
Sense read_sense(ConstBytes sense);
/// It tells of something that happened to the device, and not of this command: other initiators must hear of it (SPC-4 5.14).
bool is_attention(ConstBytes sense);
/// It is about a command that was answered before, of whichever initiator (SPC-4 4.5.6).
bool is_deferred(ConstBytes sense);

}  // namespace ashlar::scsi
