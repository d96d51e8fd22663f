// What SCSI remembers of a unit beyond its device, one truth for all nexuses of all shards.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/identity.h"
#include "scsi/rewrite_state.h"
#include "unit/reservations.h"

namespace ashlar::scsi {

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

  Rewriting rewrite;  ///< SANITIZE and FORMAT UNIT; resets and lost nexuses leave it alone

  /// Never null. Changed on the home shard alone, by change_reservations(); read on any.
  std::shared_ptr<const unit::Reservations> reservations() const {
    const std::lock_guard lock(mutex_);
    return reservations_;
  }
  void set_reservations(std::shared_ptr<const unit::Reservations> reservations) {
    const std::lock_guard lock(mutex_);
    reservations_ = std::move(reservations);
  }

  bool ready() const {
    return !stopped.load(std::memory_order_relaxed) && !ejected.load(std::memory_order_relaxed);
  }
  bool tells_nothing() const {
    return ready() && rewrite.phase() == Rewriting::Phase::idle && !descriptor_sense && !software_write_protect && prevents == 0 &&
           *reservations() == unit::Reservations();
  }
  /// SAM-5 6.3.3: mode parameters go back to their defaults, the unit is started; an ejected medium stays out.
  void reset() { descriptor_sense = software_write_protect = stopped = false; }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const unit::Reservations> reservations_ = std::make_shared<const unit::Reservations>();
};

/// By volume name. Control path, any thread.
class UnitStates {
 public:
  std::shared_ptr<UnitState> of(const std::string& volume, const Uuid& uuid, bool write_cache);
  /// Null when nobody has asked for it.
  std::shared_ptr<UnitState> find(const std::string& volume);

 private:
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<UnitState>> states_;
};

}  // namespace ashlar::scsi
