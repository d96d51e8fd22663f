// How routes change the configuration.
#include <algorithm>

#include "agent/call.h"
#include "agent/list_query.h"
#include "api/lists.h"

namespace ashlar::agent {
namespace {

bool wants_job(const Call& call) {
  if (call.operation.id == "createToken") return false;  // a token is told in that answer, and nowhere else
  const std::string* prefer = http::find_header(call.request.headers, "Prefer");
  return prefer != nullptr && prefer->find("respond-async") != std::string::npos;
}

Answer begin_job(Call& call, const Change& change) {
  const JobRequest request{"change", call.request.path.substr(std::string_view("/api/v1/").size()),
                           call.principal.user, false};
  Array& array = call.service.array;
  ROUTE_TRY_ASSIGN(const std::string id,
                   call.service.jobs.begin(request, [&array, change](JobHandle& job) -> Result<api::Json> {
                     const auto outcome = array.change(change);
                     if (!outcome) return std::unexpected(outcome.error().error);
                     for (const api::PlanStep& each : outcome->plan.steps)
                       job.log(fmt::format("{} {}: {}", each.kind, each.resource, each.detail));
                     return api::Json{{"plan", api::encode(outcome->plan)}};
                   }));
  return job_begun(call, id);
}

}  // namespace

Answer job_begun(Call& call, const std::string& id) {
  ROUTE_TRY_ASSIGN(const state::JobRow job, call.service.jobs.find(id));
  http::Response response = json_response(202, job_json(job, call.service.now()));
  response.headers.emplace_back("Location", "/api/v1/jobs/" + id);
  return response;
}

Answer list_page(const Call& call, std::vector<api::Json> items) {
  const auto page = run_list_query(std::move(items), call.query);
  if (!page) return std::unexpected(Problem(page.error(), 400));
  return json_response(200, *page);
}

access::Role highest_role(const access::Principal& principal) {
  if (principal.only_grants) return principal.role;
  access::Role highest = principal.role;
  for (const api::Grant& each : principal.grants)
    highest = std::max(highest, access::parse_role(each.role, "role").value_or(access::Role::none));
  return highest;
}

Result<void> may_create(const Call& call, std::string_view kind, const std::string& name) {
  TRY_ASSIGN(const access::Role role, access::parse_role(call.operation.role, "role"));
  return access::allow(call.principal, {role, std::string(kind), name});
}

Problem problem_of(const Refusal& refusal) {
  Problem problem(refusal.error);
  problem.plan = refusal.plan;
  return problem;
}

http::Response plan_response(const Outcome& outcome) {
  return json_response(200, {{"plan", api::encode(outcome.plan)}});
}

Answer make_change(Call& call, std::function<Result<void>(api::Configuration&)> edit,
                   std::function<Answer(const Outcome&)> answer) {
  Change change;
  change.author = call.principal.user;
  change.role = highest_role(call.principal);
  change.comment = call.query.value("comment", std::string());
  change.dry_run = call.flag("dry_run");
  change.force = call.flag("force");
  change.edit = std::move(edit);
  if (!change.dry_run && wants_job(call)) return begin_job(call, change);
  const auto outcome = call.service.array.change(change);
  if (!outcome) return std::unexpected(problem_of(outcome.error()));
  if (change.dry_run) return json_response(200, api::encode(outcome->plan));
  return answer(*outcome);
}

}  // namespace ashlar::agent
