// The command line of ashlard.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/result.h"

namespace ashlar::agent {

struct ProgramOptions {
  std::string state_folder;   ///< absolute
  std::string engine_socket;  ///< STATE/engine.sock
  std::string socket_path;    ///< of the API without TLS, for this machine: STATE/agent.sock
  std::string address = "::";
  uint16_t port = 8443;
  std::string user = "ashlar";  ///< whom it becomes when it starts as root; empty: it stays
  std::vector<std::string>
      server_names;  ///< in the server's certificate, beside localhost and this machine's name
  LogLevel log_level = LogLevel::info;
};

/// Nothing when help or the version was asked for, and printed.
Result<std::optional<ProgramOptions>> parse_options(int count, char** words);

}  // namespace ashlar::agent
