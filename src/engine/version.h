// What this build calls itself.
#pragma once

#include "base/version.h"

namespace ashlar::engine {

constexpr const char* engine_version = ashlar_version;

}  // namespace ashlar::engine
