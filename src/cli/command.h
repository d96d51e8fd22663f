// What every command of `ashlar` is given, and what it gives back.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cli/table.h"
#include "rpc/client.h"

namespace ashlar::cli {

enum class Format : uint8_t { table, wide, json, name };

/// Exit codes, the same for every command.
enum Exit : int {
  exit_ok = 0,
  exit_failed = 1,
  exit_usage = 2,
  exit_not_found = 3,
  exit_conflict = 4,
  exit_denied = 5,
  exit_timeout = 6
};

int exit_code_of(const Error& error);

/// Where data and talk go, and how the engine is reached.
struct Context {
  std::string socket_path;
  Format format = Format::table;
  uint32_t timeout_seconds = 60;               ///< 0: for ever
  std::function<void(std::string_view)> data;  ///< stdout
  std::function<void(std::string_view)> talk;  ///< stderr

  Result<rpc::Client> connect() const;
  /// One call on a connection of its own.
  Result<rpc::Json> call(std::string_view method, const rpc::Json& params) const;
  /// In the format asked for; `json` is what `-o json` prints.
  void show(const Table& table, const rpc::Json& json) const;
};

using Command = std::function<Result<void>(const Context&)>;

// engine_commands.cc
Result<void> apply(const Context& context, const std::string& path, bool dry_run);
Result<void> show_status(const Context& context);
Result<void> show_stats(const Context& context);
Result<void> drop_session(const Context& context, uint64_t id, const std::string& reason);
Result<void> resize(const Context& context, const std::string& name, const std::string& size, bool shrink);
Result<void> show_events(const Context& context, uint64_t since, bool follow);
Result<void> show_document(const Context& context, bool secrets);
Result<void> show_version(const Context& context);
Result<void> stop(const Context& context, uint32_t grace_seconds);

// list_commands.cc
Result<void> list_volumes(const Context& context);
Result<void> show_volume(const Context& context, const std::string& name);
Result<void> list_sessions(const Context& context);
Result<void> list_targets(const Context& context);
Result<void> list_hosts(const Context& context);
Result<void> list_portals(const Context& context);

/// The whole program: words without the program's name. Returns the exit code.
int run(const std::vector<std::string>& words, const std::function<void(std::string_view)>& data,
        const std::function<void(std::string_view)>& talk);

}  // namespace ashlar::cli
