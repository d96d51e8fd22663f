// The version of the command line.
#pragma once

#include "base/version.h"

namespace ashlar::cli {

constexpr const char* program_version = ashlar_version;

}  // namespace ashlar::cli
