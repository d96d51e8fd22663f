#include "cli/completion.h"

#include <CLI/CLI.hpp>

#include <algorithm>

#include "cli/arrays.h"
#include "cli/connection.h"
#include "cli/invocation.h"
#include "cli/output.h"
#include "cli/tree.h"

namespace ashlar::cli {
namespace {

constexpr uint32_t seconds_for_names = 1;
constexpr size_t most_candidates = 500;

struct Place {
  CLI::App* command = nullptr;  // the innermost that is said
  const Noun* noun = nullptr;
  const Verb* verb = nullptr;
  std::string option;      // whose value is next; empty: none
  size_t positionals = 0;  // said already
};

void keep_fitting(std::vector<std::string>& all, std::string_view candidate, std::string_view prefix) {
  if (candidate.starts_with(prefix) && all.size() < most_candidates) all.emplace_back(candidate);
}

// "-f,--file" is "--file" and "-f".
bool is_called(std::string_view names, std::string_view word) {
  while (!names.empty()) {
    const size_t comma = std::min(names.find(','), names.size());
    if (names.substr(0, comma) == word) return true;
    names.remove_prefix(std::min(comma + 1, names.size()));
  }
  return false;
}

const Argument* find_argument(const std::vector<Argument>& arguments, std::string_view word) {
  for (const Argument& argument : arguments) {
    if (is_called(argument.name, word)) return &argument;
  }
  return nullptr;
}

// Whether `word` is an option that the next word is the value of, in this command or one around it.
bool takes_value(CLI::App* command, const std::string& word) {
  for (; command != nullptr; command = command->get_parent()) {
    if (const CLI::Option* option = command->get_option_no_throw(word))
      return option->get_items_expected_max() > 0;
  }
  return false;
}

// By its name or an alias; null when there is none.
CLI::App* subcommand_of(CLI::App& command, const std::string& word) {
  for (CLI::App* sub : command.get_subcommands([](CLI::App*) { return true; })) {
    if (sub->check_name(word)) return sub;
  }
  return nullptr;
}

Place walk(CLI::App& tree, const std::vector<std::string>& words, Asked& asked) {
  Place place{.command = &tree};
  for (size_t i = 0; i + 1 < words.size(); ++i) {
    const std::string& word = words[i];
    if (!place.option.empty()) {
      // The few that decide where names come from.
      if (place.option == "-a" || place.option == "--array") asked.options.array = word;
      if (place.option == "--url") asked.options.url = word;
      if (place.option == "--token") asked.options.token = word;
      if (place.option == "--ca") asked.options.ca_file = word;
      place.option.clear();
    } else if (word.starts_with('-')) {
      if (!word.contains('=') && takes_value(place.command, word)) place.option = word;
    } else if (CLI::App* sub = subcommand_of(*place.command, word)) {
      if (place.noun != nullptr) place.verb = find_verb(*place.noun, word);
      if (place.command == &tree) place.noun = find_noun(word);
      if (place.command == &tree && place.noun == nullptr) {
        place.noun = find_noun("");
        place.verb = find_verb(*place.noun, word);
      }
      place.command = sub;
    } else {
      ++place.positionals;
    }
  }
  return place;
}

void add_values(const Argument& argument, const Noun& noun, const std::string& prefix,
                const Surroundings& world, const Options& options, std::vector<std::string>& all) {
  if (argument.completes.contains('|')) {
    std::string_view words = argument.completes;
    while (!words.empty()) {
      const size_t bar = std::min(words.find('|'), words.size());
      keep_fitting(all, words.substr(0, bar), prefix);
      words.remove_prefix(std::min(bar + 1, words.size()));
    }
  } else if (!argument.completes.empty()) {
    // In a list the last of its names is at the cursor.
    const size_t comma = argument.type == Type::list ? prefix.rfind(',') : std::string::npos;
    const std::string before = comma == std::string::npos ? "" : prefix.substr(0, comma + 1);
    const std::string_view from = argument.completes == "." ? noun.name : argument.completes;
    for (const std::string& name : live_names(from, prefix.substr(before.size()), world, options))
      all.push_back(before + name);
  }
}

void add_options(CLI::App* command, const std::string& prefix, std::vector<std::string>& all) {
  for (; command != nullptr; command = command->get_parent()) {
    for (const CLI::Option* option : command->get_options()) {
      for (const std::string& name : option->get_lnames()) keep_fitting(all, "--" + name, prefix);
    }
  }
}

std::vector<std::string> array_names(const std::string& prefix, const Surroundings& world) {
  std::vector<std::string> names;
  const Result<std::string> path = arrays_path(world);
  const Result<Arrays> arrays = path ? load_arrays(*path) : std::unexpected(path.error());
  if (!arrays) return names;
  for (const KnownArray& array : arrays->arrays) keep_fitting(names, array.name, prefix);
  return names;
}

void add_option_values(const Place& place, const std::string& prefix, const Surroundings& world,
                       const Options& options, std::vector<std::string>& all) {
  if (place.verb != nullptr) {
    const std::vector<Argument> arguments = arguments_of(*place.noun, *place.verb);
    if (const Argument* argument = find_argument(arguments, place.option)) {
      add_values(*argument, *place.noun, prefix, world, options, all);
      return;
    }
  }
  if (place.option == "-o" || place.option == "--output") {
    for (const char* format : {"table", "wide", "json", "yaml", "csv", "name"})
      keep_fitting(all, format, prefix);
  }
  if (place.option == "--color") {
    for (const char* word : {"auto", "always", "never"}) keep_fitting(all, word, prefix);
  }
  if (place.option == "-a" || place.option == "--array") all = array_names(prefix, world);
}

void add_positional_values(const Place& place, const std::string& prefix, const Surroundings& world,
                           const Options& options, std::vector<std::string>& all) {
  if (place.verb == nullptr) return;
  size_t position = 0;
  for (const Argument& argument : arguments_of(*place.noun, *place.verb)) {
    if (argument.name.starts_with('-')) continue;
    if (position++ == place.positionals) add_values(argument, *place.noun, prefix, world, options, all);
  }
}

}  // namespace

std::vector<std::string> live_names(std::string_view noun_name, const std::string& prefix,
                                    const Surroundings& world, const Options& options) {
  if (noun_name == "array") return array_names(prefix, world);
  std::vector<std::string> names;
  const Noun* noun = find_noun(noun_name);
  if (noun == nullptr || noun->collection.empty()) return names;
  Options quick = options;
  quick.timeout_seconds = seconds_for_names;
  const Values nothing;
  Invocation invocation(world, quick, *noun, list_verb, nothing);
  // All fields of a few hundred names are less than a round trip; not every list can be asked for one field.
  const std::string target =
      path_of(noun->collection) +
      (noun->agent_filters ? fmt::format("?limit={}&fields={}", most_candidates, noun->key.substr(1)) : "");
  const Result<Answer> answer = invocation.get(target);
  if (!answer) return names;
  for (const Json& item : items_of(answer->body)) {
    keep_fitting(names, cell_of(value_at(item, noun->key), Shown::plain), prefix);
  }
  return names;
}

std::vector<std::string> complete(const std::vector<std::string>& words, const Surroundings& world,
                                  const Options& options) {
  std::vector<std::string> all;
  if (words.empty()) return all;
  Asked asked;
  asked.options = options;
  const std::shared_ptr<CLI::App> tree = make_tree(asked);
  const Place place = walk(*tree, words, asked);
  const std::string& prefix = words.back();
  if (!place.option.empty()) {
    add_option_values(place, prefix, world, asked.options, all);
  } else if (prefix.starts_with('-')) {
    add_options(place.command, prefix, all);
  } else {
    for (const CLI::App* sub : place.command->get_subcommands({})) keep_fitting(all, sub->get_name(), prefix);
    add_positional_values(place, prefix, world, asked.options, all);
  }
  std::ranges::sort(all);
  const auto twice = std::ranges::unique(all);
  all.erase(twice.begin(), twice.end());
  return all;
}

}  // namespace ashlar::cli
