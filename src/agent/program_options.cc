#include "agent/program_options.h"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <filesystem>
#include <map>

#include "base/version.h"

namespace ashlar::agent {
namespace {

std::string absolute(const std::string& path) {
  std::error_code ignored;
  std::string text = std::filesystem::absolute(path, ignored).lexically_normal().string();
  while (text.size() > 1 && text.ends_with('/')) text.pop_back();
  return text;
}

}  // namespace

Result<std::optional<ProgramOptions>> parse_options(int count, char** words) {
  ProgramOptions options;
  options.state_folder = "/var/lib/ashlar";
  CLI::App app("Ashlar's agent: the configuration of an array, its API, its alerts", "ashlard");
  const std::map<std::string, LogLevel> levels = {{"debug", LogLevel::debug},
                                                  {"info", LogLevel::info},
                                                  {"warning", LogLevel::warning},
                                                  {"error", LogLevel::error}};
  app.add_option("--state-dir", options.state_folder, "Where the configuration, secrets and history are kept")
      ->capture_default_str();
  app.add_option("--engine-socket", options.engine_socket,
                 "The engine's socket (default: engine.sock in the state folder)");
  app.add_option("--socket", options.socket_path,
                 "A socket for this machine's own use (default: agent.sock in the state folder)");
  app.add_option("--address", options.address, "Address of the API; :: is all")->capture_default_str();
  app.add_option("--port", options.port, "Port of the API; 0: any that is free")->capture_default_str();
  app.add_option("--user", options.user, "Whom to become when started as root; \"\" to stay root")
      ->capture_default_str();
  app.add_option("--server-name", options.server_names,
                 "A name or address of this machine, for its certificate; may be repeated");
  app.add_option("--log-level", options.log_level, "debug, info, warning or error")
      ->transform(CLI::CheckedTransformer(levels));
  app.set_version_flag("--version", std::string("ashlard ") + ashlar_version);
  try {
    app.parse(count, words);
  } catch (const CLI::Success& done) {
    app.exit(done);
    return std::nullopt;
  } catch (const CLI::ParseError& error) {
    return fail(ErrorCode::invalid_argument, "", "{}; see ashlard --help", error.what());
  }
  options.state_folder = absolute(options.state_folder);
  options.engine_socket =
      options.engine_socket.empty() ? options.state_folder + "/engine.sock" : absolute(options.engine_socket);
  options.socket_path =
      options.socket_path.empty() ? options.state_folder + "/agent.sock" : absolute(options.socket_path);
  return options;
}

}  // namespace ashlar::agent
