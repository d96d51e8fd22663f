#include "cli/login_commands.h"

#include <algorithm>

#include "cli/arrays.h"
#include "cli/connection.h"
#include "cli/output.h"
#include "cli/table.h"

namespace ashlar::cli {
namespace {

std::string host_of(std::string_view url) {
  if (url.starts_with("https://")) url.remove_prefix(8);
  if (url.starts_with("unix:")) return "local";
  const size_t bracket = url.rfind(']');
  const size_t colon = url.find(':', bracket == std::string_view::npos ? 0 : bracket);
  return std::string(url.substr(0, colon));
}

// What is known of the array that is meant, or a fresh one of that URL.
Result<KnownArray> array_to_log_in(Invocation& invocation, const Arrays& arrays) {
  KnownArray array;
  const std::string typed = invocation.text("URL", invocation.options.url);
  if (typed.empty()) {
    const std::string name = invocation.options.array.empty() ? arrays.preferred : invocation.options.array;
    const KnownArray* known = arrays.find(name);
    if (known == nullptr) return invocation.usage("URL", "say which array: ashlar login https://HOST:8443");
    return *known;
  }
  const Result<std::string> url = full_url(typed);
  if (!url) return invocation.usage(url.error().place, url.error().message);
  if (const KnownArray* known = arrays.find_url(*url)) array = *known;
  array.url = *url;
  if (array.name.empty() || invocation.has("--name")) array.name = invocation.text("--name", host_of(*url));
  return array;
}

// Whose certificate it is must be settled before a password goes there.
Result<void> pin(Invocation& invocation, KnownArray& array) {
  if (!invocation.options.ca_file.empty()) {
    array.ca_file = invocation.options.ca_file;
    array.fingerprint.clear();
    return {};
  }
  if (array.url.starts_with("unix:")) return {};
  if (invocation.has("--fingerprint")) {
    const Result<std::string> given = read_fingerprint(invocation.text("--fingerprint"));
    if (!given) return invocation.usage(given.error().place, given.error().message);
    array.fingerprint = *given;
    return {};
  }
  if (!array.fingerprint.empty() || !array.ca_file.empty()) return {};
  TRY_ASSIGN(const std::string shown, invocation.world.server_fingerprint(array.url));
  invocation.talk(
      fmt::format("{} shows a certificate that is not known here; its SHA-256 fingerprint:\n  {}\n"
                  "compare it with the one on the array's console\n",
                  printable(array.url), print_fingerprint(shown)));
  if (!invocation.can_ask()) {
    return invocation.usage("--fingerprint",
                            "nobody is there to compare it, so give the right one by --fingerprint, or --ca");
  }
  if (!invocation.asked_yes("Is it the same?")) return fail(ErrorCode::aborted, "", "nothing was done");
  array.fingerprint = shown;
  return {};
}

Result<std::string> password_of(Invocation& invocation) {
  if (!invocation.has("--password-stdin")) return invocation.ask_secret("Password");
  const std::optional<std::string> line = invocation.world.terminal->read_line();
  if (!line) return invocation.usage("--password-stdin", "standard input is empty");
  return *line;
}

Result<std::string> user_of(Invocation& invocation, const KnownArray& array) {
  std::string user = invocation.text("--user", array.user);
  if (!user.empty()) return user;
  if (!invocation.can_ask()) return invocation.usage("--user", "say as whom");
  invocation.talk("User: ");
  user = invocation.world.terminal->read_line().value_or("");
  if (user.empty()) return fail(ErrorCode::aborted, "", "nothing was done");
  return user;
}

bool wants_code(const Answer& answer) {
  return answer.status == 401 && value_at(answer.body, "/field") == "totp";
}

Result<Answer> post_login(Invocation& invocation, const Json& body) {
  return invocation.exchange("POST", path_of("/login"), {{"Content-Type", "application/json"}},
                             api::print_json(body));
}

Result<void> log_in_as_user(Invocation& invocation, KnownArray& array) {
  TRY_ASSIGN(array.user, user_of(invocation, array));
  Json body = Json::object({{"user", array.user}});
  TRY_ASSIGN(body["password"], password_of(invocation));
  if (invocation.has("--totp")) body["totp"] = invocation.text("--totp");
  TRY_ASSIGN(Answer answer, post_login(invocation, body));
  if (wants_code(answer) && !invocation.has("--totp") && invocation.can_ask()) {
    invocation.talk("Code that the app shows: ");
    body["totp"] = invocation.world.terminal->read_line().value_or("");
    TRY_ASSIGN(answer, post_login(invocation, body));
  }
  if (!answer.ok()) return std::unexpected(error_of(answer));
  const Json& session = value_at(answer.body, "/session");
  if (!session.is_string()) return fail(ErrorCode::protocol_error, "session", "the agent's answer has none");
  array.session = session.get<std::string>();
  array.token.clear();
  return {};
}

Connection connection_of(const Invocation& invocation, const KnownArray& array) {
  Connection connection;
  connection.array = array.name;
  connection.fingerprint = array.fingerprint;
  connection.ca_file = array.ca_file;
  connection.timeout_seconds = invocation.options.timeout_seconds.value_or(60);
  const bool local = array.url.starts_with("unix:");
  (local ? connection.unix_socket : connection.url) = local ? array.url.substr(5) : array.url;
  return connection;
}

}  // namespace

Result<void> login(Invocation& invocation) {
  TRY_ASSIGN(const std::string path, arrays_path(invocation.world));
  TRY_ASSIGN(Arrays arrays, load_arrays(path));
  TRY_ASSIGN(KnownArray array, array_to_log_in(invocation, arrays));
  const KnownArray* namesake = arrays.find(array.name);
  if (namesake != nullptr && namesake->url != array.url) {
    return invocation.usage(
        "--name", fmt::format("'{}' is {} here; give this one another name by --name, or remove that one",
                              printable(array.name), printable(namesake->url)));
  }
  TRY(pin(invocation, array));
  Connection connection = connection_of(invocation, array);
  if (invocation.options.token.empty()) {
    invocation.use(connection);
    TRY(log_in_as_user(invocation, array));
  } else {
    connection.token = invocation.options.token;
    invocation.use(connection);
    TRY(invocation.get(path_of("/whoami")));
    array.token = invocation.options.token;
    array.session.clear();
  }
  std::erase_if(arrays.arrays, [&array](const KnownArray& each) {
    return each.name == array.name || each.url == array.url;
  });
  arrays.arrays.push_back(array);
  arrays.preferred = array.name;
  TRY(save_arrays(path, arrays));
  invocation.talk(fmt::format("logged in to {} ({})\n", printable(array.name), printable(array.url)));
  return {};
}

Result<void> logout(Invocation& invocation) {
  TRY_ASSIGN(const std::string path, arrays_path(invocation.world));
  TRY_ASSIGN(Arrays arrays, load_arrays(path));
  TRY(invocation.api());
  // What it holds is forgotten here even when the agent is away.
  const Result<Answer> told = invocation.act("POST", path_of("/logout"));
  if (invocation.options.dry_run) return told ? Result<void>{} : std::unexpected(told.error());
  KnownArray* array = arrays.find(invocation.connection().array);
  if (array != nullptr) {
    array->session.clear();
    array->token.clear();
    TRY(save_arrays(path, arrays));
  }
  if (!told && (array == nullptr || exit_code_of(told.error()) != exit_denied))
    return std::unexpected(told.error());
  invocation.talk("logged out\n");
  return {};
}

Result<void> who_am_i(Invocation& invocation) {
  TRY_ASSIGN(const Answer answer, invocation.get(path_of("/whoami")));
  show_item(invocation, answer.body, "/user");
  return {};
}

Result<void> list_arrays(Invocation& invocation) {
  constexpr Column columns[] = {
      {"NAME", "/name"},   {"IN USE", "/in_use", Shown::yes_no},
      {"URL", "/url"},     {"USER", "/user"},
      {"LOGIN", "/login"}, {"FINGERPRINT", "/fingerprint", Shown::plain, false, true},
  };
  TRY_ASSIGN(const std::string path, arrays_path(invocation.world));
  TRY_ASSIGN(const Arrays arrays, load_arrays(path));
  Json items = Json::array();
  for (const KnownArray& array : arrays.arrays) {
    items.push_back(Json::object({{"name", array.name},
                                  {"in_use", array.name == arrays.preferred},
                                  {"url", array.url},
                                  {"user", array.user},
                                  {"login", !array.token.empty()    ? "token"
                                            : array.session.empty() ? "none"
                                                                    : "session"},
                                  {"fingerprint", array.fingerprint}}));
  }
  show_items(invocation, columns, items);
  return {};
}

Result<void> use_array(Invocation& invocation) {
  const std::string name = invocation.text("NAME");
  TRY_ASSIGN(const std::string path, arrays_path(invocation.world));
  TRY_ASSIGN(Arrays arrays, load_arrays(path));
  if (arrays.find(name) == nullptr)
    return fail(ErrorCode::not_found, name, "no array of that name is known here");
  arrays.preferred = name;
  TRY(save_arrays(path, arrays));
  invocation.talk(fmt::format("{} is meant from now on\n", printable(name)));
  return {};
}

Result<void> remove_array(Invocation& invocation) {
  const std::string name = invocation.text("NAME");
  TRY_ASSIGN(const std::string path, arrays_path(invocation.world));
  TRY_ASSIGN(Arrays arrays, load_arrays(path));
  if (std::erase_if(arrays.arrays, [&name](const KnownArray& each) { return each.name == name; }) == 0) {
    return fail(ErrorCode::not_found, name, "no array of that name is known here");
  }
  if (arrays.preferred == name) arrays.preferred.clear();
  TRY(save_arrays(path, arrays));
  invocation.talk(fmt::format("{} is forgotten; its session, if any, ends by itself\n", printable(name)));
  return {};
}

}  // namespace ashlar::cli
