// `ashlar status`: one screen; how it is comes first, then what to do about it.
#include "cli/output.h"
#include "cli/program_commands.h"
#include "cli/table.h"
#include "json/sizes.h"

namespace ashlar::cli {
namespace {

std::string words_at(const Json& status, std::string_view pointer) {
  return cell_of(value_at(status, pointer), Shown::plain);
}

// "3 volumes, 2 hosts": numbers under their own names.
std::string counted(const Json& counts) {
  std::string text;
  if (!counts.is_object()) return text;
  for (const auto& [name, value] : counts.items()) {
    if (!value.is_number()) continue;
    std::string spoken = printable(name);
    for (char& c : spoken) c = c == '_' ? ' ' : c;
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", cell_of(value, Shown::plain), spoken);
  }
  return text;
}

// Sizes under their own names: "used 10 GiB, total 2 TiB".
std::string capacity_text(const Json& capacity) {
  std::string text;
  if (!capacity.is_object()) return text;
  for (const auto& [name, value] : capacity.items()) {
    if (!value.is_number()) continue;
    const bool bytes = name.ends_with("_bytes");
    std::string spoken = printable(bytes ? name.substr(0, name.size() - 6) : name);
    for (char& c : spoken) c = c == '_' ? ' ' : c;
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", spoken,
                        cell_of(value, bytes ? Shown::size : Shown::plain));
  }
  return text;
}

}  // namespace

Result<void> show_health(Invocation& invocation) {
  TRY_ASSIGN(const Answer answer, invocation.get(path_of("/status")));
  const Json& status = answer.body;
  if (show_as_data(invocation, status)) return {};
  const std::string health = words_at(status, "/health");
  if (invocation.options.shown() == Format::name) {
    invocation.data(health + "\n");
    return {};
  }
  const Color color = health == "ok" ? Color::green : health == "critical" ? Color::red : Color::yellow;
  std::string text =
      fmt::format("{}: {}\n", colored(invocation, health, color), words_at(status, "/sentence"));
  for (const Json& advice : value_at(status, "/advice"))
    text += "  -> " + cell_of(advice, Shown::plain) + "\n";
  const auto line = [&text](const char* name, const std::string& value) {
    if (!value.empty()) text += fmt::format("{:<10} {}\n", name, value);
  };
  text += "\n";
  line("array", fmt::format("{}, ashlar {}, generation {}", words_at(status, "/array"),
                            words_at(status, "/version"), words_at(status, "/generation")));
  const std::string uptime = cell_of(value_at(status, "/engine/uptime_seconds"), Shown::duration);
  line("engine", fmt::format("{} {}{}", words_at(status, "/engine/state"),
                             words_at(status, "/engine/version"), uptime.empty() ? "" : ", up " + uptime));
  line("capacity", capacity_text(value_at(status, "/capacity")));
  line("counts", counted(value_at(status, "/counts")));
  line("alerts", counted(value_at(status, "/alerts")));
  line("jobs", fmt::format("{} at work", words_at(status, "/jobs_running")));
  invocation.data(text);
  return {};
}

}  // namespace ashlar::cli
