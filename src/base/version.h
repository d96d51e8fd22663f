// Which Ashlar this is: one number for all its programs.
#pragma once

namespace ashlar {

constexpr const char* ashlar_version = "0.1.0";

}  // namespace ashlar
