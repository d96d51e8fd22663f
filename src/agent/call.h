// One request on its way through a route: what was asked, by whom, and the helpers that every route uses.
#pragma once

#include <expected>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "agent/problem.h"
#include "agent/service.h"

namespace ashlar::agent {

struct Call {
  Service& service;
  const http::Request& request;
  const api::Operation& operation;
  const std::map<std::string, std::string>& path;  ///< the parameters in it
  access::Principal principal;
  api::Json query;                ///< typed, defaults filled in
  api::Json headers;              ///< those that the operation declares
  std::optional<api::Json> body;  ///< checked against its schema, less what is read-only
  std::string trace_id;

  const std::string& name() const { return path.at("name"); }
  bool flag(const char* parameter) const { return query.value(parameter, false); }
  /// May this principal see it? Lists leave out what it may not.
  bool sees(std::string_view kind, std::string_view resource) const {
    return access::may_see(principal, kind, resource);
  }
};

using Answer = std::expected<http::Response, Problem>;
using Route = std::function<Answer(Call&)>;
/// By operationId.
using Routes = std::map<std::string, Route>;

/// Makes a change of the configuration as the request's dry_run, force, comment and Prefer ask. `answer` turns the outcome
/// into the response of the operation.
Answer make_change(Call& call, std::function<Result<void>(api::Configuration&)> edit,
                   std::function<Answer(const Outcome&)> answer);
/// 202: a job was begun; the answer is the job, and where it is found.
Answer job_begun(Call& call, const std::string& id);
/// 200, a page of `items` as the query asks; 400 when it cannot be understood.
Answer list_page(const Call& call, std::vector<api::Json> items);
/// The most that somebody may do to anything.
access::Role highest_role(const access::Principal& principal);
/// Creating is allowed by the name of what is made, which the body says: the router could not know it.
Result<void> may_create(const Call& call, std::string_view kind, const std::string& name);
/// The plan alone: what DELETE and most actions answer.
http::Response plan_response(const Outcome& outcome);
Problem problem_of(const Refusal& refusal);

/// TRY for routes.
#define ROUTE_TRY_ASSIGN(declaration, expression) \
  ROUTE_TRY_ASSIGN_IMPL(ASHLAR_CONCAT(route_result_, __LINE__), declaration, expression)
#define ROUTE_TRY_ASSIGN_IMPL(result, declaration, expression)             \
  auto result = (expression);                                              \
  if (!result) return std::unexpected(Problem(std::move(result).error())); \
  declaration = std::move(*result)
#define ROUTE_TRY(expression)                                           \
  do {                                                                  \
    if (auto route_result = (expression); !route_result)                \
      return std::unexpected(Problem(std::move(route_result).error())); \
  } while (false)

// One file for each kind of route; in this order: later ones refine earlier ones.
void add_resource_routes(Routes& routes);       // resource_routes.cc
void add_volume_routes(Routes& routes);         // volume_routes.cc
void add_configuration_routes(Routes& routes);  // configuration_routes.cc
void add_user_routes(Routes& routes);           // user_routes.cc
void add_login_routes(Routes& routes);          // login_routes.cc
void add_operation_routes(Routes& routes);      // operation_routes.cc
void add_initiator_routes(Routes& routes);      // initiator_routes.cc
void add_event_routes(Routes& routes);          // event_routes.cc
void add_audit_routes(Routes& routes);          // audit_routes.cc
void add_status_routes(Routes& routes);         // status_routes.cc
void add_support_routes(Routes& routes);        // support_routes.cc

}  // namespace ashlar::agent
