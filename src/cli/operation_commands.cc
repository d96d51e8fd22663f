#include "cli/operation_commands.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "cli/change.h"
#include "cli/job.h"
#include "cli/output.h"
#include "cli/resource_commands.h"
#include "cli/table.h"

namespace ashlar::cli {
namespace {

bool is_wanted(const Invocation& invocation, const Json& event) {
  const std::vector<std::string> topics = invocation.list("--topic");
  return topics.empty() ||
         std::ranges::find(topics, cell_of(value_at(event, "/topic"), Shown::plain)) != topics.end();
}

// As the setting's present value has it; text when there is none.
Json setting_value(const Json& setting, const std::string& typed, const std::vector<std::string>& list) {
  const Json& now = value_at(setting, "/value").is_null() ? value_at(setting, "/status/default")
                                                          : value_at(setting, "/value");
  if (now.is_array()) return Json(list);
  if (now.is_string()) return typed;
  const Result<Json> json = api::parse_json(typed);
  return json && json->is_primitive() ? *json : Json(typed);
}

Result<void> download(Invocation& invocation, const std::string& target, const std::string& path) {
  // Beside first: what is cut off halfway must not look like a bundle.
  const std::string beside = path + ".part";
  const int file = ::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) return std::unexpected(error_of_errno(errno, beside, "cannot be written"));
  int error = 0;
  TRY_ASSIGN(Api * agent, invocation.api());
  const Result<int> status = agent->stream(target, {}, [&](std::string_view bytes) {
    while (!bytes.empty() && error == 0) {
      const ssize_t written = ::write(file, bytes.data(), bytes.size());
      if (written < 0 && errno != EINTR) error = errno;
      if (written > 0) bytes.remove_prefix(static_cast<size_t>(written));
    }
    return error == 0;
  });
  if (::close(file) != 0 && error == 0) error = errno;
  Result<void> done;
  if (error != 0) done = std::unexpected(error_of_errno(error, beside, "cannot be written"));
  if (!status) done = std::unexpected(status.error());
  if (status && *status != 200) done = std::unexpected(error_of(Answer{.status = *status}));
  if (done && std::rename(beside.c_str(), path.c_str()) != 0) {
    done = std::unexpected(error_of_errno(errno, path, "cannot be renamed to"));
  }
  if (!done) ::unlink(beside.c_str());
  return done;
}

}  // namespace

Result<void> watch_job_command(Invocation& invocation) {
  const std::string id = invocation.text("ID");
  TRY_ASSIGN(const Json job, watch_job(invocation, id));
  if (invocation.options.format) show_item(invocation, job, "/id");
  invocation.talk(fmt::format("job {} is done\n", printable(id)));
  return {};
}

Result<void> cancel_job(Invocation& invocation) {
  const std::string id = invocation.text("ID");
  TRY(invocation.act("DELETE", path_of("/jobs", {id})));
  invocation.talk(fmt::format("job {} is told to end\n", printable(id)));
  return {};
}

Result<void> list_events(Invocation& invocation) {
  const std::string target = with_query(path_of("/events"), {{"after", invocation.text("--after")},
                                                             {"limit", invocation.text("--limit", "100")}});
  TRY_ASSIGN(const Answer answer, invocation.get(target));
  Json wanted = Json::array();
  for (const Json& event : items_of(answer.body)) {
    if (is_wanted(invocation, event)) wanted.push_back(event);
  }
  TRY_ASSIGN(const Json some, filtered_here(invocation, wanted));
  show_items(invocation, invocation.noun.columns, some);
  return {};
}

Result<void> set_setting(Invocation& invocation) {
  const std::string name = invocation.text("NAME");
  const std::string path = path_of("/settings", {name});
  TRY_ASSIGN(const Answer current, invocation.get(path));
  Change change;
  change.method = "PUT";
  change.path = path;
  change.body = Json::object(
      {{"value", setting_value(current.body, invocation.text("VALUE"), invocation.list("VALUE"))}});
  change.etag = current.etag;
  change.done =
      fmt::format("setting {} is {}", printable(name), printable(api::print_json(change.body["value"])));
  return change_and_show(invocation, change);
}

Result<void> unset_setting(Invocation& invocation) {
  const std::string name = invocation.text("NAME");
  Change change;
  change.method = "DELETE";
  change.path = path_of("/settings", {name});
  change.done = fmt::format("setting {} has its default", printable(name));
  return change_and_show(invocation, change);
}

Result<void> support_bundle(Invocation& invocation) {
  TRY_ASSIGN(const Answer accepted, invocation.act("POST", path_of("/support-bundle")));
  const std::string id = job_of(accepted);
  if (id.empty() ||
      id.find_first_not_of("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_") !=
          std::string::npos) {
    return fail(ErrorCode::protocol_error, "job", "the agent told no job");
  }
  TRY(watch_job(invocation, id));
  const std::string path = invocation.text("-f,--file", fmt::format("ashlar-support-{}.tar.gz", id));
  TRY(download(invocation, path_of("/support-bundle", {id}), path));
  invocation.talk(fmt::format("the support bundle is in {}\n", printable(path)));
  return {};
}

}  // namespace ashlar::cli
