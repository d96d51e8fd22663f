#include "cli/configuration_commands.h"

#include "cli/change.h"
#include "cli/output.h"
#include "cli/plan_text.h"
#include "cli/resource_commands.h"
#include "cli/table.h"

namespace ashlar::cli {
namespace {

// By its ending; standard input by how it begins.
std::string_view media_type_of(std::string_view path, std::string_view text) {
  if (path.ends_with(".json")) return "application/json";
  if (path.ends_with(".yaml") || path.ends_with(".yml")) return "application/yaml";
  if (path.ends_with(".toml")) return "application/toml";
  const size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin != std::string_view::npos && text[begin] == '{') return "application/json";
  // "name: value" before any "name = value" is YAML.
  const size_t colon = text.find(": "), line_colon = text.find(":\n"), equals = text.find('=');
  return std::min(colon, line_colon) < equals ? "application/yaml" : "application/toml";
}

// `config apply FILE` and `apply -f FILE` are one.
std::string file_of(const Invocation& invocation) {
  return invocation.text("FILE", invocation.text("-f,--file"));
}

void show_differences(const Invocation& invocation, const Json& differences) {
  if (show_as_data(invocation, differences)) return;
  const std::string text = differences_text(invocation, differences);
  if (text.empty()) {
    invocation.talk("nothing differs\n");
  } else {
    invocation.data(text);
  }
}

}  // namespace

Result<void> export_configuration(Invocation& invocation) {
  const std::string file = invocation.text("-f,--file", "-");
  std::string format = invocation.text("--format");
  if (format.empty()) {
    format = file.ends_with(".json")                             ? "json"
             : file.ends_with(".yaml") || file.ends_with(".yml") ? "yaml"
                                                                 : "toml";
  }
  TRY_ASSIGN(const Answer answer,
             invocation.get(with_query(path_of("/configuration"), {{"format", format}})));
  return write_output(invocation, file, answer.text);
}

// Shown first, always: what another program called by its names is to be looked at before it is served.
Result<void> import_configuration(Invocation& invocation) {
  Change change;
  TRY_ASSIGN(change.text, invocation.read_input(file_of(invocation)));
  change.method = "POST";
  change.path = with_query(path_of("/configuration/import"), {{"source", invocation.text("--source")}});
  change.media_type = "text/plain";
  change.done = "it is imported";
  TRY_ASSIGN(const Answer tried,
             invocation.exchange(change.method, with_query(change.path, {{"dry_run", "true"}}),
                                 {{"Content-Type", change.media_type}}, change.text));
  if (!tried.ok()) return std::unexpected(error_of(tried));
  if (!show_as_data(invocation, tried.body)) {
    invocation.data(plan_text(invocation, value_at(tried.body, "/plan")));
    for (const Json& left : items_of(value_at(tried.body, "/left_out"))) {
      invocation.talk(fmt::format("left out: {}: {}: {}\n", cell_of(value_at(left, "/where"), Shown::plain),
                                  cell_of(value_at(left, "/what"), Shown::plain),
                                  cell_of(value_at(left, "/why"), Shown::plain)));
    }
  }
  if (invocation.options.dry_run) return {};
  TRY(invocation.confirm("Do it?"));
  TRY(make_change(invocation, change));
  return {};
}

Result<void> diff_configuration(Invocation& invocation) {
  const std::string file = file_of(invocation);
  TRY_ASSIGN(const std::string text, invocation.read_input(file));
  const http::Headers headers = {{"Content-Type", std::string(media_type_of(file, text))}};
  const std::string target =
      with_query(path_of("/configuration/diff"), {{"prune", invocation.has("--prune") ? "true" : ""}});
  TRY_ASSIGN(const Answer answer, invocation.exchange("POST", target, headers, text));
  if (!answer.ok()) return std::unexpected(error_of(answer));
  show_differences(invocation, items_of(value_at(answer.body, "/differences")));
  return {};
}

Result<void> apply_configuration(Invocation& invocation) {
  const std::string file = file_of(invocation);
  Change change;
  TRY_ASSIGN(change.text, invocation.read_input(file));
  change.method = "PUT";
  change.path = path_of("/configuration") + (invocation.has("--prune") ? "?prune=true" : "?prune=false");
  change.media_type = media_type_of(file, change.text);
  change.done = fmt::format("the array is as {} says", printable(file == "-" ? "the file" : file));
  change.pace = Pace::slow;
  return change_and_show(invocation, change);
}

Result<void> diff_generations(Invocation& invocation) {
  const std::string path = path_of("/generations", {invocation.text("NUMBER"), "diff"});
  TRY_ASSIGN(const Answer answer, invocation.get(with_query(path, {{"to", invocation.text("--to")}})));
  show_differences(invocation, items_of(answer.body));
  return {};
}

Result<void> roll_back(Invocation& invocation) {
  const std::string number = invocation.text("NUMBER");
  Change change;
  change.method = "POST";
  change.path = path_of("/generations", {number, "rollback"});
  change.question = fmt::format("Make the configuration what it was in generation {}?", printable(number));
  change.done = fmt::format("the configuration is that of generation {}", printable(number));
  change.pace = Pace::slow;
  return change_and_show(invocation, change);
}

Result<void> show_plan(Invocation& invocation) {
  TRY_ASSIGN(const Answer answer, invocation.get(path_of("/plans", {invocation.text("ID")})));
  if (!show_as_data(invocation, answer.body)) invocation.data(plan_text(invocation, answer.body));
  return {};
}

Result<void> apply_plan(Invocation& invocation) {
  const std::string id = invocation.text("ID");
  // A plan was looked at already; to look again there is `plan show`.
  if (invocation.options.dry_run)
    return invocation.usage("--dry-run", "the plan is there already: ashlar plan show " + id);
  Change change;
  change.method = "POST";
  change.path = path_of("/plans", {id, "apply"});
  change.body = Json::object({{"force", invocation.options.force}});
  change.done = fmt::format("plan {} is done", printable(id));
  return change_and_show(invocation, change);
}

}  // namespace ashlar::cli
