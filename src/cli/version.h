// The version of the command line.
#pragma once

namespace ashlar::cli {

constexpr char program_version[] = "0.1.0";

}  // namespace ashlar::cli
