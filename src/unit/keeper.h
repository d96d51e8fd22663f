// Where units keep what they must not forget, whatever becomes of this process or of its machine.
#pragma once

#include <memory>

#include "base/identity.h"
#include "base/result.h"
#include "loop/task.h"
#include "unit/reservations.h"

namespace ashlar::unit {

/// Lives longer than every unit that uses it. All calls on the home shard, one at a time for one unit.
class Keeper {
 public:
  virtual ~Keeper() = default;
  /// On stable storage when it answers well. After an error either state may be found at the next start.
  virtual loop::Task<Result<void>> keep(Uuid unit, std::shared_ptr<const Reservations> reservations) = 0;
};

}  // namespace ashlar::unit
