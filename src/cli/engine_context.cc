#include "cli/engine_commands.h"
#include "cli/yaml.h"

namespace ashlar::cli {

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

bool Context::show_as_data(const rpc::Json& json) const {
  if (format == Format::json) data(print_safe_json(json, 2) + "\n");
  if (format == Format::yaml) data(print_yaml(json));
  return format == Format::json || format == Format::yaml;
}

void Context::show(const Table& table, const rpc::Json& json) const {
  if (show_as_data(json)) return;
  switch (format) {
    case Format::name: data(table.names()); break;
    case Format::csv: data(table.csv(headings)); break;
    default: data(table.print(format == Format::wide, headings)); break;
  }
}

}  // namespace ashlar::cli
