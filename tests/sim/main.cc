// ashlar-sim: the array under misfortune, seed after seed.
#include <CLI/CLI.hpp>

#include <cstdio>
#include <thread>

#include "base/log.h"
#include "sim/plant.h"
#include "sim/runner.h"
#include "sim/simulation.h"

namespace {

using namespace ashlar;
using namespace ashlar::simulation;

struct Options {
  RunOptions run;
  bool verbose = false;
  bool trace = false;
  bool list = false;
};

int replay(const Options& options) {
  fmt::print("{}\n", Scenario(options.run.first, options.run.paths).text());
  std::fflush(stdout);
  auto* simulation = new Simulation({.seed = options.run.first,
                                     .planted = options.run.planted,
                                     .paths = options.run.paths,
                                     .trace = options.trace ? stdout : nullptr});
  const Report report = simulation->run();
  fmt::print("{}\n", report.text());
  if (!report.violation) delete simulation;  // after a violation its objects are in no state to be destroyed
  return report.violation ? 1 : 0;
}

int soak(const Options& options) {
  uint64_t done = 0;
  const uint64_t failed = run_seeds(options.run, [&](const Finding& finding) {
    ++done;
    if (options.verbose || finding.failed) fmt::print("seed {}: {}\n", finding.seed, finding.text);
    if (finding.failed) {
      fmt::print("replay: ashlar-sim --first {} --trace{}{}\n", finding.seed,
                 options.run.paths ? " --paths" : "",
                 options.run.planted.empty() ? "" : " --planted " + options.run.planted);
    }
    std::fflush(stdout);
  });
  fmt::print("{} passed, {} failed\n", done - failed, failed);
  return failed == 0 ? 0 : 1;
}

// The proof that it can fail: each planted bug must be found.
int prove(const Options& options) {
  uint64_t found = 0, missed = 0;
  for (const PlantedBug& bug : planted_bugs()) {
    if (options.run.planted != "all" && options.run.planted != bug.name) continue;
    if (options.run.planted == "all" && bug.of_paths != options.run.paths) continue;
    RunOptions run = options.run;
    run.planted = bug.name;
    std::string first;
    uint64_t seed = 0;
    run_seeds(run, [&](const Finding& finding) {
      if (!finding.failed || !first.empty()) return;
      first = finding.text;
      seed = finding.seed;
    });
    if (first.empty()) {
      ++missed;
      fmt::print("{}: NOT FOUND in {} seeds ({})\n", bug.name, run.seeds, bug.what);
    } else {
      ++found;
      fmt::print("{}: found by seed {}\n", bug.name, seed);
      if (options.verbose) fmt::print("  {}\n", first);
    }
    std::fflush(stdout);
  }
  fmt::print("{} passed, {} failed\n", found, missed);
  return missed == 0 && found > 0 ? 0 : 1;
}

}  // namespace

int main(int count, char** words) {
  Options options;
  options.run.jobs = std::max(1u, std::thread::hardware_concurrency());
  CLI::App app(
      "Simulates an array, its hosts, disks and network under misfortune drawn from seeds, and checks every answer.");
  app.add_option("--seeds", options.run.seeds, "how many seeds (1: in this process, to be debugged)");
  app.add_option("--first", options.run.first, "the first seed");
  app.add_option("--jobs", options.run.jobs, "processes at once");
  app.add_option("--planted", options.run.planted,
                 "plant a bug (a name, or 'all') and demand that it is found within --seeds");
  app.add_flag("--paths", options.run.paths, "one host with several paths, by both protocols");
  app.add_flag("!--keep-going", options.run.stop_at_failure, "run all seeds, whatever fails");
  app.add_flag("--verbose", options.verbose, "a line for every seed, and the engine's log for a single one");
  app.add_flag("--trace", options.trace, "every event of a single seed");
  app.add_flag("--list", options.list, "the planted bugs");
  CLI11_PARSE(app, count, words);
  if (options.list) {
    for (const PlantedBug& bug : planted_bugs()) fmt::print("{:<20} {}\n", bug.name, bug.what);
    return 0;
  }
  const bool talk = options.verbose && options.run.seeds == 1;
  set_log_level(talk ? LogLevel::debug : LogLevel::error);
  if (talk) {
    set_log_sink([](LogLevel, std::string_view component, std::string_view line) {
      fmt::print("    {}: {}\n", component, line);
    });
  } else {
    set_log_sink([](LogLevel, std::string_view, std::string_view) {});
  }
  if (options.run.seeds == 1) return replay(options);
  return options.run.planted.empty() ? soak(options) : prove(options);
}
