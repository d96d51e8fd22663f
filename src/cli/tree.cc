#include "cli/tree.h"

#include <CLI/CLI.hpp>

#include <algorithm>

namespace ashlar::cli {
namespace {

const std::map<std::string, Format> formats = {{"table", Format::table}, {"wide", Format::wide},
                                               {"json", Format::json},   {"yaml", Format::yaml},
                                               {"csv", Format::csv},     {"name", Format::name}};

bool set_format(Options& options, const std::string& typed) {
  const auto found = formats.find(typed);
  if (found == formats.end()) throw CLI::ValidationError("--output", "table, wide, json, yaml, csv or name");
  options.format = found->second;
  return true;
}

void add_output_options(CLI::App& app, Options& options) {
  const char* group = "How it is shown";
  app.add_option(
         "-o,--output", [&options](const CLI::results_t& typed) { return set_format(options, typed.back()); },
         "table, wide, json, yaml, csv or name")
      ->type_name("FORMAT")
      ->group(group);
  app.add_option("--fields", options.fields, "Only these, with commas: name,status.state")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->group(group);
  app.add_option("--filter", options.filter, "FIELD==VALUE, !=, ~TEXT, >N, <N; a comma is AND")->group(group);
  app.add_option("--sort", options.sort, "name,-size_bytes")->group(group);
  app.add_flag("--no-headers", options.no_headers, "Tables without their first line")->group(group);
  app.add_option("--color", options.color, "auto, always or never; $NO_COLOR is heeded")
      ->check(CLI::IsMember({"auto", "always", "never"}))
      ->group(group);
}

void add_change_options(CLI::App& app, Options& options) {
  const char* group = "How changes are made";
  app.add_flag("--dry-run", options.dry_run, "Only show what would be done, and whom it would disturb")
      ->group(group);
  app.add_flag("-y,--yes", options.yes, "Do not ask")->group(group);
  app.add_flag("--force", options.force, "Even when it interrupts hosts or destroys data")->group(group);
  app.add_option("--comment", options.comment, "Why: kept with the change")->group(group);
  app.add_flag_function(
         "--wait,!--no-wait", [&options](int64_t times) { options.wait = times > 0; },
         "Wait for jobs (default), or only say their number")
      ->group(group);
}

void add_connection_options(CLI::App& app, Options& options) {
  const char* group = "Which array";
  app.add_option("-a,--array", options.array, "One that `ashlar array list` knows")->group(group);
  app.add_option("--url", options.url, "https://HOST:8443 or unix:PATH; also $ASHLAR_URL")->group(group);
  app.add_option("--ca", options.ca_file, "PEM file of the CA that its certificate is of")->group(group);
  app.add_option("--token", options.token, "Of the API; better by $ASHLAR_TOKEN, which no process list shows")
      ->group(group);
  app.add_option_function<uint32_t>(
         "--timeout", [&options](const uint32_t& seconds) { options.timeout_seconds = seconds; },
         "Seconds to wait for an answer or a job; 0: for ever (default: 60, jobs for ever)")
      ->check(CLI::Range(0, 86400))
      ->group(group);
  app.add_option(
         "--socket", options.engine_socket,
         "`ashlar engine`: its socket (default: $ASHLAR_SOCKET, ./var/engine.sock, /run/ashlar/engine.sock)")
      ->group(group);
}

// "--read-only,!--no-read-only".
std::string flag_names(const Argument& argument) {
  const std::string negative = argument.negative.empty() ? "--no-" + std::string(argument.name.substr(2))
                                                         : std::string(argument.negative);
  return fmt::format("{},!{}", argument.name, negative);
}

std::string type_name_of(const Argument& argument) {
  switch (argument.type) {
    case Type::number: return "NUMBER";
    case Type::decimal: return "NUMBER";
    case Type::size: return "SIZE";
    case Type::list: return "NAME,...";
    case Type::pairs: return "NAME=VALUE";
    case Type::secret: return "SECRET";
    case Type::key: return "KEY";
    case Type::layers: return "LAYER";
    case Type::grants: return "GRANT";
    case Type::states: return "TAG=STATE,...";
    default: return "TEXT";
  }
}

bool may_repeat(Type type) {
  return type == Type::list || type == Type::texts || type == Type::pairs || type == Type::layers ||
         type == Type::grants || type == Type::states;
}

// By raw callbacks: CLI11's own conversions take "[a,b]" and "%%" for more than text.
void add_argument(CLI::App& app, const Argument& argument, Values& values) {
  const std::string name(argument.name), help(argument.help);
  if (argument.type == Type::flag) {
    app.add_flag_function(
        flag_names(argument),
        [&values, name](int64_t times) { values[name] = {times > 0 ? "true" : "false"}; }, help);
    return;
  }
  if (argument.type == Type::lone || argument.type == Type::clear) {
    app.add_flag_function(name, [&values, name](int64_t) { values[name] = {"true"}; }, help);
    return;
  }
  CLI::callback_t keep = [&values, name](const CLI::results_t& typed) {
    values[name] = typed;
    return true;
  };
  CLI::Option* option = app.add_option(name, keep, help);
  option->type_name(type_name_of(argument))->allow_extra_args(false)->required(argument.required);
  if (!may_repeat(argument.type)) return;
  option->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  if (!name.starts_with('-')) option->expected(-1)->allow_extra_args();
}

void add_verb(CLI::App& parent, const Noun& noun, const Verb& verb, Asked& asked) {
  CLI::App* sub = parent.add_subcommand(std::string(verb.name), std::string(verb.help));
  if (!verb.alias.empty()) sub->alias(std::string(verb.alias));
  for (const Argument& argument : arguments_of(noun, verb)) add_argument(*sub, argument, asked.values);
  sub->callback([&asked, &noun, &verb] {
    asked.noun = &noun;
    asked.verb = &verb;
  });
}

}  // namespace

std::shared_ptr<CLI::App> make_tree(Asked& asked) {
  auto app = std::make_shared<CLI::App>("Ashlar's command line", "ashlar");
  app->require_subcommand(1);
  app->fallthrough();
  add_output_options(*app, asked.options);
  add_change_options(*app, asked.options);
  add_connection_options(*app, asked.options);
  for (const Noun* noun : all_nouns()) {
    if (noun->name.empty()) {
      for (const Verb& verb : noun->verbs) add_verb(*app, *noun, verb, asked);
      continue;
    }
    CLI::App* sub = app->add_subcommand(std::string(noun->name), std::string(noun->help));
    sub->require_subcommand(1)->group(std::string(noun->group));
    for (const Verb& verb : noun->verbs) add_verb(*sub, *noun, verb, asked);
  }
  add_engine_commands(*app, asked);
  return app;
}

}  // namespace ashlar::cli
