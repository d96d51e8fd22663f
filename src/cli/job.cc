#include "cli/job.h"

#include <algorithm>

#include "cli/output.h"
#include "cli/table.h"

namespace ashlar::cli {
namespace {

constexpr int bar_width = 30;
// An answer comes at least that often; the agent's own limit is not below.
constexpr unsigned longest_poll_seconds = 20;
// A job that ends between two requests costs a request, not a wait: an agent that answers at once is not asked in a frenzy.
constexpr std::chrono::milliseconds pause_between_polls{200};

constexpr ErrorCode all_codes[] = {
    ErrorCode::invalid_argument,  ErrorCode::not_found,   ErrorCode::already_exists, ErrorCode::busy,
    ErrorCode::permission_denied, ErrorCode::unsupported, ErrorCode::out_of_range,   ErrorCode::exhausted,
    ErrorCode::no_space,          ErrorCode::io_error,    ErrorCode::protocol_error, ErrorCode::timed_out,
    ErrorCode::aborted,           ErrorCode::closed,      ErrorCode::stale};

bool has_ended(const Json& job) {
  const Json& state = value_at(job, "/state");
  return state == "succeeded" || state == "failed" || state == "cancelled";
}

std::string bar_of(const Json& job) {
  const Json& percent = value_at(job, "/progress/percent");
  const double done = percent.is_number() ? std::clamp(percent.get<double>(), 0.0, 100.0) : 0.0;
  const int full = static_cast<int>(done * bar_width / 100);
  const Json& left = value_at(job, "/progress/eta_seconds");
  const std::string eta =
      left.is_number() && left.get<double>() > 0 ? ", " + cell_of(left, Shown::duration) + " left" : "";
  return fmt::format("\r\x1b[K{} [{}{}] {:3.0f}%{}", cell_of(value_at(job, "/kind"), Shown::plain),
                     std::string(static_cast<size_t>(full), '#'),
                     std::string(static_cast<size_t>(bar_width - full), '.'), done, eta);
}

// "volumes/v: there is no space (no_space)", as Error::text() has it: the code makes the exit code.
Error read_error_text(std::string text, Error error) {
  for (const ErrorCode code : all_codes) {
    const std::string end = fmt::format(" ({})", name_of(code));
    if (!text.ends_with(end)) continue;
    error.code = code;
    text.resize(text.size() - end.size());
  }
  error.message = std::move(text);
  return error;
}

Error error_of_job(const Json& job, const std::string& id) {
  Error error{ErrorCode::io_error, fmt::format("job {}", id), ""};
  const Json& told = value_at(job, "/error");
  if (told.is_string()) error = read_error_text(told.get<std::string>(), std::move(error));
  if (told.is_object()) {
    Answer problem;
    problem.status =
        value_at(told, "/status").is_number_integer() ? value_at(told, "/status").get<int>() : 500;
    problem.body = told;
    error = cli::error_of(problem);
  }
  if (value_at(job, "/state") == "cancelled") return {ErrorCode::aborted, error.place, "it was cancelled"};
  if (error.message.empty()) error.message = "it failed";
  return error;
}

}  // namespace

std::string job_of(const Answer& accepted) {
  const size_t slash = accepted.location.rfind('/');
  if (slash != std::string::npos) return accepted.location.substr(slash + 1);
  const Json& job = value_at(accepted.body, "/job");
  return cell_of(job.is_null() ? value_at(accepted.body, "/id") : job, Shown::plain);
}

Result<Json> watch_job(Invocation& invocation, const std::string& id) {
  const bool draws = invocation.world.terminal->talk_is_tty();
  const uint32_t limit = invocation.options.timeout_seconds.value_or(0);
  const auto begun = invocation.world.now();
  // Short waits move the bar; long ones spare the agent. Within our own wait for an answer, whatever it is.
  const unsigned poll = draws        ? 1
                        : limit == 0 ? longest_poll_seconds
                                     : std::min(longest_poll_seconds, (limit + 1) / 2);
  while (true) {
    TRY_ASSIGN(const Answer answer, invocation.get(fmt::format("{}?wait={}", path_of("/jobs", {id}), poll)));
    if (draws) invocation.talk(bar_of(answer.body));
    if (has_ended(answer.body)) {
      if (draws) invocation.talk("\r\x1b[K");
      if (value_at(answer.body, "/state") == "succeeded") return answer.body;
      return std::unexpected(error_of_job(answer.body, id));
    }
    if (limit != 0 && invocation.world.now() - begun >= std::chrono::seconds(limit)) {
      if (draws) invocation.talk("\n");
      return fail(ErrorCode::timed_out, fmt::format("job {}", id), "it goes on: ashlar job watch {}", id);
    }
    invocation.world.sleep(pause_between_polls);
  }
}

}  // namespace ashlar::cli
