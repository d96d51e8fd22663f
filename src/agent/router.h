// Every request's way: which operation, who asks, may they, is it well formed, has it been asked before; then its route; then
// the audit log.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>

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
  /// `actor` is told as soon as it is known, for the audit log.
  std::expected<access::Principal, Problem> admit(const http::Request& request, const api::Match& match,
                                                  std::string& actor);
  bool in_time(const http::Request& request, const std::string& who);
  std::expected<api::Json, Problem> read_body(const http::Request& request,
                                              const api::Operation& operation) const;
  Answer run(const http::Request& request, const api::Match& match, access::Principal& principal,
             const std::string& trace_id);
  Answer run_once(Call& call, const std::string& key);
  Result<std::optional<state::KeptAnswer>> kept_answer(const std::string& key);
  void keep_answer(const api::Operation& operation, const std::string& key, state::KeptAnswer answer);
  void audit(const http::Request& request, const std::string& actor, const http::Response& response,
             const std::string& detail);

  Service& service_;
  Routes routes_;
  std::mutex mutex_;
  double rate_ = 0;  ///< what limiter_ was made for
  std::shared_ptr<access::RateLimiter> limiter_;
  std::set<std::string> keys_at_work_;
  /// Answers that tell a secret, with the time of their end: no disk may have them.
  std::map<std::string, std::pair<int64_t, state::KeptAnswer>> secret_answers_;
};

}  // namespace ashlar::agent
