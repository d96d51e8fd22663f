// The one table of what `ashlar` can say: nouns, their columns, fields and verbs. The command tree, the help, the manual page,
// the completion and the shell are all made of it.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace ashlar::cli {

class Invocation;

/// How a value of an answer is shown in a table.
enum class Shown : uint8_t { plain, size, duration, time, list, yes_no, states };

struct Column {
  std::string_view title;
  std::string_view pointer;  ///< RFC 6901: "/status/state"
  Shown shown = Shown::plain;
  bool right = false;
  bool wide = false;  ///< with `-o wide` only
};

/// What an argument may be, and how it goes into a body.
enum class Type : uint8_t {
  text,
  number,  ///< whole, not negative
  decimal,
  size,    ///< "10GiB"
  flag,    ///< --x: true; its `negative` (or --no-x): false
  lone,    ///< --x alone, for the command itself
  list,    ///< repeated, or with commas
  texts,   ///< repeated; commas belong to the text
  pairs,   ///< NAME=VALUE, repeated
  secret,  ///< the text; "-" asks for it, "@FILE" reads it
  key,     ///< a secret; "generate" draws one and tells it
  layers,  ///< KIND[:NAME=VALUE,...], repeated
  grants,  ///< ROLE:KIND[:NAME], repeated
  states,  ///< TAG=STATE[:preferred], repeated or with commas
  clear,   ///< --no-x: null
};

enum class When : uint8_t { always, create, set };

struct Argument {
  std::string_view name;  ///< "NAME": positional; "--size": an option
  std::string_view help;
  Type type = Type::text;
  std::string_view pointer = {};    ///< where it goes in the body; empty: the verb looks at it itself
  std::string_view completes = {};  ///< a noun whose names it takes, or the words: "linux|windows"
  bool required = false;            ///< on create
  When when = When::always;
  std::string_view negative = {};  ///< of a flag, when it is not --no-NAME
};

using Run = Result<void> (*)(Invocation&);

/// Whose arguments a verb has.
enum class Takes : uint8_t { own, fields_of_create, fields_of_set };

struct Verb {
  std::string_view name;
  std::string_view help;
  Run run = nullptr;
  std::span<const Argument> arguments = {};
  std::string_view alias = {};
  Takes takes = Takes::own;
};

struct Noun {
  std::string_view name;        ///< "host-group"; empty: its verbs are commands of their own
  std::string_view collection;  ///< "/host-groups", under the API's root; empty: no resource
  std::string_view singular;    ///< "host group"
  std::string_view group;       ///< the heading in the help
  std::string_view help;
  std::span<const Column> columns = {};
  std::span<const Argument> fields = {};
  std::span<const Verb> verbs = {};
  std::string_view key = "/name";
  bool agent_filters = true;  ///< the agent knows ?filter=, ?fields= and the rest for its list
  bool slow = false;          ///< its changes may move data: they are made as jobs
};

/// All, in the order of the help. The last one is the nameless.
std::vector<const Noun*> all_nouns();
const Noun* find_noun(std::string_view name);
/// By what a path of the shell says: "volumes", "host-groups".
const Noun* find_collection(std::string_view plural);
const Verb* find_verb(const Noun& noun, std::string_view name);
/// The arguments of a verb, those of its noun's fields included; `set` has --add-X and --remove-X for each list --X.
std::vector<Argument> arguments_of(const Noun& noun, const Verb& verb);
/// "--add-host" of "--host": lives as long as the program.
std::string_view derived_name(std::string_view prefix, std::string_view option);

// resource_commands.cc: what most nouns have.
Result<void> list_resources(Invocation& invocation);
Result<void> show_resource(Invocation& invocation);
Result<void> create_resource(Invocation& invocation);
Result<void> set_resource(Invocation& invocation);
Result<void> delete_resource(Invocation& invocation);

/// The name of one that is there. "." completes with the names of its own noun.
inline constexpr Argument name_argument[] = {
    {.name = "NAME", .help = "Its name", .completes = ".", .required = true}};
inline constexpr Argument id_argument[] = {
    {.name = "ID", .help = "Its number", .completes = ".", .required = true}};
inline constexpr Verb list_verb = {.name = "list", .help = "All of them", .run = list_resources};
inline constexpr Verb show_verb = {
    .name = "show", .help = "All about one", .run = show_resource, .arguments = name_argument};
inline constexpr Verb create_verb = {.name = "create",
                                     .help = "Make one",
                                     .run = create_resource,
                                     .alias = "add",
                                     .takes = Takes::fields_of_create};
inline constexpr Verb set_verb = {
    .name = "set", .help = "Change one", .run = set_resource, .takes = Takes::fields_of_set};
inline constexpr Verb delete_verb = {
    .name = "delete", .help = "Take one away", .run = delete_resource, .arguments = name_argument};
/// What most resources have.
inline constexpr Verb resource_verbs[] = {list_verb, show_verb, create_verb, set_verb, delete_verb};
/// Every resource has it. --comment is what the change is recorded with.
inline constexpr Argument description_argument = {
    .name = "--description", .help = "A note that stays with it", .pointer = "/comment"};

// One list of nouns a file.
std::span<const Noun> storage_nouns();
std::span<const Noun> host_nouns();
std::span<const Noun> target_nouns();
std::span<const Noun> access_nouns();
std::span<const Noun> user_nouns();
std::span<const Noun> alert_nouns();
std::span<const Noun> operation_nouns();
std::span<const Noun> program_nouns();

}  // namespace ashlar::cli
