#include "nvme/event_table.h"

namespace ashlar::nvme {
namespace {

constexpr uint32_t notice = 2, command_set_specific = 6;

// Figures 146 to 149: type in bits 2:0, information in 15:8, log page in 23:16.
uint32_t word_of(Event event) {
  switch (event) {
    case Event::namespace_changed: return notice | 0x00 << 8 | 0x04 << 16;
    case Event::access_changed: return notice | 0x03 << 8 | 0x0c << 16;
    case Event::discovery_changed: return notice | 0xf0 << 8 | 0x70 << 16;
    case Event::reservation: return command_set_specific | 0x00 << 8 | 0x80 << 16;
    case Event::sanitized: return command_set_specific | 0x01 << 8 | 0x81 << 16;
  }
  return 0;
}

}  // namespace

bool EventTable::wants(Event event) const {
  switch (event) {
    case Event::namespace_changed: return (wanted_ & 1u << 8) != 0;
    case Event::access_changed: return (wanted_ & 1u << 11) != 0;
    case Event::discovery_changed: return (wanted_ & 1u << 31) != 0;
    case Event::reservation:
    case Event::sanitized: return true;
  }
  return false;
}

void EventTable::raise(Event event) {
  if (wants(event)) pending_[static_cast<size_t>(event)] = true;
}

std::optional<uint32_t> EventTable::take() {
  for (size_t i = 0; i < event_kinds; ++i) {
    if (!pending_[i] || told_[i]) continue;
    pending_[i] = false;
    told_[i] = true;
    return word_of(static_cast<Event>(i));
  }
  return std::nullopt;
}

void EventTable::reset() {
  wanted_ = 0;
  pending_ = {};
  told_ = {};
}

}  // namespace ashlar::nvme
