// What went wrong, as HTTP tells it: RFC 9457 problem+json. The one place where classes of errors become status codes.
#pragma once

#include <optional>
#include <vector>

#include "api/plan.h"
#include "base/result.h"
#include "http/message.h"

namespace ashlar::agent {

struct Problem {
  Error error;
  int status = 0;                            ///< 0: what the error's class stands for
  std::optional<api::Plan> plan;             ///< 409: what force would do
  std::vector<api::Difference> differences;  ///< 412: what has changed meanwhile
  http::Headers headers;                     ///< Retry-After, Allow, WWW-Authenticate
  Problem(Error what) : error(std::move(what)) {}
  Problem(Error what, int code) : error(std::move(what)), status(code) {}
};

int status_of(ErrorCode code);
http::Response response_of(const Problem& problem, const std::string& trace_id);

/// A JSON answer.
http::Response json_response(int status, const api::Json& body);

}  // namespace ashlar::agent
