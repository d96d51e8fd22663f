// ashlar-bench: one loop on one thread, a load on it, and the clocks and files that only a program's edge may touch.
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <sstream>

#include "base/log.h"
#include "load/load.h"
#include "loop/real_shards.h"
#include "loop/signal_watcher.h"

namespace ashlar::load {
namespace {

constexpr int exit_cannot_begin = 2;
// Longer than any pause between two answers of a load that is worth a core.
constexpr uint32_t spin_always_microseconds = 100'000'000;

/// User and system time of all threads of a process, dead ones included (proc(5): fields 14 and 15); 0 without one.
double cpu_seconds_of(int pid) {
  if (pid == 0) return 0;
  std::ifstream file(fmt::format("/proc/{}/stat", pid));
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  const size_t after_name = text.rfind(')');
  if (after_name == std::string::npos) return 0;
  std::istringstream fields(text.substr(after_name + 1));
  std::string skipped;
  for (int i = 3; i < 14; ++i) fields >> skipped;
  uint64_t user = 0;
  uint64_t system = 0;
  fields >> user >> system;
  return static_cast<double>(user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

double own_cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

Result<std::string> read_secret(const std::string& path) {
  if (path.empty()) return std::string();
  std::ifstream file(path);
  std::string secret;
  if (!std::getline(file, secret) || secret.empty())
    return fail(ErrorCode::not_found, path, "has no secret on its first line");
  return secret;
}

/// The life of the program.
class Program {
 public:
  Program(loop::RealShards& shards, Options options) : shards_(shards), options_(std::move(options)) {}

  loop::Task<void> run() {
    auto loading = load_it();
    const Result<Report> report = co_await loading;
    if (report) {
      std::fputs((options_.json ? as_json(options_, *report) : as_text(options_, *report)).c_str(), stdout);
      exit_code_ = report->exit_code();
    } else {
      fmt::print(stderr, "ashlar-bench: {}\n", report.error().text());
      exit_code_ = exit_cannot_begin;
    }
    signals_.reset();
    shards_.stop();
  }
  int exit_code() const { return exit_code_; }

 private:
  loop::Task<Result<Report>> load_it() {
    loop::Loop& loop = loop::Loop::current();
    Secrets secrets;
    CO_TRY_ASSIGN(secrets.host, read_secret(options_.secret_file));
    CO_TRY_ASSIGN(secrets.tls, read_secret(options_.tls_key_file));
    std::vector<uint64_t> wanted;
    if (!options_.verify_only.empty()) {
      CO_TRY_ASSIGN(wanted, Journal::read(options_.verify_only));
    }
    auto connecting = connect(loop, options_, std::move(secrets));
    Result<Unit> unit = co_await connecting;
    if (!unit) co_return std::unexpected(unit.error());
    std::unique_ptr<Journal> journal;
    if (!options_.journal.empty()) {
      if (options_.size_bytes == 0)
        options_.size_bytes = (unit->bytes() - std::min(unit->bytes(), options_.offset_bytes)) /
                              options_.block_bytes * options_.block_bytes;
      CO_TRY_ASSIGN(journal, Journal::create(options_.journal,
                                             {options_.url.text(), options_.block_bytes,
                                              options_.offset_bytes, options_.size_bytes, options_.seed}));
    }
    CpuClocks clocks{own_cpu_seconds, [pid = options_.watched_pid] { return cpu_seconds_of(pid); }};
    CO_TRY_ASSIGN(std::unique_ptr<Load> load,
                  Load::make(loop, options_, *unit, std::move(clocks), journal.get(), std::move(wanted)));
    CO_TRY_ASSIGN(signals_, loop::SignalWatcher::open(static_cast<loop::RealLoop&>(loop), {SIGINT, SIGTERM},
                                                      [&load](int) { load->stop(); }));
    auto running = load->run();
    Report report = co_await running;
    signals_.reset();
    if (journal) CO_TRY(journal->flush());
    load.reset();
    for (const auto& connection : unit->connections) {
      auto leaving = connection->leave();
      co_await leaving;
    }
    co_return std::move(report);
  }

  loop::RealShards& shards_;
  Options options_;
  std::unique_ptr<loop::SignalWatcher> signals_;
  int exit_code_ = exit_cannot_begin;
};

int run(Options options) {
  loop::SignalWatcher::block({SIGINT, SIGTERM});
  loop::RealShardsOptions shards_options;
  shards_options.loop.buffers = {.small = 16, .medium = 4, .large = 2};
  shards_options.loop.spin_microseconds = options.spin ? spin_always_microseconds : 0;
  auto shards = loop::RealShards::create(shards_options);
  if (!shards) {
    fmt::print(stderr, "ashlar-bench: {}\n", shards.error().text());
    return exit_cannot_begin;
  }
  Program program(**shards, std::move(options));
  std::optional<loop::Task<void>> running;
  const Result<void> started = (*shards)->start([&](loop::Loop&) { running.emplace(program.run()); });
  if (!started) {
    fmt::print(stderr, "ashlar-bench: {}\n", started.error().text());
    return exit_cannot_begin;
  }
  (*shards)->run();
  return program.exit_code();
}

}  // namespace
}  // namespace ashlar::load

int main(int argc, char** argv) {
  ashlar::load::ParsedOptions parsed = ashlar::load::parse_options(argc, argv);
  if (!parsed.options) return parsed.exit_code;
  return ashlar::load::run(std::move(*parsed.options));
}
