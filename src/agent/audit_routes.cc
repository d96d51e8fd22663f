// Who changed what, and who was not let: the audit log, as JSON or as a table for other programs.
#include "agent/call.h"

namespace ashlar::agent {
namespace {

using api::Json;

Json row_json(const state::AuditRow& row) {
  return {{"id", row.id},           {"time", row.time},     {"actor", row.actor},
          {"address", row.address}, {"method", row.method}, {"path", row.path},
          {"outcome", row.outcome}, {"detail", row.detail}, {"previous_hash", row.previous_hash},
          {"hash", row.hash}};
}

// RFC 4180. A cell that begins like a formula is marked as text, for spreadsheets compute what they open.
std::string cell(const std::string& text) {
  std::string out = "\"";
  if (!text.empty() && std::string_view("=+-@\t\r").find(text[0]) != std::string_view::npos) out += '\'';
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + "\"";
}

std::string csv_of(const std::vector<state::AuditRow>& rows) {
  std::string text = "id,time,actor,address,method,path,outcome,detail,previous_hash,hash\r\n";
  for (const state::AuditRow& each : rows) {
    text += fmt::format("{},{},{},{},{},{},{},{},{},{}\r\n", each.id, cell(each.time), cell(each.actor),
                        cell(each.address), cell(each.method), cell(each.path), cell(each.outcome),
                        cell(each.detail), cell(each.previous_hash), cell(each.hash));
  }
  return text;
}

Answer list(Call& call) {
  state::Page page{call.query.value("limit", size_t{100}), call.query.value("after", uint64_t{0}), {}};
  if (const std::string actor = call.query.value("actor", ""); !actor.empty()) page.equal["actor"] = actor;
  ROUTE_TRY_ASSIGN(const std::vector<state::AuditRow> rows, call.service.database.audit(page));
  if (call.query.value("format", "json") == "csv")
    return http::Response{200, {{"Content-Type", "text/csv; charset=utf-8"}}, csv_of(rows), {}, {}};
  Json items = Json::array();
  for (const state::AuditRow& each : rows) items.push_back(row_json(each));
  return json_response(200,
                       {{"items", std::move(items)}, {"last", rows.empty() ? page.after : rows.back().id}});
}

Answer verify(Call& call) {
  ROUTE_TRY_ASSIGN(const uint64_t bad, call.service.database.verify_audit());
  return json_response(200, {{"intact", bad == 0}, {"first_bad", bad}});
}

}  // namespace

void add_audit_routes(Routes& routes) {
  routes["listAudit"] = list;
  routes["verifyAudit"] = verify;
}

}  // namespace ashlar::agent
