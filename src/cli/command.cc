#include "cli/command.h"

namespace ashlar::cli {

int exit_code_of(const Error& error) {
  switch (error.code) {
    case ErrorCode::not_found: return exit_not_found;
    case ErrorCode::already_exists:
    case ErrorCode::busy: return exit_conflict;
    case ErrorCode::permission_denied: return exit_denied;
    case ErrorCode::timed_out: return exit_timeout;
    default: return exit_failed;
  }
}

Result<rpc::Client> Context::connect() const {
  Result<rpc::Client> client = rpc::Client::connect(socket_path);
  if (client) {
    client->set_timeout(std::chrono::seconds(timeout_seconds));
    return client;
  }
  // To a script, "no engine" must not look like "no such volume".
  switch (client.error().code) {
    case ErrorCode::not_found:
    case ErrorCode::closed:
      return fail(
          ErrorCode::io_error, socket_path,
          "no engine listens here: start one (make run, or ashlar-engine --state-dir DIR), or name its socket with --socket PATH or "
          "$ASHLAR_SOCKET");
    case ErrorCode::permission_denied:
      return fail(ErrorCode::permission_denied, socket_path,
                  "the engine's socket is open to its own user only: become that user (sudo)");
    default: return client;
  }
}

Result<rpc::Json> Context::call(std::string_view method, const rpc::Json& params) const {
  TRY_ASSIGN(rpc::Client client, connect());
  return client.call(method, params);
}

void Context::show(const Table& table, const rpc::Json& json) const {
  switch (format) {
    case Format::table:
    case Format::wide: data(table.print(format == Format::wide)); break;
    case Format::json: data(rpc::print_json(json, 2) + "\n"); break;
    case Format::name: data(table.names()); break;
  }
}

}  // namespace ashlar::cli
