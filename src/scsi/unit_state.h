// What SCSI remembers of a unit beyond its device, one truth for all nexuses of all shards.
#pragma once

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/identity.h"
#include "unit/access.h"
#include "unit/reservations.h"

namespace ashlar::scsi {

struct ReservationChange;

/// Read by every command (relaxed loads), changed by few. Lives as long as a nexus maps the unit or it says something.
struct UnitState {
  UnitState(const Uuid& of, bool write_cache) : uuid(of), default_write_cache(write_cache) {}
  const Uuid uuid;                                   ///< a volume made anew under an old name starts afresh
  const bool default_write_cache;                    ///< WCE as configured: the default of mode page 08h
  std::atomic<bool> descriptor_sense = false;        ///< D_SENSE, mode page 0Ah
  std::atomic<bool> software_write_protect = false;  ///< SWP, mode page 0Ah
  std::atomic<bool> stopped = false;                 ///< START STOP UNIT with START 0
  std::atomic<bool> ejected = false;                 ///< removable media only
  std::atomic<uint32_t> prevents = 0;                ///< nexuses that prevent medium removal

  /// Never null. Changed on the home shard alone, by change_reservations(); read on any.
  std::shared_ptr<const unit::Reservations> reservations() const {
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

  /// Never null. Changed on the home shard alone, by change_access() and Domain::set_access(); read on any.
  std::shared_ptr<const unit::AccessStates> access() const {
    const std::lock_guard lock(mutex_);
    return access_;
  }
  void set_access(std::shared_ptr<const unit::AccessStates> access) {
    const std::lock_guard lock(mutex_);
    access_ = std::move(access);
  }

  bool ready() const {
    return !stopped.load(std::memory_order_relaxed) && !ejected.load(std::memory_order_relaxed);
  }
  bool tells_nothing() const {
    return ready() && !descriptor_sense && !software_write_protect && prevents == 0 &&
           *reservations() == unit::Reservations() && *access() == unit::AccessStates();
  }
  /// SAM-5 6.3.3: mode parameters go back to their defaults, the unit is started; an ejected medium stays out.
  void reset() { descriptor_sense = software_write_protect = stopped = false; }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const unit::Reservations> reservations_ = std::make_shared<const unit::Reservations>();
  std::shared_ptr<const unit::AccessStates> access_ = std::make_shared<const unit::AccessStates>();
};

/// By volume name. Control path, any thread.
class UnitStates {
 public:
  std::shared_ptr<UnitState> of(const std::string& volume, const Uuid& uuid, bool write_cache);
  /// Null when nobody has asked for it.
  std::shared_ptr<UnitState> find(const std::string& volume);
  /// Volumes whose access states are those of `group`.
  std::map<std::string, std::shared_ptr<UnitState>> of_group(const std::string& group);

 private:
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<UnitState>> states_;
};

}  // namespace ashlar::scsi
