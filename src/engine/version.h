// What this build calls itself.
#pragma once

namespace ashlar::engine {

constexpr char engine_version[] = "0.1.0";

}  // namespace ashlar::engine
