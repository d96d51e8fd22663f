#include "agent/problem.h"

#include "json/fields.h"

namespace ashlar::agent {
namespace {

using api::Json;

std::string_view title_of(int status) {
  switch (status) {
    case 400: return "The request cannot be understood";
    case 401: return "Who are you?";
    case 403: return "Not allowed";
    case 404: return "Not found";
    case 405: return "Not a method of this resource";
    case 409: return "In the way of something else";
    case 412: return "Changed meanwhile";
    case 413: return "Too large";
    case 415: return "Not a known media type";
    case 422: return "Breaks a rule";
    case 428: return "Say what the change is based on";
    case 429: return "Too many";
    case 501: return "Not possible here";
    case 502: return "The other array did not answer well";
    case 503: return "Away";
    case 504: return "Took too long";
    case 507: return "No space";
    default: return "Failed";
  }
}

}  // namespace

int status_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid_argument:
    case ErrorCode::out_of_range: return 422;
    case ErrorCode::not_found: return 404;
    case ErrorCode::already_exists:
    case ErrorCode::busy: return 409;
    case ErrorCode::permission_denied: return 403;
    case ErrorCode::unsupported: return 501;
    case ErrorCode::exhausted: return 429;
    case ErrorCode::no_space: return 507;
    case ErrorCode::timed_out: return 504;
    case ErrorCode::closed: return 503;
    case ErrorCode::stale: return 412;
    case ErrorCode::unauthenticated: return 401;
    case ErrorCode::io_error:
    case ErrorCode::protocol_error:
    case ErrorCode::aborted: return 500;
  }
  return 500;
}

http::Response json_response(int status, const Json& body) {
  return {status, {{"Content-Type", "application/json"}}, api::print_json(body) + "\n", {}, {}};
}

http::Response response_of(const Problem& problem, const std::string& trace_id) {
  const int status = problem.status != 0 ? problem.status : status_of(problem.error.code);
  Json body = Json::object();
  body["type"] = fmt::format("about:blank#{}", name_of(problem.error.code));
  body["title"] = title_of(status);
  body["status"] = status;
  body["detail"] = problem.error.message;
  body["code"] = name_of(problem.error.code);
  if (!problem.error.place.empty()) body["field"] = problem.error.place;
  if (!trace_id.empty()) body["trace_id"] = trace_id;
  if (problem.plan) body["plan"] = api::encode(*problem.plan);
  if (!problem.differences.empty()) {
    Json list = Json::array();
    for (const api::Difference& each : problem.differences) list.push_back(api::encode(each));
    body["differences"] = std::move(list);
  }
  http::Response response{status, problem.headers, api::print_json(body) + "\n", {}, {}};
  response.headers.emplace_back("Content-Type", "application/problem+json");
  return response;
}

}  // namespace ashlar::agent
