#include "cli/invocation.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <iterator>

#include "cli/connection.h"
#include "cli/table.h"

namespace ashlar::cli {
namespace {

// To a script, "nobody listens" must not look like "no such volume", nor "denied" like a wrong password.
Error explain(Error error, const Connection& connection) {
  const bool by_socket = connection.url.empty();
  switch (error.code) {
    case ErrorCode::not_found:
    case ErrorCode::closed:
      return {
          ErrorCode::io_error, connection.place(),
          by_socket
              ? "no agent listens here: start one (make run), or name one with --url, --array, $ASHLAR_URL or "
                "$ASHLAR_AGENT_SOCKET; `ashlar engine` talks to an engine without one"
              : "no agent answers: " + error.message};
    case ErrorCode::permission_denied:
      return {error.code, connection.place(),
              by_socket ? "the agent's socket may not be opened: " + error.message
                        : error.message +
                              "; if its certificate was renewed, compare fingerprints and log in again"};
    case ErrorCode::timed_out:
      return {error.code, connection.place(), "no answer within the time; see --timeout"};
    default: return error;
  }
}

}  // namespace

std::string Invocation::text(std::string_view name, std::string_view otherwise) const {
  const auto found = values.find(name);
  return found == values.end() || found->second.empty() ? std::string(otherwise) : found->second.back();
}

std::vector<std::string> Invocation::list(std::string_view name) const {
  std::vector<std::string> all;
  const auto found = values.find(name);
  if (found == values.end()) return all;
  for (const std::string_view typed : found->second) {
    for (size_t begin = 0; begin <= typed.size();) {
      const size_t comma = std::min(typed.find(',', begin), typed.size());
      if (comma > begin) all.emplace_back(typed.substr(begin, comma - begin));
      begin = comma + 1;
    }
  }
  return all;
}

std::unexpected<Error> Invocation::usage(std::string place, std::string message) {
  return ends_with(exit_usage, {ErrorCode::invalid_argument, std::move(place), std::move(message)});
}

std::unexpected<Error> Invocation::ends_with(int exit_code, Error error) {
  exit_code_ = exit_code;
  return std::unexpected(std::move(error));
}

Result<Api*> Invocation::api() {
  if (api_ == nullptr) {
    TRY_ASSIGN(connection_, choose_connection(options, world));
    api_ = world.connect(connection_);
  }
  return api_.get();
}

void Invocation::use(Connection connection) {
  connection_ = std::move(connection);
  api_ = world.connect(connection_);
}

Result<Answer> Invocation::exchange(std::string_view method, const std::string& target,
                                    const http::Headers& headers, std::string body) {
  TRY_ASSIGN(Api * agent, api());
  Result<http::Response> response = agent->call(method, target, headers, std::move(body));
  if (!response) return std::unexpected(explain(std::move(response).error(), connection_));
  return read_answer(std::move(*response));
}

Result<Answer> Invocation::get(const std::string& target) {
  TRY_ASSIGN(Answer answer, exchange("GET", target));
  if (!answer.ok()) return std::unexpected(error_of(answer));
  return answer;
}

Result<Answer> Invocation::act(std::string_view method, const std::string& target, const Json& body) {
  if (options.dry_run)
    return usage("--dry-run", "this command makes no plan, so it cannot be tried without doing it");
  http::Headers headers;
  if (!body.is_null()) headers.emplace_back("Content-Type", "application/json");
  TRY_ASSIGN(Answer answer, exchange(method, target, headers, body.is_null() ? "" : api::print_json(body)));
  if (!answer.ok()) return std::unexpected(error_of(answer));
  return answer;
}

bool Invocation::asked_yes(const std::string& question) const {
  if (!can_ask()) return false;
  talk(question + " [y/N] ");
  const std::optional<std::string> answer = world.terminal->read_line();
  return answer && (*answer == "y" || *answer == "Y" || *answer == "yes");
}

Result<void> Invocation::confirm(const std::string& question) {
  if (options.yes) return {};
  if (!can_ask()) return usage("--yes", "nobody is there to be asked, so say -y to go on");
  if (asked_yes(question)) return {};
  return fail(ErrorCode::aborted, "", "nothing was done");
}

Result<std::string> Invocation::ask_secret(const std::string& question) {
  if (!can_ask()) return usage(question, "there is no terminal to ask for it on");
  talk(question + ": ");
  std::optional<std::string> typed = world.terminal->read_hidden();
  talk("\n");
  if (!typed) return fail(ErrorCode::aborted, "", "nothing was done");
  return std::move(*typed);
}

bool Invocation::colored() const {
  if (options.color != "auto") return options.color == "always";
  return world.terminal->output_is_tty() && world.environment("NO_COLOR").empty() &&
         world.environment("TERM") != "dumb";
}

Result<std::string> Invocation::read_input(const std::string& path) {
  if (path == "-") return world.terminal->read_all();
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::unexpected(error_of_errno(errno, path, "cannot be read"));
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (file.bad()) return fail(ErrorCode::io_error, path, "cannot be read");
  return text;
}

Result<void> write_output(Invocation& invocation, const std::string& path, std::string_view text) {
  if (path == "-") {
    invocation.data(text);
    return {};
  }
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) return std::unexpected(error_of_errno(errno, path, "cannot be written"));
  int error = 0;
  while (!text.empty() && error == 0) {
    const ssize_t written = ::write(file, text.data(), text.size());
    if (written < 0 && errno != EINTR) error = errno;
    if (written > 0) text.remove_prefix(static_cast<size_t>(written));
  }
  if (::close(file) != 0 && error == 0) error = errno;
  if (error != 0) return std::unexpected(error_of_errno(error, path, "cannot be written"));
  return {};
}

}  // namespace ashlar::cli
