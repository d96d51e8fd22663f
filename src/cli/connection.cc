#include "cli/connection.h"

#include <sys/stat.h>

#include "cli/arrays.h"

namespace ashlar::cli {
namespace {

constexpr std::string_view unix_scheme = "unix:";
constexpr uint32_t default_timeout_seconds = 60;

Connection connection_of(const KnownArray& array) {
  Connection connection;
  connection.array = array.name;
  connection.fingerprint = array.fingerprint;
  connection.ca_file = array.ca_file;
  connection.token = array.credential();
  if (array.url.starts_with(unix_scheme)) {
    connection.unix_socket = array.url.substr(unix_scheme.size());
  } else {
    connection.url = array.url;
  }
  return connection;
}

Result<Connection> connection_of_url(const std::string& typed, const Arrays& arrays) {
  KnownArray array;
  TRY_ASSIGN(array.url, full_url(typed));
  if (const KnownArray* known = arrays.find_url(array.url)) array = *known;
  return connection_of(array);
}

Connection local_connection(const Surroundings& world) {
  Connection connection;
  connection.unix_socket = world.environment("ASHLAR_AGENT_SOCKET");
  if (!connection.unix_socket.empty()) return connection;
  struct stat there{};
  const char* beside = "./var/agent.sock";
  connection.unix_socket = ::stat(beside, &there) == 0 ? beside : "/run/ashlar/agent.sock";
  return connection;
}

Result<Connection> choose(const Options& options, const Surroundings& world) {
  Arrays arrays;
  if (const Result<std::string> path = arrays_path(world)) {
    TRY_ASSIGN(arrays, load_arrays(*path));
  }
  if (!options.url.empty()) return connection_of_url(options.url, arrays);
  if (!options.array.empty()) {
    const KnownArray* known = arrays.find(options.array);
    if (known != nullptr) return connection_of(*known);
    return fail(ErrorCode::not_found, options.array,
                "no array of that name is known here: `ashlar array list`, `ashlar login URL --name {}`",
                options.array);
  }
  if (const std::string url = world.environment("ASHLAR_URL"); !url.empty())
    return connection_of_url(url, arrays);
  // A socket that was named on purpose is nearer than what was once logged into.
  if (world.environment("ASHLAR_AGENT_SOCKET").empty()) {
    if (const KnownArray* preferred = arrays.find(arrays.preferred)) return connection_of(*preferred);
  }
  return local_connection(world);
}

}  // namespace

std::string configuration_folder(const Surroundings& world) {
  if (const std::string said = world.environment("XDG_CONFIG_HOME"); !said.empty()) return said + "/ashlar";
  const std::string home = world.environment("HOME");
  return home.empty() ? "" : home + "/.config/ashlar";
}

Result<std::string> arrays_path(const Surroundings& world) {
  const std::string folder = configuration_folder(world);
  if (folder.empty())
    return fail(ErrorCode::not_found, "$HOME", "is not set, so there is no place for arrays.json");
  return folder + "/arrays.json";
}

Result<Connection> choose_connection(const Options& options, const Surroundings& world) {
  TRY_ASSIGN(Connection connection, choose(options, world));
  if (!options.ca_file.empty()) {
    connection.ca_file = options.ca_file;
    connection.fingerprint.clear();
  }
  std::string token = options.token.empty() ? world.environment("ASHLAR_TOKEN") : options.token;
  if (!token.empty()) connection.token = std::move(token);
  connection.timeout_seconds = options.timeout_seconds.value_or(default_timeout_seconds);
  return connection;
}

}  // namespace ashlar::cli
