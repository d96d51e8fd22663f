// What the admin queue of a controller knows beside its commands: features, events that the host is still to hear of, keep-alive.
#pragma once

#include <array>
#include <deque>
#include <map>
#include <set>
#include <vector>

#include "loop/timer.h"
#include "nvme/command.h"
#include "nvme/event_table.h"
#include "unit/nexus.h"
#include "wire/nvme_log.h"

namespace ashlar::nvme {

class Queue;

/// AERL + 1.
constexpr size_t most_event_requests = 4;

/// What Set Features has set, defaults first (NVMe base 2.0 5.27).
struct Features {
  uint32_t arbitration = 0;
  uint32_t power_state = 0;
  uint32_t temperature_threshold = 358;
  uint32_t error_recovery = 0;
  uint32_t write_atomicity = 0;
  uint32_t io_queues = 0;  ///< granted, from 1; 0: not asked for
  std::array<uint8_t, 512> host_behavior{};
  uint64_t timestamp_milliseconds = 0;  ///< as the host set it
  bool timestamp_set = false;
  loop::Instant timestamp_at;                      ///< when it did, or when the controller began
  std::map<uint32_t, uint32_t> reservation_masks;  ///< by namespace
};

/// Of one admin queue, on its shard.
class Administration final : private loop::Timer {
 public:
  Administration(Queue& queue, uint32_t keep_alive_milliseconds);
  ~Administration();

  Features features;
  EventTable events;
  /// The Persistent Event log page as it was when the host established its context; empty: there is none.
  std::vector<uint8_t> event_context;
  loop::Instant reset_at;  ///< or when the controller began
  uint32_t keep_alive_milliseconds() const { return keep_alive_milliseconds_; }
  void set_keep_alive(uint32_t milliseconds);

  void raise(Event event);
  void namespace_changed(uint32_t namespace_id);
  void access_changed(uint32_t namespace_id);
  void reservation_changed(uint32_t namespace_id, unit::Attention attention);
  /// Holds an Asynchronous Event Request until there is something to tell. False: there are enough of them.
  bool hold(Command& request);
  void forget(const Command& request);
  /// The way to a command of this queue that waits for somebody else: null from the moment that it ends.
  struct HeldAnswer {
    Command* command = nullptr;
  };
  std::shared_ptr<HeldAnswer> hold_answer(Command& command);
  /// Tells what there is to tell, as long as there are requests to tell it with.
  void tell();

  /// For the log pages. Taking empties the list.
  std::vector<uint32_t> take_changed_namespaces(bool retain);
  struct Notice {
    uint32_t namespace_id = 0;
    wire::nvme::ReservationNotice kind = wire::nvme::ReservationNotice::none;
  };
  struct NoticePage {
    uint64_t count = 0;
    Notice notice;
    size_t more = 0;
  };
  NoticePage take_reservation_notice(bool retain);
  uint64_t access_changes() const { return access_changes_; }
  uint64_t access_changes_of(uint32_t namespace_id) const;

  /// CC.EN 0: as at the start. Requests that are held end.
  void reset();
  void stop();

 private:
  static constexpr size_t most_notices = 64;
  void expired() override;
  void arm();

  Queue& queue_;
  uint32_t keep_alive_milliseconds_;
  std::vector<Command*> requests_;  // held, oldest first
  std::vector<std::shared_ptr<HeldAnswer>> held_answers_;
  std::set<uint32_t> changed_namespaces_;
  std::deque<Notice> notices_;
  uint64_t notice_count_ = 0;
  uint64_t access_changes_ = 0;
  std::map<uint32_t, uint64_t> access_changes_of_;
};

}  // namespace ashlar::nvme
