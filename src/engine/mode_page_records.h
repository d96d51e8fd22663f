// Saved mode pages on disk: a record a unit, written before MODE SELECT with SP is answered.
#pragma once

#include <string>

#include "base/identity.h"
#include "engine/turnstile.h"
#include "loop/task.h"

namespace ashlar::engine {

/// Shard 0 only; outlives every unit.
class ModePageRecords {
 public:
  /// `folder` is there, and is nobody else's.
  explicit ModePageRecords(std::string folder) : folder_(std::move(folder)) {}
  /// On stable storage when it answers well; one after the other, `exhausted` when too many wait.
  loop::Task<Result<void>> keep(Uuid unit, std::string text);
  /// Empty: nothing was kept, or it cannot be read (the log says so): the unit then begins with its defaults.
  loop::Task<std::string> recall(Uuid unit);

 private:
  std::string folder_;
  Turnstile turnstile_{64};
};

}  // namespace ashlar::engine
