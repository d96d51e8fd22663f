// The command line of ashlar-engine.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/log.h"
#include "base/result.h"

namespace ashlar::engine {

struct ProgramOptions {
  std::string
      socket_path;  ///< $ASHLAR_SOCKET, else engine.sock in the state folder, else /run/ashlar/engine.sock
  std::string state_folder;   ///< absolute; empty: none
  std::string document_path;  ///< applied at start; empty: none
  uint32_t shards = 1;        ///< default: cores that this process may use
  uint32_t spin_microseconds = 0;
  uint32_t memory_mib = 192;  ///< data-path buffers of each shard
  uint32_t stop_grace_seconds = 10;
  LogLevel log_level = LogLevel::info;
  bool pin = false;  ///< shard i on the i-th core that this process may use
};

/// Nothing when help or the version was asked for, and printed.
Result<std::optional<ProgramOptions>> parse_options(int count, char** words);

}  // namespace ashlar::engine
