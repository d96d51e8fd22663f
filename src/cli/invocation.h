// One command on its way: what was typed, the world, and the agent once it is needed.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/api.h"
#include "cli/exit.h"
#include "cli/nouns.h"
#include "cli/options.h"
#include "cli/surroundings.h"

namespace ashlar::cli {

class Invocation {
 public:
  Invocation(const Surroundings& world, const Options& options, const Noun& noun, const Verb& verb,
             const Values& values)
      : world(world), options(options), noun(noun), verb(verb), values(values) {}

  const Surroundings& world;
  const Options& options;
  const Noun& noun;
  const Verb& verb;
  const Values& values;

  // What was typed.
  bool has(std::string_view name) const { return values.contains(name); }
  std::string text(std::string_view name, std::string_view otherwise = {}) const;
  /// Repeated ones, and those parted by commas.
  std::vector<std::string> list(std::string_view name) const;
  /// The words were wrong: the same as fail(), and the program ends with exit_usage.
  std::unexpected<Error> usage(std::string place, std::string message);
  /// An error that ends the program with a code of its own.
  std::unexpected<Error> ends_with(int exit_code, Error error);
  int exit_code(const Error& error) const { return exit_code_.value_or(exit_code_of(error)); }

  // The agent.
  Result<Answer> exchange(std::string_view method, const std::string& target,
                          const http::Headers& headers = {}, std::string body = {});
  /// A GET that must be answered well.
  Result<Answer> get(const std::string& target);
  /// A request that is no change of the configuration (no plan, no job): refused with --dry-run.
  Result<Answer> act(std::string_view method, const std::string& target, const Json& body = nullptr);
  Result<Api*> api();
  const Connection& connection() const { return connection_; }
  /// Another agent than the options say (login).
  void use(Connection connection);

  // The person.
  void data(std::string_view text) const { world.data(text); }
  void talk(std::string_view text) const { world.talk(text); }
  /// y/N on a tty. Without one: true with --yes, else an error that says so.
  Result<void> confirm(const std::string& question);
  /// False without a tty to ask on, or when the answer is no.
  bool asked_yes(const std::string& question) const;
  bool can_ask() const { return world.terminal->input_is_tty() && world.terminal->talk_is_tty(); }
  Result<std::string> ask_secret(const std::string& question);
  bool colored() const;
  /// A file's text, "-" is standard input.
  Result<std::string> read_input(const std::string& path);

 private:
  std::shared_ptr<Api> api_;
  Connection connection_;
  std::optional<int> exit_code_;
};

/// A file that only its owner may read; replaces what is there. "-" is standard output.
Result<void> write_output(Invocation& invocation, const std::string& path, std::string_view text);

}  // namespace ashlar::cli
