// `ashlar event follow`.
#include <algorithm>

#include "cli/event_stream.h"
#include "cli/operation_commands.h"
#include "cli/output.h"
#include "cli/resource_commands.h"
#include "cli/yaml.h"

namespace ashlar::cli {
namespace {

constexpr int most_vain_attempts = 5;
constexpr std::chrono::milliseconds pause_before_next{1000};

void show_event(const Invocation& invocation, const Json& event) {
  switch (invocation.options.shown()) {
    case Format::json:
      invocation.data(print_safe_json(event, -1) + "\n");
      return;  // a line each, for programs
    case Format::yaml: invocation.data("---\n" + print_yaml(event)); return;
    case Format::csv:
    case Format::name: show_item(invocation, event, "/action"); return;
    default: break;
  }
  std::string line = cell_of(value_at(event, "/time"), Shown::time);
  for (const char* pointer : {"/topic", "/action", "/name"}) {
    const std::string text = cell_of(value_at(event, pointer), Shown::plain);
    if (!text.empty()) line += " " + text;
  }
  const std::string actor = cell_of(value_at(event, "/actor"), Shown::plain);
  if (!actor.empty()) line += " by " + actor;
  const Json& data = value_at(event, "/data");
  if (data.is_object() && !data.empty()) line += " " + cell_of(data, Shown::plain);
  invocation.data(line + "\n");
}

}  // namespace

Result<void> follow_events(Invocation& invocation) {
  const std::vector<std::string> topics = invocation.list("--topic");
  int vain = 0;
  EventStream events([&](const EventStream::Event& told) {
    vain = 0;
    const Result<Json> event = api::parse_json(told.data);
    if (!event || !event->is_object()) return true;
    const std::string topic = cell_of(value_at(*event, "/topic"), Shown::plain);
    if (topics.empty() || std::ranges::find(topics, topic) != topics.end()) show_event(invocation, *event);
    return true;
  });
  TRY_ASSIGN(Api * agent, invocation.api());
  std::string after = invocation.text("--after");
  while (true) {
    http::Headers headers = {{"Accept", "text/event-stream"}};
    if (!events.last_id().empty()) headers.emplace_back("Last-Event-ID", events.last_id());
    const std::string target =
        events.last_id().empty() ? with_query(path_of("/events"), {{"after", after}}) : path_of("/events");
    const Result<int> status =
        agent->stream(target, headers, [&events](std::string_view bytes) { return events.feed(bytes); });
    // The agent may be starting anew; a refusal stays one.
    if (status && *status >= 400 && *status < 500)
      return std::unexpected(error_of(Answer{.status = *status}));
    if (++vain > most_vain_attempts) {
      if (!status) return std::unexpected(status.error());
      return fail(ErrorCode::closed, invocation.connection().place(), "the agent closed the stream");
    }
    invocation.world.sleep(pause_before_next);
  }
}

}  // namespace ashlar::cli
