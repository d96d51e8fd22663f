// Where units keep what they must not forget, whatever becomes of this process or of its machine.
#pragma once

#include <memory>
#include <string>

#include "base/identity.h"
#include "base/result.h"
#include "loop/task.h"
#include "unit/reservations.h"

namespace ashlar::unit {

/// Lives longer than every unit that uses it. All calls on the home shard; one at a time for one unit's reservations. On stable
/// storage when it answers well; after an error either state may be found at the next start.
class Keeper {
 public:
  virtual ~Keeper() = default;
  virtual loop::Task<Result<void>> keep(Uuid unit, std::shared_ptr<const Reservations> reservations) = 0;
  /// What a host had saved of how the unit behaves, as a line of text that only the protocol understands.
  virtual loop::Task<Result<void>> keep_mode_parameters(Uuid unit, std::string text) = 0;
  /// What the unit is if the rewriting of its whole medium is not heard of again; empty: nothing, it is over.
  virtual loop::Task<Result<void>> keep_rewrite(Uuid unit, std::string text) = 0;
  /// What hosts wrote down about the unit, as keep_mode_parameters(); empty: nothing.
  virtual loop::Task<Result<void>> keep_identifying_information(Uuid unit, std::string text) = 0;
};

/// What was kept of one unit.
struct Recalled {
  Reservations reservations;
  std::string mode_parameters;          ///< empty: none
  std::string rewrite;                  ///< of a rewriting that did not end well; empty: none
  std::string identifying_information;  ///< empty: none
};

}  // namespace ashlar::unit
