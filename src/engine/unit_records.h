// What units must not forget, on disk: a record each, written before the command that changes it is answered.
#pragma once

#include <string>

#include "engine/turnstile.h"
#include "unit/keeper.h"

namespace ashlar::engine {

/// Every registration outlives the engine; a power cycle (another `boot_id`) only those that were made with APTPL (SPC-4
/// 5.12.5). Shard 0 only.
class UnitRecords final : public unit::Keeper {
 public:
  /// In the state folder, to be there before the first record, and nobody else's.
  static constexpr const char* folders[] = {"reservations", "mode-parameters", "rewrites",
                                            "identifying-information"};
  UnitRecords(std::string state_folder, std::string boot_id)
      : state_folder_(std::move(state_folder)), boot_id_(std::move(boot_id)) {}
  loop::Task<Result<void>> keep(Uuid unit, std::shared_ptr<const unit::Reservations> reservations) override;
  loop::Task<Result<void>> keep_mode_parameters(Uuid unit, std::string text) override;
  loop::Task<Result<void>> keep_rewrite(Uuid unit, std::string text) override;
  loop::Task<Result<void>> keep_identifying_information(Uuid unit, std::string text) override;
  /// What was kept of a unit, nothing being a state too. Reservations are `lost` when they cannot be read or understood: nobody
  /// writes to that unit then until one says REPLACE LOST RESERVATION, for the one who held it may still believe that it does.
  /// Mode parameters and identifying information that cannot be read are none. A rewriting that cannot be read is "?": nobody
  /// knows whether it ended.
  loop::Task<unit::Recalled> recall(Uuid unit);
  /// Removes all that was kept of a unit which never comes back; nothing being there is well. On an error some may be left: ask
  /// again. Not while the unit is open.
  loop::Task<Result<void>> forget(Uuid unit);

 private:
  loop::Task<unit::Reservations> recall_reservations(Uuid unit);
  loop::Task<Result<void>> keep_in_turn(Turnstile& turnstile, std::string path, std::string text);
  loop::Task<std::string> recall_text(const char* folder, Uuid unit, const char* what);
  std::string path_of(const char* folder, const Uuid& unit) const;

  std::string state_folder_;
  std::string boot_id_;
  Turnstile mode_parameters_{1024};  // hosts of one unit may save at once
  Turnstile identifying_information_{1024};
};

/// The text of a record and back. Pure.
std::string reservations_text(const unit::Reservations& reservations, const std::string& boot_id);
Result<unit::Reservations> parse_reservations(const std::string& text, const std::string& boot_id);

}  // namespace ashlar::engine
