#include "cli/change.h"

#include <random>

#include "cli/job.h"
#include "cli/output.h"
#include "cli/plan_text.h"
#include "http/client.h"

namespace ashlar::cli {
namespace {

std::string fresh_key() {
  std::random_device chance;
  return fmt::format("{:08x}{:08x}{:08x}{:08x}", chance(), chance(), chance(), chance());
}

struct How {
  bool dry_run = false, force = false;
};

bool goes_as_job(const Invocation& invocation, const Change& change) {
  if (change.pace == Pace::answer) return false;
  return change.pace == Pace::slow || !invocation.options.wait.value_or(true);
}

// Applying a plan takes its force in the body, everything else in the query.
bool force_in_body(const Change& change) { return change.body.is_object() && change.body.contains("force"); }

std::string target_of(const Invocation& invocation, const Change& change, How how) {
  std::string target = change.path;
  const auto add = [&target](std::string_view name, std::string_view value) {
    target += fmt::format("{}{}={}", target.contains('?') ? '&' : '?', name, http::percent_encode(value));
  };
  if (how.dry_run) add("dry_run", "true");
  if (how.force && !force_in_body(change)) add("force", "true");
  if (!invocation.options.comment.empty()) add("comment", invocation.options.comment);
  return target;
}

Result<Answer> send(Invocation& invocation, const Change& change, How how) {
  http::Headers headers;
  std::string body = change.text;
  if (!change.body.is_null()) {
    Json whole = change.body;
    if (force_in_body(change)) whole["force"] = how.force;
    body = api::print_json(whole);
    headers.emplace_back("Content-Type",
                         change.method == "PATCH" ? "application/merge-patch+json" : "application/json");
  } else if (!body.empty()) {
    headers.emplace_back("Content-Type", change.media_type);
  }
  if (!change.etag.empty()) headers.emplace_back("If-Match", change.etag);
  if (!how.dry_run) {
    headers.emplace_back("Idempotency-Key", fresh_key());
    if (goes_as_job(invocation, change)) headers.emplace_back("Prefer", "respond-async");
  }
  return invocation.exchange(change.method, target_of(invocation, change, how), headers, std::move(body));
}

// The plan stands in a body of its own, or as its member "plan".
const Json& plan_of(const Json& body) {
  const Json& inner = value_at(body, "/plan");
  return inner.is_object() ? inner : body;
}

// Refused for want of force, or a plan that says so beforehand.
bool wants_force(const Answer& answer) {
  if (!answer.ok() && answer.status != 409) return false;
  const Json& plan = answer.ok() ? plan_of(answer.body) : value_at(answer.body, "/plan");
  const Json& needs = value_at(plan, "/needs_force");
  return needs.is_boolean() && needs.get<bool>();
}

// Without an error: go on with force.
Result<void> ask_for_force(Invocation& invocation, const Answer& told) {
  const Json& plan = plan_of(told.body);
  const std::string disturbed = interruptions_text(invocation, items_of(value_at(plan, "/interruptions")));
  const bool destroys = value_at(plan, "/destroys_data") == true;
  if (!disturbed.empty()) invocation.talk("this interrupts:\n" + disturbed);
  if (destroys) invocation.talk("this destroys data\n");
  if (!invocation.can_ask()) {
    Error error = told.ok()
                      ? Error{ErrorCode::busy, "", destroys ? "this destroys data" : "this interrupts hosts"}
                      : error_of(told);
    error.message += "; if that is meant, say it again with --force";
    return std::unexpected(std::move(error));
  }
  if (invocation.asked_yes("Go on all the same?")) return {};
  return fail(ErrorCode::aborted, "", "nothing was done");
}

Error conflict_of(const Invocation& invocation, const Answer& refused) {
  Error error = error_of(refused);
  if (refused.status != 412) return error;
  const std::string differences =
      differences_text(invocation, items_of(value_at(refused.body, "/differences")));
  if (!differences.empty()) invocation.talk("meanwhile another has changed:\n" + differences);
  error.message += "; look at it again, then repeat";
  return error;
}

// The answer of a job stands for the answer that was not waited for.
Result<std::optional<Answer>> finish_job(Invocation& invocation, const Answer& accepted,
                                         const Change& change) {
  const std::string id = job_of(accepted);
  if (invocation.options.wait == false) {
    invocation.talk(fmt::format("job {} is at work: ashlar job watch {}\n", id, id));
    if (invocation.options.format) show_item(invocation, Json::object({{"id", id}}), "/id");
    return std::optional<Answer>();
  }
  TRY_ASSIGN(Json job, watch_job(invocation, id));
  if (!change.done.empty()) invocation.talk(change.done + "\n");
  Answer answer = accepted;
  answer.body = value_at(job, "/result");
  return std::optional<Answer>(std::move(answer));
}

// True: with force. A plan first, for what will be a job; nothing when there will be none, and when it cannot be planned.
Result<bool> look_ahead(Invocation& invocation, const Change& change) {
  const bool force = invocation.options.force;
  if (!goes_as_job(invocation, change) || force_in_body(change)) return force;
  TRY_ASSIGN(const Answer plan, send(invocation, change, {.dry_run = true, .force = force}));
  if (wants_force(plan) && !force) {
    TRY(ask_for_force(invocation, plan));
    return true;
  }
  if (!plan.ok()) return std::unexpected(conflict_of(invocation, plan));
  return force;
}

Result<std::optional<Answer>> only_plan(Invocation& invocation, const Change& change) {
  TRY_ASSIGN(const Answer answer,
             send(invocation, change, {.dry_run = true, .force = invocation.options.force}));
  if (!answer.ok()) return std::unexpected(conflict_of(invocation, answer));
  const Json& plan = plan_of(answer.body);
  if (!show_as_data(invocation, plan)) invocation.data(plan_text(invocation, plan));
  invocation.talk("dry run: nothing was changed\n");
  return std::optional<Answer>();
}

}  // namespace

Result<std::optional<Answer>> make_change(Invocation& invocation, const Change& change) {
  if (invocation.options.dry_run) return only_plan(invocation, change);
  if (!change.question.empty()) TRY(invocation.confirm(change.question));
  TRY_ASSIGN(const bool force, look_ahead(invocation, change));
  TRY_ASSIGN(Answer answer, send(invocation, change, {.force = force}));
  if (wants_force(answer) && !answer.ok() && !force) {
    TRY(ask_for_force(invocation, answer));
    TRY_ASSIGN(answer, send(invocation, change, {.force = true}));
  }
  if (!answer.ok()) return std::unexpected(conflict_of(invocation, answer));
  if (answer.status == 202) return finish_job(invocation, answer, change);
  if (!change.done.empty()) invocation.talk(change.done + "\n");
  return std::optional<Answer>(std::move(answer));
}

Result<void> change_and_show(Invocation& invocation, const Change& change) {
  TRY_ASSIGN(std::optional<Answer> answer, make_change(invocation, change));
  if (!answer || !invocation.options.format) return {};
  if (answer->status == 202 && !change.result_path.empty()) {
    TRY_ASSIGN(answer, invocation.get(change.result_path));
  }
  if (!answer->body.is_null()) show_item(invocation, answer->body, invocation.noun.key);
  return {};
}

}  // namespace ashlar::cli
