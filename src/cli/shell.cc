#include "cli/shell.h"

#include <algorithm>

#include "cli/completion.h"
#include "cli/connection.h"
#include "cli/exit.h"
#include "cli/invocation.h"
#include "cli/program_commands.h"
#include "cli/run.h"
#include "cli/table.h"
#include "cli/words.h"

namespace ashlar::cli {
namespace {

constexpr char help_text[] = R"(Resources are folders: cd volumes/db1, cd .., ls, ls -l, pwd.
In /volumes the verbs of volumes need no noun:      create db1 --pool p0 --size 10GiB
In /volumes/db1 they need no name either:           resize +10GiB, delete
  and values are set by their names:                set description="for billing" read_only=true
Every command of ashlar works here too, without the word ashlar: status, host list -o wide ...
Tab completes. exit, quit and Ctrl-D leave.
)";

constexpr std::string_view builtins[] = {"cd", "ls", "pwd", "help", "exit", "quit"};

// One connection for all commands of a shell.
std::function<std::shared_ptr<Api>(const Connection&)> remembering(
    std::function<std::shared_ptr<Api>(const Connection&)> connect) {
  struct Memory {
    Connection connection;
    std::shared_ptr<Api> api;
  };
  return [connect = std::move(connect), memory = std::make_shared<Memory>()](const Connection& connection) {
    if (memory->api == nullptr || !(memory->connection == connection)) {
      memory->api = connect(connection);
      memory->connection = connection;
    }
    return memory->api;
  };
}

// Whether a verb's first word is the name of one that is there.
bool takes_name(const Noun& noun, const Verb& verb) {
  if (verb.takes == Takes::fields_of_set) return true;
  if (verb.takes == Takes::fields_of_create || verb.arguments.empty()) return false;
  const Argument& first = verb.arguments.front();
  return !first.name.starts_with('-') && (first.completes == "." || first.completes == noun.name);
}

// The field that a person means by "size_bytes", "chap.user" or "description".
const Argument* find_field(const Noun& noun, std::string_view key) {
  std::string pointer = "/" + std::string(key);
  std::ranges::replace(pointer, '.', '/');
  for (const Argument& field : noun.fields) {
    if (field.name.starts_with("--") && (field.pointer == pointer || field.name.substr(2) == key))
      return &field;
  }
  return nullptr;
}

std::vector<std::string> words_of_value(const Argument& field, const std::string& value) {
  if (field.type != Type::flag) return {fmt::format("{}={}", field.name, value)};
  const bool yes = value == "true" || value == "yes" || value == "1" || value == "on";
  if (yes) return {std::string(field.name)};
  return {field.negative.empty() ? "--no-" + std::string(field.name.substr(2)) : std::string(field.negative)};
}

}  // namespace

Shell::Shell(const Surroundings& world, const Options& options) : world_(world), options_(options) {
  world_.connect = remembering(world.connect);
  world_.become = [](const std::string& program, const std::vector<std::string>&) {
    return Error{ErrorCode::unsupported, program, "is a program of its own: leave the shell first"};
  };
}

std::string Shell::path_of_place(const Place& place) {
  if (place.noun == nullptr) return "/";
  return std::string(place.noun->collection) + (place.name.empty() ? "" : "/" + place.name);
}

int Shell::say(int code, const std::string& message) const {
  world_.talk(fmt::format("ashlar: {}\n", printable(message)));
  return code;
}

Result<Shell::Place> Shell::resolve(const std::string& typed) const {
  Place place = typed.starts_with('/') ? Place{} : here_;
  std::string_view rest = typed;
  while (!rest.empty()) {
    const std::string part(rest.substr(0, rest.find('/')));
    rest.remove_prefix(std::min(part.size() + 1, rest.size()));
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      if (place.name.empty()) place.noun = nullptr;
      place.name.clear();
    } else if (place.noun == nullptr) {
      const Noun* noun = find_collection(part);
      if (noun == nullptr) noun = find_noun(part);
      if (noun == nullptr || noun->collection.empty()) {
        return fail(ErrorCode::not_found, part, "there is no such folder; ls / shows them");
      }
      place.noun = noun;
    } else if (place.name.empty()) {
      place.name = part;
    } else {
      return fail(ErrorCode::not_found, typed, "there are no folders in a resource");
    }
  }
  return place;
}

int Shell::change_folder(const std::vector<std::string>& words) {
  const Result<Place> place = resolve(words.size() > 1 ? words[1] : "/");
  if (!place) return say(exit_code_of(place.error()), place.error().text());
  if (!place->name.empty()) {
    const std::vector<std::string> there = live_names(place->noun->name, place->name, world_, options_);
    if (std::ranges::find(there, place->name) == there.end()) {
      return say(exit_not_found,
                 fmt::format("{}: there is no {} of that name", place->name, place->noun->singular));
    }
  }
  here_ = *place;
  return exit_ok;
}

int Shell::list_folder(const std::vector<std::string>& words) {
  std::vector<std::string> options;
  std::string path;
  bool names_only = true;
  for (size_t i = 1; i < words.size(); ++i) {
    if (words[i] == "-l") {
      names_only = false;
    } else if (words[i].starts_with('-')) {
      names_only = false;
      options.push_back(words[i]);
      if (words[i] == "-o" && i + 1 < words.size()) options.push_back(words[++i]);
    } else {
      path = words[i];
    }
  }
  const Result<Place> place = resolve(path);
  if (!place) return say(exit_code_of(place.error()), place.error().text());
  if (place->noun == nullptr) {
    for (const Noun* noun : all_nouns()) {
      if (!noun->collection.empty())
        world_.data(fmt::format("{:<16} {}\n", noun->collection.substr(1), noun->help));
    }
    return exit_ok;
  }
  std::vector<std::string> full = {std::string(place->noun->name), "list"};
  if (!place->name.empty()) full = {std::string(place->noun->name), "show", place->name};
  if (place->name.empty() && names_only) full.insert(full.end(), {"-o", "name"});
  full.insert(full.end(), options.begin(), options.end());
  return run(full, world_, options_);
}

