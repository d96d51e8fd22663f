#include "engine/program_options.h"

#include <getopt.h>
#include <sched.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "engine/version.h"
#include "loop/real_shards.h"

namespace ashlar::engine {
namespace {

constexpr char usage[] = R"(usage: ashlar-engine [options]

Serves volumes to hosts over iSCSI. What it serves is told by one document, given at start or by its socket:
`ashlar engine apply -f FILE`.

  --state-dir DIR      where relative paths of the document begin, and the socket is, if no other is said
  --socket PATH        the socket for `ashlar engine ...` (default: $ASHLAR_SOCKET, DIR/engine.sock, /run/ashlar/engine.sock)
  --document FILE      apply this document at start (--apply is the same)
  --shards N           threads that carry I/O, 1 to 256 (default: one for each core that this process may use)
  --pin                keep each shard on a core of its own
  --spin-us N          look for work that long before sleeping: less latency, more CPU (default 0, at most 1000)
  --memory-mib N       buffers of each shard, 32 to 65536 (default 192)
  --stop-grace N       seconds that commands in flight get at a stop (default 10, at most 600)
  --log-level LEVEL    debug, info, warning or error (default info)
  --version, --help

SIGTERM and SIGINT stop it cleanly; a second one stops it at once.
)";

uint32_t usable_cores() {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  if (sched_getaffinity(0, sizeof cores, &cores) != 0) return 1;
  return std::clamp<uint32_t>(static_cast<uint32_t>(CPU_COUNT(&cores)), 1, loop::RealShards::max_count);
}

Result<uint32_t> number(std::string_view name, std::string_view text, uint32_t lowest, uint32_t highest) {
  uint32_t value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc() || end != text.data() + text.size() || value < lowest || value > highest) {
    return fail(ErrorCode::invalid_argument, std::string(name), "'{}' is not a number from {} to {}", text,
                lowest, highest);
  }
  return value;
}

Result<LogLevel> level(std::string_view text) {
  static constexpr std::string_view names[] = {"debug", "info", "warning", "error"};
  const auto found = std::ranges::find(names, text);
  if (found != std::end(names)) return static_cast<LogLevel>(found - std::begin(names));
  return fail(ErrorCode::invalid_argument, "--log-level", "'{}' is none of debug, info, warning, error",
              text);
}

std::string absolute(const std::string& path) {
  std::error_code ignored;
  const std::filesystem::path whole = std::filesystem::absolute(path, ignored).lexically_normal();
  std::string text = whole.string();
  while (text.size() > 1 && text.ends_with('/')) text.pop_back();
  return text;
}

enum Flag : int {
  help = 1,
  version,
  state_dir,
  socket_path,
  document,
  shards,
  pin,
  spin,
  memory,
  grace,
  log_level
};

const option flags[] = {
    {"help", no_argument, nullptr, Flag::help},
    {"version", no_argument, nullptr, Flag::version},
    {"state-dir", required_argument, nullptr, Flag::state_dir},
    {"socket", required_argument, nullptr, Flag::socket_path},
    {"document", required_argument, nullptr, Flag::document},
    {"apply", required_argument, nullptr, Flag::document},
    {"shards", required_argument, nullptr, Flag::shards},
    {"pin", no_argument, nullptr, Flag::pin},
    {"spin-us", required_argument, nullptr, Flag::spin},
    {"memory-mib", required_argument, nullptr, Flag::memory},
    {"stop-grace", required_argument, nullptr, Flag::grace},
    {"log-level", required_argument, nullptr, Flag::log_level},
    {nullptr, 0, nullptr, 0},
};

Result<void> take(ProgramOptions& options, int flag, const std::string& value) {
  switch (flag) {
    case Flag::state_dir: options.state_folder = absolute(value); break;
    case Flag::socket_path: options.socket_path = absolute(value); break;
    case Flag::document: options.document_path = absolute(value); break;
    case Flag::pin: options.pin = true; break;
    case Flag::shards: {
      TRY_ASSIGN(options.shards, number("--shards", value, 1, loop::RealShards::max_count));
      break;
    }
    case Flag::spin: {
      TRY_ASSIGN(options.spin_microseconds, number("--spin-us", value, 0, 1000));
      break;
    }
    case Flag::memory: {
      TRY_ASSIGN(options.memory_mib, number("--memory-mib", value, 32, 65536));
      break;
    }
    case Flag::grace: {
      TRY_ASSIGN(options.stop_grace_seconds, number("--stop-grace", value, 0, 600));
      break;
    }
    case Flag::log_level: {
      TRY_ASSIGN(options.log_level, level(value));
      break;
    }
    default: return fail(ErrorCode::invalid_argument, "", "see ashlar-engine --help");
  }
  return {};
}

}  // namespace

Result<std::optional<ProgramOptions>> parse_options(int count, char** words) {
  ProgramOptions options;
  options.shards = usable_cores();
  int flag;
  while ((flag = getopt_long(count, words, "", flags, nullptr)) != -1) {
    if (flag == Flag::help) {
      std::fputs(usage, stdout);
      return std::nullopt;
    }
    if (flag == Flag::version) {
      std::printf("ashlar-engine %s\n", engine_version);
      return std::nullopt;
    }
    TRY(take(options, flag, optarg == nullptr ? "" : optarg));
  }
  if (optind < count)
    return fail(ErrorCode::invalid_argument, words[optind], "is not expected here; see ashlar-engine --help");
  if (const char* from_environment = std::getenv("ASHLAR_SOCKET");
      options.socket_path.empty() && from_environment != nullptr) {
    options.socket_path = absolute(from_environment);
  }
  if (options.socket_path.empty()) {
    options.socket_path =
        options.state_folder.empty() ? "/run/ashlar/engine.sock" : options.state_folder + "/engine.sock";
  }
  return options;
}

}  // namespace ashlar::engine
