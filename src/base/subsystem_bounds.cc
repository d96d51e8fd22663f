#include "base/subsystem_bounds.h"

#include <bit>

namespace ashlar {
namespace {

constexpr uint32_t most_queues = 256, most_depth = 1024, most_capsule_bytes = 65536, capsule_step = 512;
constexpr uint32_t least_transfer = 4096, most_transfer = 8u << 20;
constexpr uint32_t last_id = 0xffef;  // NVMe base 2.0 5.17.2.1: what is above has a meaning in Connect

Result<void> within(uint32_t value, uint32_t least, uint32_t most, const std::string& place) {
  if (value >= least && value <= most) return {};
  return fail(ErrorCode::out_of_range, place, "{} is not within {} to {}", value, least, most);
}

}  // namespace

Result<void> check_subsystem_bounds(const SubsystemBounds& bounds, const std::string& place) {
  TRY(within(bounds.io_queues, 1, most_queues, place + "io_queues"));
  TRY(within(bounds.queue_depth, 2, most_depth, place + "queue_depth"));
  TRY(within(bounds.in_capsule_bytes, 0, most_capsule_bytes, place + "in_capsule_bytes"));
  if (bounds.in_capsule_bytes % capsule_step != 0)
    return fail(ErrorCode::invalid_argument, place + "in_capsule_bytes", "must be a multiple of {}",
                capsule_step);
  TRY(within(bounds.max_transfer_bytes, least_transfer, most_transfer, place + "max_transfer_bytes"));
  if (!std::has_single_bit(bounds.max_transfer_bytes))
    return fail(ErrorCode::invalid_argument, place + "max_transfer_bytes", "must be a power of two");
  TRY(within(bounds.first_controller_id, 1, last_id, place + "first_controller_id"));
  return within(bounds.last_controller_id, bounds.first_controller_id, last_id, place + "last_controller_id");
}

}  // namespace ashlar
