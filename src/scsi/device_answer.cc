#include "scsi/device_answer.h"

#include <cerrno>
#include <optional>

namespace ashlar::scsi {
namespace {

constexpr uint16_t does_not_respond = 0x0500;         // LOGICAL UNIT DOES NOT RESPOND TO SELECTION
constexpr uint16_t timed_out_in_processing = 0x2e02;  // COMMAND TIMEOUT DURING PROCESSING
constexpr uint16_t cleared_by_server = 0x2f02;
constexpr uint16_t internal_failure = 0x4400;

DeviceAnswer ours(SenseKey key, uint16_t code) {
  return {.status = ScsiStatus::check_condition, .from_device = false, .sense = Sense::of(key, code)};
}
DeviceAnswer ours(ScsiStatus status) { return {.status = status, .from_device = false, .sense = {}}; }

DeviceAnswer refused_by_kernel(int error) {
  switch (error) {
    case EBUSY:
    case EAGAIN:
    case EDOM:  // the driver's own queue is full
    case ENOMEM: return ours(ScsiStatus::busy);
    case EINVAL:
    case EPERM: return ours(SenseKey::illegal_request, 0x2400);
    case ENODEV:
    case ENXIO: return ours(SenseKey::hardware_error, does_not_respond);
    case ESHUTDOWN: return ours(SenseKey::aborted_command, cleared_by_server);  // the volume closes
    default: return ours(SenseKey::hardware_error, internal_failure);
  }
}

std::optional<ScsiStatus> known_status(uint8_t status) {
  switch (const auto known = static_cast<ScsiStatus>(status)) {
    case ScsiStatus::good:
    case ScsiStatus::check_condition:
    case ScsiStatus::condition_met:
    case ScsiStatus::busy:
    case ScsiStatus::reservation_conflict:
    case ScsiStatus::task_set_full:
    case ScsiStatus::task_aborted: return known;
    case ScsiStatus::aca_active: break;  // nobody here may have asked for it
  }
  return {};
}

}  // namespace

DeviceAnswer answer_of(const loop::ScsiOperation& operation) {
  if (operation.error != 0) return refused_by_kernel(operation.error);
  switch (operation.delivery) {
    case loop::ScsiDelivery::answered: break;
    case loop::ScsiDelivery::try_later: return ours(ScsiStatus::busy);
    case loop::ScsiDelivery::no_device: return ours(SenseKey::hardware_error, does_not_respond);
    case loop::ScsiDelivery::timed_out: return ours(SenseKey::aborted_command, timed_out_in_processing);
    case loop::ScsiDelivery::reset: return ours(SenseKey::aborted_command, cleared_by_server);
    case loop::ScsiDelivery::failed: return ours(SenseKey::hardware_error, internal_failure);
  }
  const std::optional<ScsiStatus> status = known_status(operation.status);
  if (!status) return ours(SenseKey::hardware_error, internal_failure);
  // Without sense data nobody knows what was wrong.
  if (*status == ScsiStatus::check_condition && operation.sense.length == 0)
    return ours(SenseKey::hardware_error, internal_failure);
  return {.status = *status, .from_device = true, .sense = read_sense(operation.sense.view())};
}

Sense read_sense(ConstBytes sense) {
  if (sense.size() < 4) return {};
  const uint8_t format = sense[0] & 0x7f;
  if (format == 0x72 || format == 0x73)
    return Sense::of(static_cast<SenseKey>(sense[1] & 0x0f), load_be16(sense.data() + 2));
  if (format != 0x70 && format != 0x71) return {};
  const uint16_t code = sense.size() >= 14 ? load_be16(sense.data() + 12) : uint16_t{0};
  return Sense::of(static_cast<SenseKey>(sense[2] & 0x0f), code);
}

bool is_deferred(ConstBytes sense) {
  const uint8_t format = sense.empty() ? 0 : sense[0] & 0x7f;
  return format == 0x71 || format == 0x73;
}

bool is_attention(ConstBytes sense) {
  return !is_deferred(sense) && read_sense(sense).key == SenseKey::unit_attention;
}

}  // namespace ashlar::scsi
