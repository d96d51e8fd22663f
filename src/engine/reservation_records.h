// Registrations and reservations on disk: a record a unit, written before the command that changes them is answered.
#pragma once

#include <string>

#include "unit/keeper.h"

namespace ashlar::engine {

/// Every registration outlives the engine; a power cycle (another `boot_id`) only those that were made with APTPL (SPC-4
/// 5.12.5). Shard 0 only.
class ReservationRecords final : public unit::Keeper {
 public:
  /// `folder` is there, and is nobody else's.
  ReservationRecords(std::string folder, std::string boot_id)
      : folder_(std::move(folder)), boot_id_(std::move(boot_id)) {}
  loop::Task<Result<void>> keep(Uuid unit, std::shared_ptr<const unit::Reservations> reservations) override;
  /// What was kept of a unit, nothing being a state too. `lost` when it cannot be read or understood: nobody writes to that unit
  /// then until one says REPLACE LOST RESERVATION, for the one who held it may still believe that it does.
  loop::Task<unit::Reservations> recall(Uuid unit);

 private:
  std::string path_of(const Uuid& unit) const;

  std::string folder_;
  std::string boot_id_;
};

/// The text of a record and back. Pure.
std::string reservations_text(const unit::Reservations& reservations, const std::string& boot_id);
Result<unit::Reservations> parse_reservations(const std::string& text, const std::string& boot_id);

}  // namespace ashlar::engine
