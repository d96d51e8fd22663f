// `ashlar engine ...`: the engine's socket, for troubleshooting and for engines that run without an agent.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cli/options.h"
#include "cli/table.h"
#include "rpc/client.h"

namespace ashlar::cli {

/// Where data and talk go, and how the engine is reached.
struct Context {
  std::string socket_path;
  Format format = Format::table;
  bool headings = true;
  uint32_t timeout_seconds = 60;               ///< 0: for ever
  std::function<void(std::string_view)> data;  ///< stdout
  std::function<void(std::string_view)> talk;  ///< stderr
  std::function<Result<std::string>()> read_input;

  Result<rpc::Client> connect() const;
  /// One call on a connection of its own.
  Result<rpc::Json> call(std::string_view method, const rpc::Json& params) const;
  /// In the format asked for; `json` is what `-o json` prints.
  void show(const Table& table, const rpc::Json& json) const;
  /// True when the format is one for programs, and `json` is printed.
  bool show_as_data(const rpc::Json& json) const;
};

using EngineCommand = std::function<Result<void>(const Context&)>;

Result<void> apply(const Context& context, const std::string& path, bool dry_run);
Result<void> show_status(const Context& context);
Result<void> show_stats(const Context& context);
Result<void> list_sessions(const Context& context);
Result<void> drop_session(const Context& context, uint64_t id, const std::string& reason);
Result<void> resize(const Context& context, const std::string& name, const std::string& size, bool shrink);
Result<void> show_events(const Context& context, uint64_t since, bool follow);
Result<void> show_document(const Context& context, bool secrets);
Result<void> show_version(const Context& context);
Result<void> stop(const Context& context, uint32_t grace_seconds);

}  // namespace ashlar::cli
