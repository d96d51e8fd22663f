// Every request's way: which operation, who asks, may they, is it well formed, has it been asked before; then its route; then
// the audit log.
#pragma once

#include <mutex>
#include <set>
#include <string>

#include "access/access.h"
#include "agent/call.h"

namespace ashlar::agent {

/// Any thread. `service` outlives it.
class Router {
 public:
  explicit Router(Service& service);
  http::Response handle(http::Request request);
  /// Operations of the description that no route serves, and routes that the description does not know; both empty.
  std::vector<std::string> gaps() const;

 private:
  std::expected<api::Match, Problem> find(const http::Request& request) const;
  std::expected<access::Principal, Problem> admit(const http::Request& request, const api::Match& match);
  std::expected<api::Json, Problem> read_body(const http::Request& request,
                                              const api::Operation& operation) const;
  Answer run(const http::Request& request, const api::Match& match, access::Principal& principal,
             const std::string& trace_id);
  Answer run_once(Call& call, const std::string& key);
  void audit(const http::Request& request, const std::string& actor, const http::Response& response,
             const std::string& detail);

  Service& service_;
  Routes routes_;
  access::RateLimiter limiter_;
  std::mutex mutex_;
  std::set<std::string> keys_at_work_;
};

}  // namespace ashlar::agent
