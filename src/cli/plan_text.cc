#include "cli/plan_text.h"

#include "cli/output.h"
#include "cli/table.h"

namespace ashlar::cli {
namespace {

constexpr size_t longest_value = 160;

std::string member(const Json& object, const char* name) {
  return object.is_object() && object.contains(name) ? cell_of(object.at(name), Shown::plain) : "";
}

bool is_set(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_boolean() && found->get<bool>();
}

std::string value_text(const Json& value) {
  std::string text = value.is_null() ? "(none)" : printable(api::print_json(value));
  if (text.size() > longest_value) text = text.substr(0, longest_value) + "...";
  return printable(text);  // a cut may have parted a character
}

std::string steps_text(const Json& steps) {
  std::string text;
  size_t number = 0;
  for (const Json& step : steps) {
    const std::string resource = member(step, "resource"), detail = member(step, "detail");
    text += fmt::format("  {}. {}{}{}\n", ++number, member(step, "kind"),
                        resource.empty() ? "" : " " + resource, detail.empty() ? "" : ": " + detail);
  }
  return text;
}

const Json& list_of(const Json& object, const char* name) {
  static const Json nothing = Json::array();
  const auto found = object.find(name);
  return found != object.end() && found->is_array() ? *found : nothing;
}

}  // namespace

std::string differences_text(const Invocation& invocation, const Json& differences) {
  std::string text;
  for (const Json& each : differences) {
    const Json& before = value_at(each, "/before");
    const Json& after = value_at(each, "/after");
    const std::string path = member(each, "path");
    if (before.is_null()) {
      text += colored(invocation, fmt::format("  + {}: {}", path, value_text(after)), Color::green) + "\n";
    } else if (after.is_null()) {
      text += colored(invocation, fmt::format("  - {}: {}", path, value_text(before)), Color::red) + "\n";
    } else {
      text +=
          colored(invocation, fmt::format("  ~ {}: {} -> {}", path, value_text(before), value_text(after)),
                  Color::yellow) +
          "\n";
    }
  }
  return text;
}

std::string interruptions_text(const Invocation& invocation, const Json& interruptions) {
  std::string text;
  for (const Json& each : interruptions) {
    std::string host = member(each, "host");
    if (host.empty()) host = member(each, "initiator");
    text += fmt::format("  {} (session {}, {}): {}\n", colored(invocation, host, Color::bold),
                        member(each, "session"), member(each, "initiator"), member(each, "reason"));
  }
  return text;
}

std::string plan_text(const Invocation& invocation, const Json& plan) {
  if (!plan.is_object()) return "no plan\n";
  const std::string steps = steps_text(list_of(plan, "steps"));
  const std::string differences = differences_text(invocation, list_of(plan, "differences"));
  const std::string disturbed = interruptions_text(invocation, list_of(plan, "interruptions"));
  std::string text;
  if (steps.empty() && differences.empty()) text += "nothing to change\n";
  if (!steps.empty()) text += "would be done:\n" + steps;
  if (!differences.empty()) text += "would differ:\n" + differences;
  if (!disturbed.empty()) text += "would interrupt:\n" + disturbed;
  for (const Json& warning : list_of(plan, "warnings"))
    text += "warning: " + cell_of(warning, Shown::plain) + "\n";
  if (is_set(plan, "destroys_data")) text += colored(invocation, "it destroys data", Color::red) + "\n";
  if (is_set(plan, "needs_force")) text += "it needs --force\n";
  const std::string id = member(plan, "id");
  if (!id.empty() && !differences.empty())
    text += fmt::format("to do it within 15 minutes: ashlar plan apply {}\n", id);
  return text;
}

}  // namespace ashlar::cli
