#include "load/options.h"

#include <array>
#include <CLI/CLI.hpp>

#include "load/journal.h"

namespace ashlar::load {
namespace {

struct Pattern {
  const char* name;
  bool sequential;
  int read_percent;  // -1: what --rwmixread says
};
constexpr std::array<Pattern, 6> patterns = {{{"read", true, 100},
                                              {"write", true, 0},
                                              {"randread", false, 100},
                                              {"randwrite", false, 0},
                                              {"rw", true, -1},
                                              {"randrw", false, -1}}};

/// What is on the line, as text and numbers, before it is an Options.
struct Line {
  std::string url, rw = "randread", digests = "none";
  uint32_t mix = 50;
  bool wait = false;
};

void add_load(CLI::App& app, Options& options, Line& line) {
  app.add_option("URL", line.url, "iscsi://[USER@]HOST[:PORT]/IQN/LUN or nvme-tcp://HOST[:PORT]/NQN/NSID");
  app.add_option("--rw", line.rw, "read, write, rw (in order), randread, randwrite, randrw")
      ->check(CLI::IsMember({"read", "write", "rw", "randread", "randwrite", "randrw"}))
      ->capture_default_str();
  app.add_option("--rwmixread", line.mix, "percent of reads of rw and randrw")
      ->check(CLI::Range(0, 100))
      ->capture_default_str();
  app.add_option("--bs", options.block_bytes, "bytes of one read or write: 4k, 1m")
      ->transform(CLI::AsSizeValue(false))
      ->check(CLI::Range(512u, max_block_bytes))
      ->capture_default_str();
  app.add_option("--iodepth", options.depth, "in flight on each connection")
      ->check(CLI::Range(1u, max_depth))
      ->capture_default_str();
  app.add_option("--connections", options.connections, "iSCSI sessions, NVMe I/O queues")
      ->check(CLI::Range(1u, max_connections))
      ->capture_default_str();
  app.add_option("--rate", options.rate, "reads and writes a second in all; 0: as many as go")
      ->check(CLI::Range(uint64_t{0}, uint64_t{100'000'000}));
  app.add_option("--runtime", options.runtime_seconds, "seconds that are measured")
      ->check(CLI::Range(0.01, 1e7))
      ->capture_default_str();
  app.add_option("--ramp_time,--ramp-time", options.ramp_seconds, "seconds before that")
      ->check(CLI::Range(0.0, 3600.0));
  app.add_option("--size", options.size_bytes, "how much of the unit; 0: up to its end")
      ->transform(CLI::AsSizeValue(false));
  app.add_option("--offset", options.offset_bytes, "where that begins")->transform(CLI::AsSizeValue(false));
  app.add_flag("--once", options.once, "in order: each block once, then the end, whatever --runtime says");
  app.add_flag("--overwrite", options.overwrite,
               "what the unit holds may be destroyed: every --rw but read and randread wants this word");
  app.add_flag("--fua", options.durable, "writes are on the medium before they are acknowledged");
  app.add_option("--seed", options.seed, "of what chance decides, and of the data written");
}

void add_rest(CLI::App& app, Options& options, Line& line) {
  app.add_option(
      "--verify", options.journal,
      "writes data that can be told, checks what is read, and notes each acknowledged write in this new file");
  app.add_option(
      "--verify-only", options.verify_only,
      "reads back every write that this file says was acknowledged; the rest of the line may be left out");
  app.add_option("--host-name", options.host_name, "IQN or NQN of this host");
  app.add_option(
      "--secret-file", options.secret_file,
      "its first line is the CHAP secret of the URL's USER; over nvme-tcp this host's key, DHHC-1:...");
  app.add_option("--tls-key-file", options.tls_key_file,
                 "its first line is the key of TLS, NVMeTLSkey-1:..., over nvme-tcp");
  app.add_option("--digests", line.digests, "CRC32C of headers, data, both, or none")
      ->check(CLI::IsMember({"none", "header", "data", "both"}))
      ->capture_default_str();
  auto* spin = app.add_flag("--spin", options.spin,
                            "the client never sleeps: it takes a core, and sees answers sooner");
  app.add_flag("--wait", line.wait, "it sleeps when nothing comes (default)")->excludes(spin);
  app.add_option("--watch-pid", options.watched_pid, "tell the CPU time of that process")
      ->check(CLI::Range(1, INT32_MAX));
  app.add_flag("--json", options.json, "one JSON document instead of lines for people");
}

/// What follows from what was given, and does not fit together otherwise.
Result<void> complete(Options& options, const Line& line) {
  for (const Pattern& pattern : patterns) {
    if (line.rw != pattern.name) continue;
    options.sequential = pattern.sequential;
    options.read_percent =
        static_cast<uint32_t>(pattern.read_percent < 0 ? static_cast<int>(line.mix) : pattern.read_percent);
  }
  options.header_digest = line.digests == "header" || line.digests == "both";
  options.data_digest = line.digests == "data" || line.digests == "both";
  if (options.block_bytes % 512 != 0)
    return fail(ErrorCode::invalid_argument, "--bs", "{}: a multiple of 512 is wanted", options.block_bytes);
  if (options.once && !options.sequential)
    return fail(ErrorCode::invalid_argument, "--once", "goes with --rw read, write or rw");
  if (!options.verify_only.empty()) {
    if (!options.journal.empty())
      return fail(ErrorCode::invalid_argument, "--verify-only", "does not go with --verify");
    TRY_ASSIGN(const Journal::Header header, Journal::read_header(options.verify_only));
    options.block_bytes = header.block_bytes;
    options.offset_bytes = header.offset_bytes;
    options.size_bytes = header.size_bytes;
    options.seed = header.seed;
    options.read_percent = 100;
    options.rate = 0;
    if (line.url.empty()) {
      TRY_ASSIGN(options.url, initiator::parse_url(header.url, options.verify_only + ": url"));
      return {};
    }
  } else if (options.journal.empty() && line.url.empty()) {
    return fail(ErrorCode::invalid_argument, "URL", "missing: what is to be loaded (--help)");
  }
  TRY_ASSIGN(options.url, initiator::parse_url(line.url, "URL"));
  if (options.url.protocol == initiator::Protocol::iscsi && !options.url.user.empty() &&
      options.secret_file.empty())
    return fail(ErrorCode::invalid_argument, "--secret-file", "missing: the file with the secret of {}",
                options.url.user);
  if (options.url.protocol == initiator::Protocol::iscsi && !options.tls_key_file.empty())
    return fail(ErrorCode::invalid_argument, "--tls-key-file", "goes with nvme-tcp");
  if (!options.journal.empty() && options.read_percent == 100)
    return fail(ErrorCode::invalid_argument, "--verify",
                "goes with writes: --rw write, randwrite, rw or randrw");
  if (options.read_percent < 100 && !options.overwrite)
    return fail(ErrorCode::invalid_argument, "--rw",
                "{} writes over what {} holds, which is lost then: say --overwrite as well if it may be",
                line.rw, options.url.text());
  return {};
}

}  // namespace

ParsedOptions parse_options(int argc, const char* const* argv) {
  Options options;
  Line line;
  CLI::App app("Loads a unit over iSCSI or NVMe/TCP, and tells how fast it was.", "ashlar-bench");
  app.footer(
      "Exit codes: 0, 1 usage, 2 cannot begin, 3 the connection was lost, 4 commands that failed, 5 data that is not there.");
  add_load(app, options, line);
  add_rest(app, options, line);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return {std::nullopt, app.exit(error) == 0 ? 0 : 1};
  }
  if (const Result<void> completed = complete(options, line); !completed) {
    fmt::print(stderr, "ashlar-bench: {}\n", completed.error().text());
    return {std::nullopt, 1};
  }
  return {std::move(options), 0};
}

std::string_view pattern_name(const Options& options) {
  for (const Pattern& pattern : patterns) {
    const bool mixed = options.read_percent != 0 && options.read_percent != 100;
    const int percent = mixed ? -1 : static_cast<int>(options.read_percent);
    if (pattern.sequential == options.sequential && pattern.read_percent == percent) return pattern.name;
  }
  return "?";
}

}  // namespace ashlar::load
