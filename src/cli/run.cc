// The command line of `ashlar`: words to commands.
#include "cli/run.h"

#include <sys/stat.h>

#include <algorithm>
#include <CLI/CLI.hpp>

#include "cli/completion.h"
#include "cli/initiator_commands.h"
#include "cli/invocation.h"
#include "cli/table.h"
#include "cli/tree.h"
#include "cli/version.h"
#include "json/fields.h"

namespace ashlar::cli {
namespace {

constexpr std::string_view complete_command = "__complete";

std::string default_socket(const Surroundings& world) {
  if (std::string said = world.environment("ASHLAR_SOCKET"); !said.empty()) return said;
  struct stat there{};
  const char* beside = "./var/engine.sock";
  return ::stat(beside, &there) == 0 ? beside : "/run/ashlar/engine.sock";
}

Context engine_context(const Asked& asked, const Surroundings& world) {
  Context context;
  context.socket_path =
      asked.options.engine_socket.empty() ? default_socket(world) : asked.options.engine_socket;
  context.format = asked.options.shown();
  context.headings = !asked.options.no_headers;
  context.timeout_seconds = asked.options.timeout_seconds.value_or(60);
  context.data = world.data;
  context.talk = world.talk;
  context.read_input = [terminal = world.terminal] { return terminal->read_all(); };
  return context;
}

int report(const Surroundings& world, const Error& error, int exit_code) {
  world.talk(fmt::format("ashlar: {}\n", printable(error.text())));
  return exit_code;
}

/// The first word that is no command where one must stand, and what is near it; what the parser says otherwise.
std::string what_is_wrong(const CLI::App& tree, const std::vector<std::string>& words,
                          std::string otherwise) {
  const CLI::App* place = &tree;
  for (const std::string& word : words) {
    if (word.starts_with('-')) break;
    const std::vector<const CLI::App*> commands =
        place->get_subcommands([](const CLI::App* each) { return !each->get_name().empty(); });
    if (commands.empty()) break;
    const auto next =
        std::ranges::find_if(commands, [&word](const CLI::App* each) { return each->check_name(word); });
    if (next != commands.end()) {
      place = *next;
      continue;
    }
    std::vector<std::string_view> known;
    for (const CLI::App* each : commands) known.emplace_back(each->get_name());
    const std::string where = place == &tree ? "" : place->get_name() + ": ";
    return fmt::format("{}'{}' is no command{}", where, word, json::advice(word, known));
  }
  return otherwise;
}

int carry_out(const Asked& asked, const Surroundings& world) {
  if (asked.engine) {
    const Result<void> outcome = asked.engine(engine_context(asked, world));
    return outcome ? int{exit_ok} : report(world, outcome.error(), exit_code_of(outcome.error()));
  }
  Invocation invocation(world, asked.options, *asked.noun, *asked.verb, asked.values);
  const Result<void> outcome = asked.verb->run(invocation);
  return outcome ? int{exit_ok} : report(world, outcome.error(), invocation.exit_code(outcome.error()));
}

}  // namespace

int run(const std::vector<std::string>& words, const Surroundings& world, const Options& options) {
  if (!words.empty() && words.front() == complete_command) {
    for (const std::string& candidate : complete({words.begin() + 1, words.end()}, world, options)) {
      world.data(printable(candidate) + "\n");
    }
    return exit_ok;
  }
  // What follows is another program's, whose options are not ours.
  if (words.size() >= 2 && words[0] == initiator_noun && words[1] == bench_verb) {
    const Error error = become_bench({words.begin() + 2, words.end()}, world);
    return report(world, error, exit_code_of(error));
  }
  Asked asked;
  asked.options = options;
  try {
    const std::shared_ptr<CLI::App> tree = make_tree(asked);
    tree->set_version_flag("--version", fmt::format("ashlar {}", program_version));
    try {
      tree->parse(std::vector<std::string>(words.rbegin(), words.rend()));  // as CLI11 wants them
    } catch (const CLI::CallForHelp&) {
      world.data(tree->help());
      return exit_ok;
    } catch (const CLI::CallForVersion& version) {
      world.data(fmt::format("{}\n", version.what()));
      return exit_ok;
    } catch (const CLI::ParseError& error) {
      world.talk(fmt::format("ashlar: {}\nsee ashlar --help\n",
                             printable(what_is_wrong(*tree, words, error.what()))));
      return exit_usage;
    }
    return carry_out(asked, world);
  } catch (
      const std::exception& problem) {  // what libraries throw ends here: memory, regular expressions, JSON
    return report(world, {ErrorCode::io_error, "", fmt::format("this went wrong inside: {}", problem.what())},
                  exit_failed);
  }
}

}  // namespace ashlar::cli
