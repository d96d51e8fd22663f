// One LUN of one nexus: the unit behind it, what the host has still to be told, and its tasks.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "loop/loop.h"
#include "scsi/task_set.h"
#include "scsi/unit_state.h"
#include "unit/host_view.h"

namespace ashlar::scsi {

/// The echo buffer of one nexus on one unit (READ BUFFER, WRITE BUFFER).
constexpr uint16_t echo_buffer_bytes = 4096;
/// The longest that commands wait for the end of a transition. Hosts give a command 30 s and more.
constexpr loop::Nanoseconds longest_hold = loop::seconds(20);
/// Commands of one nexus on one unit that wait so; one more is BUSY.
constexpr uint32_t most_held = 128;

/// What a device told another nexus, that waits for the next command of one nexus; of more the oldest go.
constexpr size_t most_news = 8;

/// Tells a device that nobody prevents the removal of its medium any more (pass_through.cc).
void let_medium_go(std::shared_ptr<unit::LogicalUnit> unit);

/// When a transition takes too long.
class HoldTimer final : public loop::Timer {
 public:
  explicit HoldTimer(LunState& lun) : lun_(lun) {}
  ~HoldTimer() { cancel(); }
  void start(loop::Loop& loop);
  void cancel();

 private:
  void expired() override;
  LunState& lun_;
  loop::Loop* loop_ = nullptr;
};

/// How an ACA condition (SAM-5 5.10) stands to one nexus on one unit.
enum class Allegiance : uint8_t {
  none,
  of_nexus,    ///< established by this nexus, whose task set is its own (TST 001b)
  of_set,      ///< established by this nexus, for the one task set of all (TST 000b)
  of_another,  ///< of that one task set, by another nexus
};

/// What GET EVENT STATUS NOTIFICATION has still to tell a host of a CD-ROM drive, as MMC-6 6.6.3.6 numbers it.
enum class MediaEvent : uint8_t { none = 0, eject_request = 1, new_media = 2, media_removal = 3 };

/// Lives until its last task has ended, also when the mapping is gone. `unit` is null for the two that are no units: the
/// well known logical unit and "nowhere" (LUNs that are not mapped).
struct LunState : unit::KeptOut {
  uint16_t lun = 0;
  unit::DeviceKind kind = unit::DeviceKind::disk;
  MediaEvent media_event = MediaEvent::none;
  bool read_only = false;  ///< this mapping
  bool well_known = false;
  bool is_device = false;   ///< the unit is a SCSI device of this machine: commands go to it as they are
  bool wrote = false;       ///< this nexus, to such a device: its deferred errors are of interest
  bool holds_unit = false;  ///< by RESERVE(6)
  unit::AccessState access = unit::AccessState::active_optimized;  ///< by the target port group of this nexus
  bool held_too_long = false;                ///< this transition: commands do not wait any more
  bool restrained = false;                   ///< by one of these at least: what every command looks at first
  Allegiance allegiance = Allegiance::none;  ///< else its tasks are frozen
  uint32_t allegiance_number = 0;            ///< SharedAllegiance::number; 0 for one of_nexus
  bool leaving = false;                      ///< its nexus or its mapping goes
  bool prevents = false;                     ///< this nexus prevents medium removal (SPC-4 6.15)
  std::string volume;
  std::shared_ptr<unit::LogicalUnit> unit;
  unit::ShardTally* tally = nullptr;  ///< the unit's, of this shard
  std::shared_ptr<UnitState> state;
  unit::AttentionQueue attentions;
  TaskSet tasks;
  std::vector<loop::ScsiSense>
      news;  ///< what such a device told another nexus, and has still to be told here; oldest first
  std::vector<uint8_t> echo;  ///< what WRITE BUFFER left, up to echo_buffer_bytes
  HoldTimer hold_timer{*this};

  /// Of nexus `name`, while `reservations` stand.
  void keep_out(const unit::Reservations& reservations, const unit::NexusName& name) {
    KeptOut::keep_out(reservations, name);
    holds_unit = reservations.unit_holder == name;
    restrain();
  }
  void take_access(unit::AccessState now) {
    if (now != access) held_too_long = false;
    access = now;
    restrain();
  }
  void restrain() { restrained = kept_from_writing || kept_out_wholly || !unit::is_active(access); }
  bool is_faulted() const { return allegiance == Allegiance::of_nexus || allegiance == Allegiance::of_set; }
  void freeze(Allegiance how, uint32_t number) {
    allegiance = how;
    allegiance_number = number;
    tasks.freeze();
  }
  void allow_removal() {
    if (!prevents) return;
    prevents = false;
    if (--state->prevents == 0 && is_device) let_medium_go(unit);
  }
};

}  // namespace ashlar::scsi
