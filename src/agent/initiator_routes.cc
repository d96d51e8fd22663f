// Other arrays, as the engine sees them from the storage network: before a unit of one becomes a volume here.
#include "agent/call.h"
#include "rpc/initiator_methods.h"

namespace ashlar::agent {
namespace {

using api::Json;

constexpr int bad_gateway = 502;

rpc::InitiatorParams params_of(const Json& body, std::string urls) {
  rpc::InitiatorParams params;
  params.urls = std::move(urls);
  params.user = body.value("user", "");
  params.secret = body.value("secret", "");
  params.mutual_user = body.value("mutual_user", "");
  params.mutual_secret = body.value("mutual_secret", "");
  params.initiator = body.value("initiator", "");
  params.host_nqn = body.value("host_nqn", "");
  return params;
}

/// What another array did must not look like what this one did: its "denied" is no 403 of ours.
Problem problem_of(const Error& error) {
  if (error.place == "engine") return Problem(error);
  switch (error.code) {
    case ErrorCode::invalid_argument:
    case ErrorCode::out_of_range:
    case ErrorCode::unsupported:
    case ErrorCode::exhausted:
    case ErrorCode::timed_out: return Problem(error);
    default: return {error, bad_gateway};
  }
}

Answer discover(Call& call) {
  Result<Json> targets = call.service.engine.ask_elsewhere(
      rpc::method::initiator_discover, params_of(*call.body, call.body->at("url").get<std::string>()));
  if (!targets) {
    Error error = std::move(targets).error();
    // To the engine one URL is the first of several.
    if (error.place.starts_with("urls")) error.place.erase(3, 1);
    return std::unexpected(problem_of(error));
  }
  return json_response(200, *targets);
}

Answer inspect(Call& call) {
  const auto urls = call.body->at("urls").get<std::vector<std::string>>();
  const Result<Json> unit = call.service.engine.ask_elsewhere(
      rpc::method::initiator_inspect, params_of(*call.body, fmt::format("{}", fmt::join(urls, " "))));
  if (!unit) return std::unexpected(problem_of(unit.error()));
  return json_response(200, *unit);
}

}  // namespace

void add_initiator_routes(Routes& routes) {
  routes["discoverTargets"] = discover;
  routes["inspectUnit"] = inspect;
}

}  // namespace ashlar::agent
