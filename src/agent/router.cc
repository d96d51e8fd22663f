#include "agent/router.h"

#include <algorithm>

#include "agent/authentication.h"
#include "agent/clock.h"
#include "agent/resource_json.h"
#include "api/settings.h"
#include "base/log.h"

namespace ashlar::agent {
namespace {

using api::Json;

constexpr std::string_view prefix = "/api/v1";
constexpr double burst_seconds = 2;
constexpr int64_t answer_seconds = 24 * 3600;
constexpr size_t most_secret_answers = 1000;

bool changes(const std::string& method) { return method != "GET" && method != "HEAD"; }

double requests_per_second(const Service& service) {
  return static_cast<double>(
      api::setting_number(service.array.view()->configuration, "api.requests_per_second"));
}

std::string media_type(const http::Request& request) {
  const std::string* type = http::find_header(request.headers, "Content-Type");
  return type == nullptr ? "" : type->substr(0, type->find(';'));
}

// The resource that an operation is about: what grants are compared with.
std::string resource_of(const api::Match& match) {
  for (const char* parameter : {"name", "id"}) {
    const auto found = match.parameters.find(parameter);
    if (found != match.parameters.end()) return found->second;
  }
  return "";
}

/// Which operations keep their answers for an Idempotency-Key: those that declare it.
std::string idempotency_key(const http::Request& request, const api::Operation& operation) {
  if (operation.find_parameter(api::Parameter::In::header, "Idempotency-Key") == nullptr) return "";
  const std::string* key = http::find_header(request.headers, "Idempotency-Key");
  return key == nullptr ? "" : *key;
}

}  // namespace

Router::Router(Service& service) : service_(service) {
  add_resource_routes(routes_);
  add_volume_routes(routes_);
  add_configuration_routes(routes_);
  add_user_routes(routes_);
  add_login_routes(routes_);
  add_operation_routes(routes_);
  add_initiator_routes(routes_);
  add_event_routes(routes_);
  add_audit_routes(routes_);
  add_status_routes(routes_);
  add_support_routes(routes_);
}

std::vector<std::string> Router::gaps() const {
  std::vector<std::string> gaps;
  for (const api::Operation& each : service_.api.operations()) {
    if (!routes_.contains(each.id)) gaps.push_back(each.id + " has no route");
  }
  for (const auto& [id, route] : routes_) {
    if (service_.api.find(id) == nullptr) gaps.push_back(id + " is not described");
  }
  return gaps;
}

std::expected<api::Match, Problem> Router::find(const http::Request& request) const {
  api::Match match = service_.api.match(request.method == "HEAD" ? "GET" : request.method, request.path);
  if (match.operation != nullptr) return match;
  if (match.allowed.empty()) {
    return std::unexpected(
        Problem({ErrorCode::not_found, request.path,
                 fmt::format("there is nothing here; {}/openapi.json says what there is", prefix)}));
  }
  Problem problem({ErrorCode::unsupported, "method", fmt::format("{} is not possible here", request.method)},
                  405);
  problem.headers.emplace_back("Allow", fmt::format("{}", fmt::join(match.allowed, ", ")));
  return std::unexpected(problem);
}

// The rate is a setting, which may change while we run: then everybody begins with a full bucket.
bool Router::in_time(const http::Request& request, const std::string& who) {
  if (request.peer.local) return true;
  const double rate = requests_per_second(service_);
  std::shared_ptr<access::RateLimiter> limiter;
  {
    const std::lock_guard lock(mutex_);
    if (!limiter_ || rate_ != rate)
      limiter_ = std::make_shared<access::RateLimiter>(rate, burst_seconds * rate);
    rate_ = rate;
    limiter = limiter_;
  }
  return limiter->allow(who, static_cast<double>(service_.now()));
}

std::expected<access::Principal, Problem> Router::admit(const http::Request& request, const api::Match& match,
                                                        std::string& actor) {
  const api::Operation& operation = *match.operation;
  const std::string& address = request.peer.address.empty() ? std::string("local") : request.peer.address;
  const auto slow_down = [] {
    Problem problem({ErrorCode::exhausted, "", "too many requests: slow down"}, 429);
    problem.headers.emplace_back("Retry-After", "1");
    return std::unexpected(problem);
  };
  if (!in_time(request, "address " + address)) return slow_down();
  if (!operation.credentials) return access::Principal{};
  auto principal = service_.authentication.identify(request, changes(request.method));
  if (!principal) return principal;
  actor = principal->user;
  if (!in_time(request, "user " + principal->user)) return slow_down();
  const std::string resource = resource_of(match);
  // A token is a program's: it is not the person, whose password and second factor these are.
  const bool person = !principal->credential.starts_with("token ");
  if (operation.self && resource == principal->user && person) return principal;
  const auto role = access::parse_role(operation.role, "role");
  if (!role) return std::unexpected(Problem(role.error(), 500));
  // Creating is judged by the name in the body: the route does that.
  const bool create = operation.method == "POST" && resource.empty() && !operation.kind.empty();
  const bool some_grant = std::ranges::any_of(principal->grants, [&](const api::Grant& each) {
    return each.kind == operation.kind || each.kind == "*";
  });
  if (create && some_grant) return principal;
  if (const auto allowed = access::allow(*principal, {*role, operation.kind, resource}); !allowed)
    return std::unexpected(Problem(allowed.error(), 403));
  return principal;
}

std::expected<Json, Problem> Router::read_body(const http::Request& request,
                                               const api::Operation& operation) const {
  if (!operation.body) {
    if (!request.body.empty())
      return std::unexpected(Problem({ErrorCode::invalid_argument, "body", "this takes no body"}, 400));
    return Json();
  }
  if (request.body.empty()) {
    if (operation.body->required)
      return std::unexpected(Problem({ErrorCode::invalid_argument, "body", "is missing"}, 400));
    return Json();
  }
  const std::string media = media_type(request);
  const api::Schema* schema = api::find_content(operation.body->content, media);
  if (schema == nullptr) {
    std::vector<std::string> known;
    for (const auto& [type, each] : operation.body->content) known.push_back(type);
    return std::unexpected(Problem({ErrorCode::invalid_argument, "Content-Type",
                                    fmt::format("'{}' is none of {}", media, fmt::join(known, ", "))},
                                   415));
  }
  if (media.find("json") == std::string::npos) return Json();  // text: the route reads it
  Result<Json> body = api::parse_json(request.body);
  if (!body) return std::unexpected(Problem(body.error(), 400));
  if (const auto checked = service_.api.check_body(operation, &*body); !checked)
    return std::unexpected(Problem(checked.error(), 400));
  return schema->without_read_only(std::move(*body));
}

Answer Router::run(const http::Request& request, const api::Match& match, access::Principal& principal,
                   const std::string& trace_id) {
  const api::Operation& operation = *match.operation;
  if (const auto path = service_.api.check_path(match); !path)
    return std::unexpected(Problem(path.error(), 400));
  auto query = service_.api.check_query(operation, request.query);
  if (!query) return std::unexpected(Problem(query.error(), 400));
  auto headers = service_.api.check_headers(operation, request.headers);
  if (!headers) return std::unexpected(Problem(headers.error(), 400));
  auto body = read_body(request, operation);
  if (!body) return std::unexpected(body.error());
  std::optional<Json> given;
  if (!body->is_null()) given = std::move(*body);
  Call call{service_,  request,           operation,           match.parameters,
            principal, std::move(*query), std::move(*headers), std::move(given),
            trace_id};
  const std::string key = idempotency_key(request, operation);
  Answer answer = key.empty() || call.flag("dry_run")
                      ? routes_.at(operation.id)(call)
                      : run_once(call, fmt::format("{}\n{}", principal.user, key));
  principal.user = call.principal.user;  // a login tells who it was
  return answer;
}

// The IETF's draft on the Idempotency-Key header: the same key with the same request has the same answer for a day; with
// another request it is an error; while the first is at work the second is told so.
Answer Router::run_once(Call& call, const std::string& key) {
  std::string identity = call.request.method + "\n" + call.request.path + "\n";
  for (const auto& [name, value] : call.request.query) identity += fmt::format("{}={}\n", name, value);
  const std::string hash = sha256_hex(identity + call.request.body);
  {
    const std::lock_guard lock(mutex_);
    if (!keys_at_work_.insert(key).second)
      return std::unexpected(
          Problem({ErrorCode::busy, "Idempotency-Key", "the first request with this key is still at work"}));
  }
  const auto leave = [this](const std::string* done) {
    const std::lock_guard lock(mutex_);
    keys_at_work_.erase(*done);
  };
  const std::unique_ptr<const std::string, decltype(leave)> at_work(&key, leave);
  const auto kept = kept_answer(key);
  if (!kept) return std::unexpected(Problem(kept.error()));
  if (*kept) {
    if ((*kept)->body_hash != hash)
      return std::unexpected(Problem(
          {ErrorCode::invalid_argument, "Idempotency-Key", "was used for another request: take a new one"},
          422));
    http::Response again{(*kept)->status, {}, (*kept)->body, {}, {}};
    for (const auto& [name, value] : (*kept)->headers.items())
      again.headers.emplace_back(name, value.get<std::string>());
    again.headers.emplace_back("Idempotent-Replayed", "true");
    return again;
  }
  Answer answer = routes_.at(call.operation.id)(call);
  const http::Response response = answer ? *answer : response_of(answer.error(), call.trace_id);
  // What may be otherwise the next time is not kept: who asks too much, or while something is away, asks again.
  if (response.status < 500 && response.status != 429 && response.status != 409 && response.status != 412) {
    Json headers = Json::object();
    for (const auto& [name, value] : response.headers) headers[name] = value;
    keep_answer(call.operation, key, {hash, response.status, std::move(headers), response.body});
  }
  return answer;
}

Result<std::optional<state::KeptAnswer>> Router::kept_answer(const std::string& key) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = secret_answers_.find(key);
    if (found != secret_answers_.end() && found->second.first > service_.now()) return found->second.second;
  }
  return service_.database.kept_answer(key);
}