int Shell::set_values(const std::vector<std::string>& pairs) {
  std::vector<std::string> words = {std::string(here_.noun->name), "set", here_.name};
  std::string size;
  for (const std::string& pair : pairs) {
    const size_t equals = pair.find('=');
    const std::string key = pair.substr(0, equals), value = pair.substr(equals + 1);
    const Argument* field = find_field(*here_.noun, key);
    if (field == nullptr)
      return say(exit_usage, fmt::format("{}: a {} has no such value to set", key, here_.noun->singular));
    if (field->pointer == "/size_bytes") {
      size = value;
    } else {
      for (std::string& word : words_of_value(*field, value)) words.push_back(std::move(word));
    }
  }
  if (!size.empty()) {
    const int code = run({std::string(here_.noun->name), "resize", here_.name, size}, world_, options_);
    if (code != exit_ok) return code;
  }
  return words.size() > 3 ? run(words, world_, options_) : int{exit_ok};
}

std::vector<std::string> Shell::in_full(const std::vector<std::string>& words) const {
  if (here_.noun == nullptr || words.empty()) return words;
  const Verb* verb = find_verb(*here_.noun, words.front());
  if (verb == nullptr) return words;
  std::vector<std::string> full = {std::string(here_.noun->name), words.front()};
  if (!here_.name.empty() && takes_name(*here_.noun, *verb)) full.push_back(here_.name);
  full.insert(full.end(), words.begin() + 1, words.end());
  return full;
}

int Shell::run_words(std::vector<std::string> words) {
  const std::string first = words.front();
  if (first == "exit" || first == "quit") {
    ended_ = true;
    return exit_ok;
  }
  if (first == "pwd") {
    world_.data(printable(path()) + "\n");
    return exit_ok;
  }
  if (first == "help") {
    world_.data(help_text);
    return exit_ok;
  }
  if (first == "cd") return change_folder(words);
  if (first == "ls") return list_folder(words);
  if (first == "shell") return say(exit_usage, "this is the shell");
  if (first == "ashlar") words.erase(words.begin());
  const bool by_values = first == "set" && words.size() > 1 && !here_.name.empty() &&
                         !words[1].starts_with('-') && words[1].contains('=');
  if (by_values) return set_values({words.begin() + 1, words.end()});
  const int code = run(in_full(words), world_, options_);
  // What is gone cannot be stood in.
  if (code == exit_ok && first == "delete" && words.size() == 1) here_.name.clear();
  return code;
}

int Shell::run_line(const std::string& line) {
  const Result<std::vector<std::string>> words = split_words(line);
  if (!words) return say(exit_usage, words.error().text());
  return words->empty() ? int{exit_ok} : run_words(*words);
}

std::vector<std::string> Shell::complete_path(const std::string& prefix) const {
  const size_t slash = prefix.rfind('/');
  const std::string before = slash == std::string::npos ? "" : prefix.substr(0, slash + 1);
  const std::string last = prefix.substr(before.size());
  std::vector<std::string> found;
  const Result<Place> place = resolve(before);
  if (!place || !place->name.empty()) return found;
  if (place->noun != nullptr) {
    for (const std::string& name : live_names(place->noun->name, last, world_, options_))
      found.push_back(before + name);
    return found;
  }
  for (const Noun* noun : all_nouns()) {
    if (noun->collection.empty() || !noun->collection.substr(1).starts_with(last)) continue;
    found.push_back(before + std::string(noun->collection.substr(1)));
  }
  return found;
}

std::vector<std::string> Shell::complete_line(std::string_view line) const {
  const Result<std::vector<std::string>> split = split_words(line);
  if (!split) return {};
  std::vector<std::string> words = *split;
  if (line.empty() || line.ends_with(' ') || line.ends_with('\t')) words.emplace_back();
  if (words.size() > 1 && (words.front() == "cd" || words.front() == "ls"))
    return complete_path(words.back());
  if (words.size() > 1) return complete(in_full(words), world_, options_);
  std::vector<std::string> found = complete(words, world_, options_);
  const auto add = [&](std::string_view word) {
    if (word.starts_with(words.back())) found.emplace_back(word);
  };
  for (const std::string_view builtin : builtins) add(builtin);
  if (here_.noun != nullptr) {
    for (const Verb& verb : here_.noun->verbs) add(verb.name);
  }
  return found;
}

Result<void> run_shell_command(Invocation& invocation) {
  const Surroundings& world = invocation.world;
  Shell shell(world, invocation.options);
  const bool interactive = world.terminal->input_is_tty();
  TRY(invocation.api());
  if (const std::string folder = configuration_folder(world); !folder.empty())
    world.terminal->keep_history(folder + "/history");
  std::string name = invocation.connection().array;
  if (name.empty()) name = "ashlar";
  size_t number = 0;
  while (!shell.ended()) {
    const std::string prompt = printable(fmt::format("{}:{}> ", name, shell.path()));
    const auto line = world.terminal->edit_line(
        prompt, [&shell](std::string_view typed) { return shell.complete_line(typed); });
    if (!line) break;
    ++number;
    const int code = shell.run_line(*line);
    // A script that went wrong must not go on with what was meant for what did not happen.
    if (code != exit_ok && !interactive) {
      return invocation.ends_with(
          code, {ErrorCode::aborted, fmt::format("line {}", number), "the script ends here"});
    }
  }
  if (interactive) world.talk("\n");
  return {};
}

}  // namespace ashlar::cli
