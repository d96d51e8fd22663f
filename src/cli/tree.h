// The commands as CLI11 parses them: made of the table of nouns and of the engine's commands.
#pragma once

#include <functional>
#include <memory>

#include "cli/engine_commands.h"
#include "cli/nouns.h"
#include "cli/options.h"

namespace CLI {
class App;
}

namespace ashlar::cli {

/// What the words ask for. The options of a subcommand live here while they are parsed and run.
struct Asked {
  Options options;
  const Noun* noun = nullptr;  ///< with `verb`; or else `engine`
  const Verb* verb = nullptr;
  Values values;
  EngineCommand engine;

  // Of the engine's commands.
  std::string file, name, size, reason;
  uint64_t id = 0, since = 0;
  uint32_t grace_seconds = 10;
  bool follow = false, secrets = false, shrink = false;
};

/// `asked` must outlive the tree; its options are the defaults.
std::shared_ptr<CLI::App> make_tree(Asked& asked);
/// engine_tree.cc
void add_engine_commands(CLI::App& app, Asked& asked);

}  // namespace ashlar::cli
