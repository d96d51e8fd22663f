#include "cli/user_commands.h"

#include "cli/body.h"
#include "cli/output.h"
#include "cli/resource_commands.h"
#include "cli/table.h"
#include "cli/text_lines.h"
#include "cli/yaml.h"

namespace ashlar::cli {
namespace {

std::string text_at(const Json& json, std::string_view pointer) {
  const Json& value = value_at(json, pointer);
  return value.is_string() ? value.get<std::string>() : "";
}

Result<std::string> ask_new_password(Invocation& invocation) {
  TRY_ASSIGN(std::string first, invocation.ask_secret("New password"));
  TRY_ASSIGN(const std::string second, invocation.ask_secret("The same again"));
  if (first != second)
    return fail(ErrorCode::invalid_argument, "password", "the two differ; nothing was done");
  return first;
}

// A secret option when it was given, else what a person types.
Result<std::string> secret_or_ask(Invocation& invocation, const char* option, const char* question) {
  const Argument argument{.name = option, .help = "", .type = Type::secret};
  const auto typed = invocation.values.find(option);
  if (typed == invocation.values.end()) return invocation.ask_secret(question);
  TRY_ASSIGN(const Json value, value_of(invocation, argument, typed->second));
  return value.get<std::string>();
}

Result<std::string> own_name(Invocation& invocation) {
  TRY_ASSIGN(const Answer me, invocation.get(path_of("/whoami")));
  const std::string user = text_at(me.body, "/user");
  return user.empty() ? text_at(me.body, "/name") : user;
}

}  // namespace

Result<void> create_user(Invocation& invocation) {
  TRY_ASSIGN(Json body, create_body(invocation));
  const bool local = invocation.text("--source", "local") == "local";
  if (local && !body.contains("password") && invocation.can_ask() && !invocation.options.dry_run) {
    TRY_ASSIGN(std::string password, ask_new_password(invocation));
    body["password"] = std::move(password);
  }
  return send_create(invocation, std::move(body), invocation.text("NAME"));
}

Result<void> change_password(Invocation& invocation) {
  const std::string name = invocation.text("NAME");
  TRY_ASSIGN(const std::string self, own_name(invocation));
  Json body = Json::object();
  if (self == name || invocation.has("--old-password")) {
    TRY_ASSIGN(body["old_password"], secret_or_ask(invocation, "--old-password", "Present password"));
  }
  if (invocation.has("--password")) {
    TRY_ASSIGN(body["password"], secret_or_ask(invocation, "--password", "New password"));
  } else {
    TRY_ASSIGN(body["password"], ask_new_password(invocation));
  }
  TRY(invocation.act("POST", path_of("/users", {name, "password"}), body));
  invocation.talk(fmt::format("user {} has a new password\n", printable(name)));
  return {};
}

Result<void> enroll_totp(Invocation& invocation) {
  const std::string name = invocation.text("NAME");
  const std::string path = path_of("/users", {name, "totp"});
  if (invocation.has("--remove")) {
    if (!invocation.options.dry_run)
      TRY(invocation.confirm(fmt::format("Leave {} without a second factor?", printable(name))));
    TRY(invocation.act("DELETE", path));
    invocation.talk(fmt::format("user {} has no second factor any more\n", printable(name)));
    return {};
  }
  std::string code = invocation.text("--code");
  if (code.empty()) {
    TRY_ASSIGN(const Answer secret, invocation.act("POST", path));
    if (!show_as_data(invocation, secret.body)) {
      invocation.data(printable_lines(fmt::format("secret  {}\nuri     {}\n", text_at(secret.body, "/secret"),
                                                  text_at(secret.body, "/uri"))));
    }
    if (!invocation.can_ask()) {
      invocation.talk("put it into the app, then: ashlar user totp NAME --code CODE\n");
      return {};
    }
    invocation.talk("Code that the app shows: ");
    code = invocation.world.terminal->read_line().value_or("");
  }
  TRY(invocation.act("POST", path + "/confirm", Json::object({{"code", code}})));
  invocation.talk(fmt::format("user {} logs in with a code from now on\n", printable(name)));
  return {};
}

Result<void> issue_certificate(Invocation& invocation) {
  const std::string name = invocation.text("NAME");
  if (invocation.has("--revoke")) {
    const std::string serial = invocation.text("--revoke");
    if (!invocation.options.dry_run)
      TRY(invocation.confirm(fmt::format("Revoke certificate {}?", printable(serial))));
    TRY(invocation.act("DELETE", path_of("/certificates", {serial})));
    invocation.talk(fmt::format("certificate {} is void\n", printable(serial)));
    return {};
  }
  const Argument days_argument{.name = "--days", .help = "", .type = Type::number};
  Json wish = Json::object();
  if (invocation.has("--days")) {
    TRY_ASSIGN(wish["days"], value_of(invocation, days_argument, {invocation.text("--days")}));
  }
  const std::string file = invocation.text("-f,--file", name + ".pem");
  if (file != "-" && !invocation.has("-f,--file") && name.contains('/')) {
    return invocation.usage("--file", "say where it goes: this name is no file name");
  }
  TRY_ASSIGN(const Answer issued, invocation.act("POST", path_of("/users", {name, "certificate"}), wish));
  if (show_as_data(invocation, issued.body)) return {};
  const std::string pem = text_at(issued.body, "/certificate_pem") + text_at(issued.body, "/key_pem");
  TRY(write_output(invocation, file, printable_lines(pem)));
  invocation.talk(fmt::format("certificate {} of {} and its key are in {}\n",
                              printable(text_at(issued.body, "/serial")),
                              printable(text_at(issued.body, "/subject")), printable(file)));
  return {};
}

Result<void> unlock_user(Invocation& invocation) {
  const std::string name = invocation.text("NAME");
  const std::string path = path_of("/users", {name});
  TRY_ASSIGN(const Answer current, invocation.get(path));
  Change change;
  change.method = "PATCH";
  change.path = path;
  change.body = Json::object({{"disabled", false}});
  change.etag = current.etag;
  change.done = fmt::format("user {} may log in", printable(name));
  return change_and_show(invocation, change);
}

Result<void> create_token(Invocation& invocation) {
  TRY_ASSIGN(Json body, create_body(invocation));
  if (!body.contains("user")) {
    TRY_ASSIGN(body["user"], own_name(invocation));
  }
  if (invocation.has("--expires")) {
    TRY_ASSIGN(body["expires_at"], future_time(invocation, invocation.text("--expires")));
  }
  Change change;
  change.method = "POST";
  change.path = path_of("/tokens");
  change.body = std::move(body);
  change.pace = Pace::answer;
  TRY_ASSIGN(const std::optional<Answer> made, make_change(invocation, change));
  if (!made) return {};
  if (!show_as_data(invocation, made->body)) invocation.data(printable(text_at(made->body, "/token")) + "\n");
  invocation.talk(fmt::format("token {} is created; keep it, it is not shown again\n",
                              printable(invocation.text("NAME"))));
  return {};
}

Result<void> end_login(Invocation& invocation) {
  const std::string id = invocation.text("ID");
  if (!invocation.options.dry_run) TRY(invocation.confirm(fmt::format("End login {}?", printable(id))));
  TRY(invocation.act("DELETE", path_of("/logins", {id})));
  invocation.talk(fmt::format("login {} is ended\n", printable(id)));
  return {};
}

Result<void> list_audit(Invocation& invocation) {
  const std::string target = with_query(path_of("/audit"), {{"actor", invocation.text("--actor")},
                                                            {"after", invocation.text("--after")},
                                                            {"limit", invocation.text("--limit", "100")}});
  TRY_ASSIGN(const Answer answer, invocation.get(target));
  TRY_ASSIGN(const Json some, filtered_here(invocation, items_of(answer.body)));
  show_items(invocation, invocation.noun.columns, some);
  return {};
}

Result<void> verify_audit(Invocation& invocation) {
  TRY_ASSIGN(const Answer answer, invocation.get(path_of("/audit/verify")));
  const bool intact = value_at(answer.body, "/intact") == true;
  if (!show_as_data(invocation, answer.body) && intact) invocation.data("the audit trail is whole\n");
  if (intact) return {};
  return fail(
      ErrorCode::io_error, "audit",
      "the trail was altered from record {} on: keep the state folder as it is and find out who did it",
      cell_of(value_at(answer.body, "/first_bad"), Shown::plain));
}

// Page after page by the id of the last record; all in one document.
Result<void> export_audit(Invocation& invocation) {
  constexpr size_t page = 1000, most_records = 1'000'000;
  const std::string format = invocation.text("--format", "json");
  if (format != "json" && format != "csv") return invocation.usage("--format", "json or csv");
  Json records = Json::array();
  std::string after = invocation.text("--after");
  size_t got = page;
  while (got == page && records.size() < most_records) {
    const std::string target = with_query(
        path_of("/audit"),
        {{"limit", std::to_string(page)}, {"actor", invocation.text("--actor")}, {"after", after}});
    TRY_ASSIGN(const Answer answer, invocation.get(target));
    const Json items = items_of(answer.body);
    got = items.size();
    for (const Json& item : items) records.push_back(item);
    const std::string last = got == 0 ? after : cell_of(value_at(items.back(), "/id"), Shown::plain);
    if (last == after) break;
    after = last;
  }
  const std::string text = format == "csv" ? csv_of(invocation, invocation.noun.columns, records)
                                           : print_safe_json(records, 2) + "\n";
  return write_output(invocation, invocation.text("-f,--file", "-"), text);
}

}  // namespace ashlar::cli