void Router::keep_answer(const api::Operation& operation, const std::string& key, state::KeptAnswer answer) {
  if (operation.id != "createToken") {
    static_cast<void>(service_.database.keep_answer(key, answer));
    return;
  }
  const int64_t now = service_.now();
  const std::lock_guard lock(mutex_);
  std::erase_if(secret_answers_, [now](const auto& each) { return each.second.first <= now; });
  if (secret_answers_.size() < most_secret_answers)
    secret_answers_[key] = {now + answer_seconds, std::move(answer)};
}

void Router::audit(const http::Request& request, const std::string& actor, const http::Response& response,
                   const std::string& detail) {
  state::AuditRow row;
  row.time = rfc3339(service_.now());
  row.actor = actor;
  row.address = request.peer.local ? "unix socket" : request.peer.address;
  row.method = request.method;
  row.path = request.path;
  row.outcome = std::to_string(response.status);
  row.detail = detail;
  if (const auto added = service_.database.add_audit(std::move(row)); !added)
    log_error("agent", "the audit log has a gap: {} {} by {} was {}: {}", request.method, request.path, actor,
              response.status, added.error().text());
}

http::Response Router::handle(http::Request request) {
  const std::string trace_id = sha256_hex(access::make_token()).substr(0, 16);
  std::string actor = "unknown";
  std::string detail;
  const auto ask = [&]() -> Answer {
    auto match = find(request);
    if (!match) return std::unexpected(match.error());
    auto principal = admit(request, *match, actor);
    if (!principal) return std::unexpected(principal.error());
    Answer answered = run(request, *match, *principal, trace_id);
    if (!principal->user.empty()) actor = principal->user;
    return answered;
  };
  // What a library throws is our own fault; whoever asks gets an answer all the same, and the audit log its row.
  Answer answer =
      std::unexpected(Problem({ErrorCode::io_error, "", "something went wrong here; see the log"}));
  try {
    answer = ask();
  } catch (const std::exception& problem) {
    log_error("agent", "{} {}: an exception: {} trace={}", request.method, request.path, problem.what(),
              trace_id);
  }
  if (!answer) {
    detail = answer.error().error.text();
    log_debug("agent", "{} {} by {}: {} trace={}", request.method, request.path, actor, detail, trace_id);
  }
  http::Response response = answer ? *answer : response_of(answer.error(), trace_id);
  if (response.status >= 500)
    log_error("agent", "{} {} by {}: {} trace={}", request.method, request.path, actor, detail, trace_id);
  const bool denied = response.status == 401 || response.status == 403 || response.status == 429;
  if ((changes(request.method) && response.status != 404 && response.status != 405) || denied)
    audit(request, actor, response, detail);
  return response;
}

}  // namespace ashlar::agent
