// What goes on: sessions, statistics, history, jobs, alerts, disks.
#include "agent/alarms.h"
#include "agent/call.h"
#include "agent/clock.h"
#include "agent/telemetry.h"
#include "rpc/status_fields.h"

namespace ashlar::agent {
namespace {

using api::Json;

Answer list_sessions(Call& call) {
  ROUTE_TRY_ASSIGN(const std::vector<rpc::SessionStatus> sessions, call.service.engine.sessions());
  std::vector<Json> items;
  for (const rpc::SessionStatus& each : sessions) {
    if (call.sees("sessions", std::to_string(each.id))) items.push_back(rpc::encode(each));
  }
  return list_page(call, std::move(items));
}

Result<rpc::SessionStatus> session_of(Call& call) {
  const std::string& id = call.path.at("id");
  TRY_ASSIGN(const std::vector<rpc::SessionStatus> sessions, call.service.engine.sessions());
  for (const rpc::SessionStatus& each : sessions) {
    if (std::to_string(each.id) == id) return each;
  }
  return fail(ErrorCode::not_found, "sessions/" + id, "there is no such session: it may have ended");
}

Answer show_session(Call& call) {
  ROUTE_TRY_ASSIGN(const rpc::SessionStatus session, session_of(call));
  return json_response(200, rpc::encode(session));
}

Answer drop_session(Call& call) {
  ROUTE_TRY_ASSIGN(const rpc::SessionStatus session, session_of(call));
  const std::string reason = call.query.value("comment", std::string("dropped by " + call.principal.user));
  ROUTE_TRY(call.service.engine.drop_session(session.id, reason));
  call.service.events.tell(
      "sessions", "dropped", std::to_string(session.id), call.principal.user,
      {{"host", session.host}, {"initiator", session.initiator}, {"target", session.target}});
  return http::Response{204, {}, {}, {}, {}};
}

Answer stats(Call& call) {
  ROUTE_TRY_ASSIGN(const rpc::Stats all, call.service.engine.stats());
  return json_response(200, rpc::encode(all));
}

Answer history(Call& call) {
  const std::string name = call.query.value("resolution", "second");
  const auto resolution = name == "hour"     ? state::Resolution::hour
                          : name == "minute" ? state::Resolution::minute
                                             : state::Resolution::second;
  const int64_t now = call.service.now();
  const int64_t span = name == "hour" ? 366 * 86400 : name == "minute" ? 7 * 86400 : 3600;
  const std::string series = call.query.value("series", "");
  ROUTE_TRY_ASSIGN(const std::vector<state::MetricPoint> points,
                   call.service.database.metric(series, resolution, call.query.value("from", now - span),
                                                call.query.value("to", now)));
  Json list = Json::array();
  for (const state::MetricPoint& each : points)
    list.push_back(
        {{"time", each.time}, {"value", each.value}, {"lowest", each.lowest}, {"highest", each.highest}});
  return json_response(200, {{"series", series}, {"resolution", name}, {"points", std::move(list)}});
}

Answer list_series(Call& call) {
  ROUTE_TRY_ASSIGN(const std::vector<std::string> names, call.service.database.metric_names());
  return json_response(200, {{"items", names}});
}

Answer metrics(Call& call) {
  std::string text = call.service.telemetry.exposition(call.service.alarms.alerts(),
                                                       call.service.jobs.running(), call.service.version);
  return http::Response{
      200, {{"Content-Type", "text/plain; version=0.0.4; charset=utf-8"}}, std::move(text), {}, {}};
}

Answer list_jobs(Call& call) {
  ROUTE_TRY_ASSIGN(const std::vector<state::JobRow> jobs, call.service.jobs.list());
  std::vector<Json> items;
  for (const state::JobRow& each : jobs) {
    if (call.sees("jobs", each.id)) items.push_back(job_json(each, call.service.now()));
  }
  return list_page(call, std::move(items));
}

Answer show_job(Call& call) {
  const auto wait = std::chrono::seconds(call.query.value("wait", int64_t{0}));
  ROUTE_TRY_ASSIGN(const state::JobRow job, call.service.jobs.wait(call.path.at("id"), wait));
  return json_response(200, job_json(job, call.service.now()));
}

Answer cancel_job(Call& call) {
  ROUTE_TRY_ASSIGN(const state::JobRow job, call.service.jobs.cancel(call.path.at("id")));
  return json_response(200, job_json(job, call.service.now()));
}

Answer list_alerts(Call& call) {
  std::vector<Json> items;
  for (const notify::Alert& each : call.service.alarms.alerts()) {
    if (call.sees("alerts", each.id)) items.push_back(alert_json(each));
  }
  return list_page(call, std::move(items));
}

Answer acknowledge(Call& call) {
  ROUTE_TRY_ASSIGN(const notify::Alert alert,
                   call.service.alarms.acknowledge(call.path.at("id"), call.principal.user));
  return json_response(200, alert_json(alert));
}

Answer test_channel(Call& call) {
  ROUTE_TRY(call.service.alarms.test(call.name()));
  return http::Response{204, {}, {}, {}, {}};
}

Answer list_disks(Call& call) {
  ROUTE_TRY_ASSIGN(const std::vector<storage::DeviceFacts> devices, call.service.privileged.list_devices());
  std::vector<Json> items;
  items.reserve(devices.size());
  for (const storage::DeviceFacts& each : devices) {
    items.push_back({{"path", each.path},
                     {"stable_id", each.stable_id},
                     {"size_bytes", each.size_bytes},
                     {"block_bytes", each.block_bytes},
                     {"model", each.model},
                     {"serial", each.serial},
                     {"rotational", each.rotational},
                     {"holds", each.holds}});
  }
  return list_page(call, std::move(items));
}

}  // namespace

void add_operation_routes(Routes& routes) {
  routes["listSessions"] = list_sessions;
  routes["getSession"] = show_session;
  routes["dropSession"] = drop_session;
  routes["getStats"] = stats;
  routes["getHistory"] = history;
  routes["listSeries"] = list_series;
  routes["getMetrics"] = metrics;
  routes["listJobs"] = list_jobs;
  routes["getJob"] = show_job;
  routes["cancelJob"] = cancel_job;
  routes["listAlerts"] = list_alerts;
  routes["acknowledgeAlert"] = acknowledge;
  routes["testAlertChannel"] = test_channel;
  routes["listDisks"] = list_disks;
}

}  // namespace ashlar::agent
