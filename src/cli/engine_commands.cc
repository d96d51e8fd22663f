// `ashlar engine ...`: the engine's socket, method by method.
#include <fstream>
#include <iterator>

#include "cli/engine_commands.h"
#include "cli/tables.h"
#include "cli/yaml.h"
#include "json/sizes.h"
#include "rpc/methods.h"
#include "rpc/status_fields.h"

namespace ashlar::cli {
namespace {

using rpc::Json;
namespace method = rpc::method;

Result<std::string> read_all(const Context& context, const std::string& path) {
  if (path == "-") return context.read_input();
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::unexpected(error_of_errno(errno, path, "cannot be read"));
  return std::string((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
}

void show_drawn(const Context& context, const rpc::ApplyReport& report) {
  for (const rpc::DrawnIdentity& drawn : report.drawn) {
    context.talk(
        fmt::format("volume {} was given an identity; keep it in the document:\n  \"identity\": {}\n",
                    drawn.volume, rpc::print_json(rpc::encode(drawn.identity))));
  }
}

std::string words_of(const rpc::Event& event) {
  std::string line = fmt::format("{} {}", event.time, event.kind);
  for (const auto& [name, value] : event.fields) line += fmt::format(" {}={}", name, value);
  return printable(line) + "\n";
}

Result<void> show_event(const Context& context, const Json& json) {
  if (context.format == Format::json) {
    context.data(print_safe_json(json, -1) + "\n");
    return {};
  }
  TRY_ASSIGN(const rpc::Event event, rpc::decode<rpc::Event>(json, "", rpc::Unknown::overlook));
  context.data(context.format == Format::name ? event.kind + "\n" : words_of(event));
  return {};
}

}  // namespace

Result<void> apply(const Context& context, const std::string& path, bool dry_run) {
  TRY_ASSIGN(const std::string text, read_all(context, path));
  Result<Json> document = rpc::parse_json(text);
  if (!document) {
    Error error = std::move(document).error();
    error.place = error.place.empty() ? path : fmt::format("{}, {}", path, error.place);
    return std::unexpected(std::move(error));
  }
  Json params = Json::object();
  params["document"] = std::move(*document);
  params["dry_run"] = dry_run;
  TRY_ASSIGN(const Json json, context.call(method::apply, params));
  TRY_ASSIGN(const rpc::ApplyReport report, rpc::decode<rpc::ApplyReport>(json, "", rpc::Unknown::overlook));
  const bool as_data = context.format == Format::json || context.format == Format::yaml;
  if (report.changed || as_data) context.show(table_of(report.steps), json);
  if (!report.changed) context.talk("nothing to change: this document is in force\n");
  if (report.changed && dry_run) context.talk("dry run: nothing was changed\n");
  show_drawn(context, report);
  return {};
}

Result<void> show_status(const Context& context) {
  TRY_ASSIGN(const Json json, context.call(method::status, Json::object()));
  if (context.show_as_data(json)) return {};
  TRY_ASSIGN(const rpc::EngineStatus status,
             rpc::decode<rpc::EngineStatus>(json, "", rpc::Unknown::overlook));
  if (context.format == Format::name) {
    context.data(status.state + "\n");
    return {};
  }
  context.data(fmt::format("engine {} {}, up {}, {} shards, {} sessions\n", status.version, status.state,
                           print_duration(status.uptime_seconds), status.shards, status.sessions));
  const bool wide = context.format == Format::wide;
  const std::pair<const char*, Table> parts[] = {{"volumes", table_of(status.volumes)},
                                                 {"targets", table_of(status.targets)},
                                                 {"hosts", table_of(status.hosts)},
                                                 {"portals", table_of(status.portals)}};
  for (const auto& [name, table] : parts) {
    context.data(table.empty() ? fmt::format("\nno {}\n", name)
                               : fmt::format("\n{}:\n{}", name, table.print(wide)));
  }
  return {};
}

Result<void> show_stats(const Context& context) {
  TRY_ASSIGN(const Json json, context.call(method::stats, Json::object()));
  TRY_ASSIGN(const rpc::Stats stats, rpc::decode<rpc::Stats>(json, "", rpc::Unknown::overlook));
  const bool wide = context.format == Format::wide;
  if (!wide && context.format != Format::table) {
    context.show(table_of(stats.volumes), json);
    return {};
  }
  const Table volumes = table_of(stats.volumes);
  context.data(volumes.empty() ? "no I/O yet\n" : volumes.print(wide));
  if (wide && !stats.sessions.empty()) context.data("\n" + table_of(stats.sessions).print(true));
  if (wide) context.data("\n" + table_of(stats.shards).print(true));
  return {};
}

Result<void> list_sessions(const Context& context) {
  TRY_ASSIGN(const Json json, context.call(method::sessions, Json::object()));
  const Json list = json.value("sessions", Json::array());
  std::vector<rpc::SessionStatus> sessions;
  for (const Json& each : list) {
    TRY_ASSIGN(rpc::SessionStatus session, rpc::decode<rpc::SessionStatus>(each, "", rpc::Unknown::overlook));
    sessions.push_back(std::move(session));
  }
  context.show(table_of(sessions), list);
  return {};
}

Result<void> drop_session(const Context& context, uint64_t id, const std::string& reason) {
  Json params = Json::object();
  params["id"] = id;
  params["reason"] = reason;
  TRY(context.call(method::session_drop, params));
  context.talk(fmt::format("session {} is dropped\n", id));
  return {};
}

Result<void> resize(const Context& context, const std::string& name, const std::string& size, bool shrink) {
  TRY_ASSIGN(const uint64_t bytes, json::parse_size(size, "SIZE"));
  Json params = Json::object();
  params["name"] = name;
  params["size"] = bytes;
  params["shrink"] = shrink;
  TRY_ASSIGN(const Json json, context.call(method::volume_resize, params));
  TRY_ASSIGN(rpc::VolumeStatus volume, rpc::decode<rpc::VolumeStatus>(json, "", rpc::Unknown::overlook));
  std::vector<rpc::VolumeStatus> volumes;
  volumes.push_back(std::move(volume));
  context.show(table_of(volumes), json);
  context.talk(fmt::format(
      "put \"size_bytes\": {} into the document of volume {}, so that the next apply agrees\n", bytes, name));
  return {};
}

Result<void> show_events(const Context& context, uint64_t since, bool follow) {
  TRY_ASSIGN(rpc::Client client, context.connect());
  Json params = Json::object();
  params["since"] = since;
  params["wait"] = follow;
  TRY_ASSIGN(const Json page, client.call(method::events, params));
  const uint64_t lost = page.value("lost", uint64_t{0});
  if (lost != 0) context.talk(fmt::format("{} older events are forgotten\n", lost));
  for (const Json& event : page.value("events", Json::array())) TRY(show_event(context, event));
  if (!follow) return {};
  client.set_timeout(std::chrono::milliseconds(0));
  while (true) {
    TRY_ASSIGN(const rpc::Response told, client.next_notification());
    if (told.method == method::event_notification) TRY(show_event(context, told.params));
  }
}

Result<void> show_document(const Context& context, bool secrets) {
  Json params = Json::object();
  params["secrets"] = secrets;
  TRY_ASSIGN(const Json json, context.call(method::document, params));
  if (!context.show_as_data(json)) context.data(print_safe_json(json, 2) + "\n");
  return {};
}

Result<void> show_version(const Context& context) {
  TRY_ASSIGN(const Json json, context.call(method::version, Json::object()));
  TRY_ASSIGN(const rpc::Version version, rpc::decode<rpc::Version>(json, "", rpc::Unknown::overlook));
  if (context.show_as_data(json)) return {};
  context.data(fmt::format("engine {}, protocol {}\n", printable(version.engine), version.protocol));
  return {};
}

Result<void> stop(const Context& context, uint32_t grace_seconds) {
  Json params = Json::object();
  params["grace_seconds"] = grace_seconds;
  TRY(context.call(method::stop, params));
  context.talk("the engine stops when what is in flight is answered\n");
  return {};
}

}  // namespace ashlar::cli
