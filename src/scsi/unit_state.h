// What SCSI remembers of a unit beyond its device, one truth for all nexuses of all shards.
#pragma once

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/identity.h"
#include "loop/time.h"
#include "scsi/application_log.h"
#include "scsi/identifying_information.h"
#include "scsi/saved_mode_pages.h"
#include "unit/governor.h"

namespace ashlar::scsi {

using unit::Rewriting;

struct ReservationChange;

/// An ACA condition of the one task set of all nexuses (SAM-5 5.10, TST 000b).
struct SharedAllegiance {
  uint32_t number = 0;                   ///< no two of a unit have the same
  const unit::Nexus* faulted = nullptr;  ///< who established it: compared, never followed
  unit::NexusName name;
};

/// Read by every command (relaxed loads), changed by few. Lives as long as a nexus maps the unit or it says something.
struct UnitState final : unit::UnitRules {
  UnitState(const Uuid& of, bool write_cache, loop::Instant now)
      : uuid(of), default_write_cache(write_cache), since(now) {}
  const Uuid uuid;                                   ///< a volume made anew under an old name starts afresh
  std::atomic<bool> default_write_cache;             ///< WCE as configured: the default of mode page 08h
  std::atomic<bool> host_write_cache = false;        ///< a host has switched it: it is not the default
  const loop::Instant since;                         ///< when its first host came
  ApplicationLog application_log;                    ///< log page 0Fh
  std::atomic<bool> descriptor_sense = false;        ///< D_SENSE, mode page 0Ah
  std::atomic<bool> software_write_protect = false;  ///< SWP, mode page 0Ah
  std::atomic<bool> separate_task_sets = false;      ///< TST, mode page 0Ah
  std::atomic<bool> task_aborted_status = true;      ///< TAS, mode page 0Ah
  std::atomic<QueueErrors> queue_errors = QueueErrors::ignored;  ///< QERR, mode page 0Ah
  std::atomic<AttentionInterlock> attention_interlock = AttentionInterlock::none;
  std::atomic<bool> threshold_enabled = true;     ///< mode page 1Ch/02h
  std::atomic<bool> timestamp_by_hosts = true;    ///< SCSIP, mode page 0Ah/01h
  std::atomic<bool> timestamp_set = false;        ///< by SET TIMESTAMP
  std::atomic<int64_t> timestamp_offset_ms = 0;   ///< from the loop's clock; with timestamp_set
  std::atomic<bool> information_changes = false;  ///< SET IDENTIFYING INFORMATION is being kept
  std::atomic<bool> stopped = false;              ///< START STOP UNIT with START 0
  std::atomic<bool> ejected = false;    ///< removable media only; of a CD-ROM drive: the tray is open
  std::atomic<bool> has_tray = false;   ///< a CD-ROM drive
  std::atomic<bool> no_medium = false;  ///< of a CD-ROM drive: the array has put nothing in
  std::atomic<uint32_t> prevents = 0;   ///< nexuses that prevent medium removal

  /// Never null. Changed on the home shard alone, by change_reservations(); read on any.
  std::shared_ptr<const unit::Reservations> reservations() const override {
    const std::lock_guard lock(mutex_);
    return reservations_;
  }
  void set_reservations(std::shared_ptr<const unit::Reservations> reservations) {
    const std::lock_guard lock(mutex_);
    reservations_ = std::move(reservations);
  }

  // Home shard only: changes that wait for the one before them, which is being written down.
  std::deque<std::shared_ptr<ReservationChange>> waiting_changes;
  bool changing = false;

  /// Of mode page 1Ch/02h; none: what the array says.
  std::optional<uint32_t> threshold_sets() const {
    const std::lock_guard lock(mutex_);
    return threshold_sets_;
  }
  void set_threshold_sets(std::optional<uint32_t> sets) {
    const std::lock_guard lock(mutex_);
    threshold_sets_ = sets;
  }
  std::optional<ModeParameters> saved_mode_parameters() const {
    const std::lock_guard lock(mutex_);
    return saved_;
  }
  void save(const ModeParameters& parameters) {
    const std::lock_guard lock(mutex_);
    saved_ = parameters;
  }
  /// Never null. Changed on the home shard alone, by change_access() and Domain::set_access(); read on any.
  std::shared_ptr<const unit::AccessStates> access() const override {
    const std::lock_guard lock(mutex_);
    return access_;
  }
  void set_access(std::shared_ptr<const unit::AccessStates> access) {
    const std::lock_guard lock(mutex_);
    access_ = std::move(access);
  }

  bool write_protected() const override { return software_write_protect.load(std::memory_order_relaxed); }

  IdentifyingInformation identifying_information() const {
    const std::lock_guard lock(mutex_);
    return identifying_information_;
  }
  void set_identifying_information(IdentifyingInformation information) {
    const std::lock_guard lock(mutex_);
    identifying_information_ = std::move(information);
  }
  std::optional<SharedAllegiance> allegiance() const {
    const std::lock_guard lock(mutex_);
    return allegiance_;
  }
  /// Gives that of `faulted`, or that of another nexus, which came first.
  SharedAllegiance begin_allegiance(const unit::Nexus& faulted);
  /// Nothing when another one stands by now.
  void end_allegiance(uint32_t number);

  bool ready() const {
    return !stopped.load(std::memory_order_relaxed) && !ejected.load(std::memory_order_relaxed) &&
           !no_medium.load(std::memory_order_relaxed);
  }
  bool tells_nothing() const {
    return !stopped && !ejected && !host_write_cache && rewrite.phase() == Rewriting::Phase::idle &&
           rewrite.sanitized() == unit::SanitizeRecord() && rewrite_history.empty() && !descriptor_sense &&
           !software_write_protect && !separate_task_sets && task_aborted_status &&
           queue_errors == QueueErrors::ignored && attention_interlock == AttentionInterlock::none &&
           threshold_enabled && !threshold_sets() && !saved_mode_parameters() && prevents == 0 &&
           application_log.empty() && timestamp_by_hosts && !timestamp_set &&
           identifying_information().empty() && *reservations() == unit::Reservations() &&
           *access() == unit::AccessStates();
  }

 private:
  mutable std::mutex mutex_;
  std::optional<uint32_t> threshold_sets_;
  std::optional<ModeParameters> saved_;
  std::optional<SharedAllegiance> allegiance_;
  IdentifyingInformation identifying_information_;
  uint32_t allegiances_ = 0;  // begun so far
  std::shared_ptr<const unit::Reservations> reservations_ = std::make_shared<const unit::Reservations>();
  std::shared_ptr<const unit::AccessStates> access_ = std::make_shared<const unit::AccessStates>();
};

/// By volume name. Control path, any thread.
class UnitStates {
 public:
  std::shared_ptr<UnitState> of(const std::string& volume, const Uuid& uuid, bool write_cache,
                                loop::Instant now);
  /// Null when nobody has asked for it.
  std::shared_ptr<UnitState> find(const std::string& volume);
  /// Volumes whose access states are those of `group`.
  std::map<std::string, std::shared_ptr<UnitState>> of_group(const std::string& group);

 private:
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<UnitState>> states_;
};

}  // namespace ashlar::scsi
