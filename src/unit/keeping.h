// The way from any shard to the keeper of units' records, who lives on the home shard, and back.
#pragma once

#include <string>

#include "unit/keeper.h"

namespace ashlar::unit {

/// What is to be done with the keeper, on the home shard.
using KeepWork = loop::Task<Result<void>> (*)(Keeper& keeper, Uuid unit, std::string text);

/// Runs `work` there and gives its outcome here, on the current loop.
loop::Task<Result<void>> keep_at_home(Keeper& keeper, KeepWork work, Uuid unit, std::string text);

}  // namespace ashlar::unit
