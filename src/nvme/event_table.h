// Which asynchronous events a host is still to be told of (NVMe base 2.0 5.2). Pure.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

namespace ashlar::nvme {

enum class Event : uint8_t {
  namespace_changed,  ///< NS attribute notice
  access_changed,     ///< ANA change
  discovery_changed,
  reservation,  ///< log page available
  sanitized,    ///< a sanitize of the subsystem has ended
};
constexpr size_t event_kinds = 5;

/// Each event is told once, and again only after its log page was read with RAE 0.
class EventTable {
 public:
  /// CDW11 of Set Features 0Bh: which a host wants. Reservation events have a mask of their own, and the
  /// end of a sanitize is always told.
  void configure(uint32_t wanted) { wanted_ = wanted; }
  uint32_t configuration() const { return wanted_; }
  void raise(Event event);
  /// DW0 of the completion of an Asynchronous Event Request; none: nothing is to be told now.
  std::optional<uint32_t> take();
  /// Its log page was read, and the event not retained: it told what was still to be told, too (5.2).
  void read(Event event) { told_[static_cast<size_t>(event)] = pending_[static_cast<size_t>(event)] = false; }
  void reset();

 private:
  bool wants(Event event) const;
  uint32_t wanted_ = 0;
  std::array<bool, event_kinds> pending_{}, told_{};
};

}  // namespace ashlar::nvme
