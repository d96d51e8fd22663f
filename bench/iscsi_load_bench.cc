// A load generator for iSCSI targets that is not the bottleneck: prints what a LUN did under one kind of load, as JSON.
#include <getopt.h>
#include <sys/resource.h>

#include <cinttypes>
#include <cstdio>
#include <fstream>
#include <sstream>

#include "load_connection.h"

namespace bench {
namespace {

constexpr const char* usage_text = R"(usage: iscsi_load_bench --target IQN [options]
  --host ADDRESS        IPv4 address (127.0.0.1)         --port PORT         (3260)
  --lun N               0-255 (0)                        --connections N     sessions (1)
  --depth N             commands in flight each (1)      --block-bytes N     of a command (4096)
  --read-percent N      0-100 (100)                      --sequential        (random)
  --seconds S           measured (5)                     --warmup S          before that (0.5)
  --span-bytes N        part of the LUN to use (all)     --fill              write the span once, in order, and end
  --wait                sleep when nothing comes         --watch-pid PID     report its CPU time, all threads
)";

/// User and system time of all threads of a process, dead ones included (proc(5): fields 14 and 15); 0 without one.
double cpu_seconds_of(int pid) {
  if (pid == 0) return 0;
  std::ifstream file(fmt::format("/proc/{}/stat", pid));
  std::string text((std::istreambuf_iterator<char>(file)), {});
  const size_t after_name = text.rfind(')');
  if (after_name == std::string::npos) die("no process {}", pid);
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

uint64_t number(const char* name, const char* text, uint64_t least, uint64_t most) {
  char* end = nullptr;
  const uint64_t value = std::strtoull(text, &end, 10);
  if (*text == '\0' || *end != '\0' || value < least || value > most) {
    die("--{} {}: a number from {} to {} is wanted", name, text, least, most);
  }
  return value;
}

double span_of_time(const char* name, const char* text) {
  char* end = nullptr;
  const double value = std::strtod(text, &end);
  if (*text == '\0' || *end != '\0' || !(value >= 0 && value <= 3600))
    die("--{} {}: seconds are wanted", name, text);
  return value;
}

void set_option(LoadOptions& options, const std::string& name, const char* text) {
  const auto in = [&](uint64_t least, uint64_t most) { return number(name.c_str(), text, least, most); };
  if (name == "host") options.host = text;
  if (name == "target") options.target = text;
  if (name == "port") options.port = static_cast<uint16_t>(in(1, 65535));
  if (name == "lun") options.lun = static_cast<uint16_t>(in(0, 255));
  if (name == "connections") options.connections = static_cast<uint32_t>(in(1, 256));
  if (name == "depth") options.depth = static_cast<uint32_t>(in(1, 1024));
  if (name == "block-bytes") options.block_bytes = static_cast<uint32_t>(in(512, 16u << 20));
  if (name == "read-percent") options.read_percent = static_cast<uint32_t>(in(0, 100));
  if (name == "span-bytes") options.span_bytes = in(512, UINT64_MAX);
  if (name == "watch-pid") options.watched_pid = static_cast<int>(in(1, INT32_MAX));
  if (name == "seconds") options.seconds = span_of_time("seconds", text);
  if (name == "warmup") options.warmup = span_of_time("warmup", text);
  if (name == "sequential") options.sequential = true;
  if (name == "fill") options.fill = true;
  if (name == "wait") options.wait = true;
}

LoadOptions parse(int argc, char** argv) {
  LoadOptions options;
  const std::array<option, 17> known = {
      option{"host", 1, nullptr, 1},  {"target", 1, nullptr, 1},       {"port", 1, nullptr, 1},
      {"lun", 1, nullptr, 1},         {"connections", 1, nullptr, 1},  {"depth", 1, nullptr, 1},
      {"block-bytes", 1, nullptr, 1}, {"read-percent", 1, nullptr, 1}, {"span-bytes", 1, nullptr, 1},
      {"watch-pid", 1, nullptr, 1},   {"seconds", 1, nullptr, 1},      {"warmup", 1, nullptr, 1},
      {"sequential", 0, nullptr, 1},  {"fill", 0, nullptr, 1},         {"wait", 0, nullptr, 1},
      {"help", 0, nullptr, 2},        {nullptr, 0, nullptr, 0}};
  int index = 0;
  for (int found = getopt_long(argc, argv, "", known.data(), &index); found != -1;
       found = getopt_long(argc, argv, "", known.data(), &index)) {
    if (found != 1) {
      std::fputs(usage_text, found == 2 ? stdout : stderr);
      std::exit(found == 2 ? 0 : 1);
    }
    set_option(options, known[static_cast<size_t>(index)].name, optarg);
  }
  if (options.target.empty() || optind != argc) {
    std::fputs(usage_text, stderr);
    std::exit(1);
  }
  if (options.fill && options.connections != 1) die("--fill takes one connection");
  return options;
}

struct Window {
  uint64_t begin = 0;
  uint64_t operations = 0;
  double own_cpu = 0;
  double watched_cpu = 0;
};

Window open_window(const LoadOptions& options, const LoadTotals& totals) {
  return {nanoseconds_now(), totals.operations, own_cpu_seconds(), cpu_seconds_of(options.watched_pid)};
}

void report(const LoadOptions& options, const LoadTotals& totals, const Window& from) {
  const Window to = open_window(options, totals);
  const double seconds = static_cast<double>(to.begin - from.begin) / 1e9;
  const auto operations = static_cast<double>(to.operations - from.operations);
  fmt::print(
      "{{\"operations\": {:.0f}, \"seconds\": {:.3f}, \"iops\": {:.1f}, \"megabytes_per_second\": {:.2f}, \"p50_us\": {:.1f}, "
      "\"p99_us\": {:.1f}, \"p999_us\": {:.1f}, \"errors\": {}, \"client_cpu_seconds\": {:.3f}, \"watched_cpu_seconds\": {:.3f}}}\n",
      operations, seconds, operations / seconds, operations * options.block_bytes / seconds / 1e6,
      totals.latency.percentile(0.5), totals.latency.percentile(0.99), totals.latency.percentile(0.999),
      totals.errors, to.own_cpu - from.own_cpu, to.watched_cpu - from.watched_cpu);
}

int run(const LoadOptions& options) {
  LoadTotals totals;
  std::vector<std::unique_ptr<LoadConnection>> connections;
  for (uint32_t i = 0; i < options.connections; ++i)
    connections.push_back(std::make_unique<LoadConnection>(options, i, totals));
  Window window = open_window(options, totals);
  const auto after = [](uint64_t start, double seconds) {
    return start + static_cast<uint64_t>(seconds * 1e9);
  };
  const uint64_t measured_from = options.fill ? window.begin : after(window.begin, options.warmup);
  const uint64_t end = options.fill ? UINT64_MAX : after(measured_from, options.seconds);
  totals.measured_since = measured_from;
  bool warming = !options.fill;
  for (uint64_t now = window.begin; now < end; now = nanoseconds_now()) {
    if (warming && now >= measured_from) {
      window = open_window(options, totals);
      warming = false;
    }
    bool progress = false;
    for (const auto& connection : connections) {
      progress |= connection->receive();
      connection->issue(nanoseconds_now());
      connection->flush();
    }
    if (options.fill && connections[0]->finished()) break;
    if (progress || !options.wait) continue;
    std::vector<pollfd> entries;
    for (const auto& connection : connections) entries.push_back(connection->poll_entry());
    poll(entries.data(), entries.size(), 100);
  }
  report(options, totals, window);
  return totals.errors == 0 ? 0 : 4;
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) { return bench::run(bench::parse(argc, argv)); }
