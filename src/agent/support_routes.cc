// The support bundle: made by a job, fetched by the job's id.
#include <fstream>
#include <iterator>

#include "agent/call.h"
#include "agent/support_bundle.h"

namespace ashlar::agent {
namespace {

// Only the newest is kept: it holds much of what the array knows about its users.
std::string bundle_path(const Service& service) { return service.folder + "/support.tar.gz"; }

Answer make(Call& call) {
  Service& service = call.service;
  ROUTE_TRY_ASSIGN(const std::string id,
                   service.jobs.begin({"support bundle", "support-bundle", call.principal.user, false},
                                      [&service](JobHandle& job) -> Result<api::Json> {
                                        const std::string path = bundle_path(service);
                                        TRY(write_support_bundle(service, path, job));
                                        return api::Json{{"file", "support.tar.gz"}};
                                      }));
  return job_begun(call, id);
}

Answer fetch(Call& call) {
  const std::string& id = call.path.at("id");
  ROUTE_TRY_ASSIGN(const state::JobRow job, call.service.jobs.find(id));
  ROUTE_TRY_ASSIGN(const std::vector<state::JobRow> all, call.service.jobs.list());
  if (job.kind != "support bundle" || job.state != "succeeded")
    return std::unexpected(
        Problem({ErrorCode::not_found, "support-bundle/" + id, "this job has made no support bundle"}));
  for (const state::JobRow& each : all) {
    if (each.kind == "support bundle" && each.id != id && each.created_at > job.created_at)
      return std::unexpected(Problem({ErrorCode::not_found, "support-bundle/" + id,
                                      "a newer bundle has taken its place: job " + each.id}));
  }
  std::ifstream file(bundle_path(call.service), std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  return http::Response{200,
                        {{"Content-Type", "application/gzip"},
                         {"Content-Disposition", "attachment; filename=\"ashlar-support.tar.gz\""}},
                        std::move(bytes),
                        {},
                        {}};
}

}  // namespace

void add_support_routes(Routes& routes) {
  routes["makeSupportBundle"] = make;
  routes["getSupportBundle"] = fetch;
}

}  // namespace ashlar::agent
