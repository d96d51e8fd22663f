// The array at a glance, and what needs no credentials: health, version, the description of the API.
#include "agent/alarms.h"
#include "agent/call.h"
#include "agent/health.h"
#include "api/settings.h"

namespace ashlar::agent {
namespace {

using api::Json;

Json capacity_of(Service& service, const api::Configuration& configuration) {
  uint64_t size = 0;
  uint64_t used = 0;
  uint64_t available = 0;
  uint64_t promised = 0;
  for (const api::Pool& each : configuration.pools) {
    const auto driver = service.array.pool(each.name);
    if (!driver) continue;
    const auto usage = (*driver)->usage();
    if (!usage) continue;
    size += usage->size_bytes;
    used += usage->used_bytes;
    available += usage->available_bytes;
  }
  for (const api::Volume& each : configuration.volumes) promised += each.size_bytes;
  return {{"size_bytes", size},
          {"used_bytes", used},
          {"available_bytes", available},
          {"promised_bytes", promised}};
}

Answer status(Call& call) {
  Service& service = call.service;
  const auto view = service.array.view();
  const api::Configuration& configuration = view->configuration;
  std::optional<rpc::EngineStatus> engine;
  if (auto answer = service.engine.status()) engine = std::move(*answer);
  const std::vector<notify::Alert> alerts = service.alarms.alerts();
  const Health health = health_of(engine, service.array.failures(), alerts, service.array.damaged());
  Json counts = {
      {"pools", configuration.pools.size()},         {"volumes", configuration.volumes.size()},
      {"snapshots", configuration.snapshots.size()}, {"hosts", configuration.hosts.size()},
      {"targets", configuration.targets.size()},     {"maps", configuration.maps.size()},
      {"sessions", engine ? engine->sessions : 0},   {"recycle_bin", configuration.recycle_bin.size()}};
  Json alert_counts = {{"raised", 0}, {"acknowledged", 0}, {"cleared", 0}};
  for (const notify::Alert& each : alerts) {
    Json& count = alert_counts[std::string(name_of(each.state))];
    count = count.get<uint64_t>() + 1;
  }
  return json_response(200, {{"array", api::setting_text(configuration, "array.name")},
                             {"version", service.version},
                             {"health", health.state},
                             {"sentence", health.sentence},
                             {"advice", health.advice},
                             {"generation", view->generation.number},
                             {"engine",
                              {{"state", engine ? engine->state : "away"},
                               {"version", engine ? engine->version : ""},
                               {"uptime_seconds", engine ? engine->uptime_seconds : 0}}},
                             {"counts", std::move(counts)},
                             {"capacity", capacity_of(service, configuration)},
                             {"alerts", std::move(alert_counts)},
                             {"jobs_running", service.jobs.running()}});
}

http::Response text(const char* type, const std::string& body, const char* policy = nullptr) {
  http::Response response{200, {{"Content-Type", type}}, body, {}, {}};
  if (policy != nullptr) response.headers.emplace_back("Content-Security-Policy", policy);
  return response;
}

}  // namespace

void add_status_routes(Routes& routes) {
  routes["getStatus"] = status;
  routes["getHealth"] = [](Call&) -> Answer { return json_response(200, {{"status", "ok"}}); };
  routes["getVersion"] = [](Call& call) -> Answer {
    return json_response(200, {{"version", call.service.version}, {"api", "v1"}});
  };
  routes["getOpenApiJson"] = [](Call& call) -> Answer {
    return json_response(200, call.service.api.document());
  };
  routes["getOpenApiYaml"] = [](Call& call) -> Answer {
    return text("application/yaml", call.service.openapi_yaml);
  };
  routes["getApiPage"] = [](Call& call) -> Answer {
    return text(
        "text/html; charset=utf-8", call.service.page_html,
        "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'");
  };
  routes["getApiScript"] = [](Call& call) -> Answer {
    return text("text/javascript; charset=utf-8", call.service.page_script);
  };
}

}  // namespace ashlar::agent
