#include "load/report.h"

#include <array>
#include <nlohmann/json.hpp>

namespace ashlar::load {
namespace {

constexpr int exit_lost = 3, exit_errors = 4, exit_wrong_data = 5;

struct Percentile {
  const char* key;
  const char* name;
  double fraction;
};
constexpr std::array<Percentile, 6> percentiles = {{{"p50_us", "p50", 0.5},
                                                    {"p90_us", "p90", 0.9},
                                                    {"p95_us", "p95", 0.95},
                                                    {"p99_us", "p99", 0.99},
                                                    {"p999_us", "p99.9", 0.999},
                                                    {"p9999_us", "p99.99", 0.9999}}};

double per_second(uint64_t count, double seconds) {
  return seconds > 0 ? static_cast<double>(count) / seconds : 0;
}

double rounded(double value) { return static_cast<double>(static_cast<int64_t>(value * 1000 + 0.5)) / 1000; }

double megabytes(uint64_t operations, const Options& options, double seconds) {
  return per_second(operations, seconds) * options.block_bytes / 1e6;
}

void put_share(nlohmann::ordered_json& into, const Options& options, uint64_t operations,
               const LatencyHistogram& latency, double seconds) {
  into["operations"] = operations;
  into["iops"] = rounded(per_second(operations, seconds));
  into["megabytes_per_second"] = rounded(megabytes(operations, options, seconds));
  into["min_us"] = rounded(latency.least());
  into["mean_us"] = rounded(latency.mean());
  for (const Percentile& each : percentiles) into[each.key] = rounded(latency.percentile(each.fraction));
  into["max_us"] = rounded(latency.most());
}

std::string share_line(const char* name, const Options& options, const Share& share, double seconds) {
  if (share.operations == 0) return {};
  std::string line =
      fmt::format("{}: {:.0f} IOPS, {:.1f} MB/s; latency us: min {:.1f} mean {:.1f}", name,
                  per_second(share.operations, seconds), megabytes(share.operations, options, seconds),
                  share.latency.least(), share.latency.mean());
  for (const Percentile& each : percentiles)
    line += fmt::format(" {} {:.1f}", each.name, share.latency.percentile(each.fraction));
  return line + fmt::format(" max {:.1f}\n", share.latency.most());
}

double us_of_one(double cpu_seconds, uint64_t operations) {
  return operations == 0 ? 0 : cpu_seconds * 1e6 / static_cast<double>(operations);
}

}  // namespace

int Report::exit_code() const {
  if (wrong_blocks > 0) return exit_wrong_data;
  if (!lost.empty()) return exit_lost;
  return errors > 0 ? exit_errors : 0;
}

std::string as_json(const Options& options, const Report& report) {
  nlohmann::ordered_json all;
  all["url"] = options.url.text();
  all["rw"] = pattern_name(options);
  all["block_bytes"] = options.block_bytes;
  all["iodepth"] = options.depth;
  all["connections"] = options.connections;
  all["seconds"] = rounded(report.seconds);
  LatencyHistogram both = report.reads.latency;
  both.add(report.writes.latency);
  put_share(all, options, report.operations(), both, report.seconds);
  put_share(all["read"], options, report.reads.operations, report.reads.latency, report.seconds);
  put_share(all["write"], options, report.writes.operations, report.writes.latency, report.seconds);
  all["errors"] = report.errors;
  all["first_error"] = report.first_error;
  all["lost"] = report.lost;
  all["client_cpu_seconds"] = rounded(report.client_cpu_seconds);
  all["watched_cpu_seconds"] = rounded(report.watched_cpu_seconds);
  all["acknowledged_writes"] = report.acknowledged_writes;
  all["verified_blocks"] = report.verified_blocks;
  all["wrong_blocks"] = report.wrong_blocks;
  all["wrong"] = report.wrong;
  return all.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

std::string as_text(const Options& options, const Report& report) {
  std::string text =
      fmt::format("{}\n{}, {} bytes, depth {} x {} connection{}, {:.2f} s\n", options.url.text(),
                  options.verify_only.empty() ? pattern_name(options) : "reads back", options.block_bytes,
                  options.depth, options.connections, options.connections == 1 ? "" : "s", report.seconds);
  text += share_line("read", options, report.reads, report.seconds);
  text += share_line("write", options, report.writes, report.seconds);
  text += fmt::format("client: {:.2f} s CPU, {:.2f} us an I/O\n", report.client_cpu_seconds,
                      us_of_one(report.client_cpu_seconds, report.operations()));
  if (options.watched_pid != 0) {
    text +=
        fmt::format("process {}: {:.2f} s CPU, {:.2f} us an I/O\n", options.watched_pid,
                    report.watched_cpu_seconds, us_of_one(report.watched_cpu_seconds, report.operations()));
  }
  if (report.acknowledged_writes > 0)
    text += fmt::format("{} acknowledged writes noted in {}\n", report.acknowledged_writes, options.journal);
  if (report.verified_blocks > 0 || report.wrong_blocks > 0)
    text += fmt::format("{} blocks verified, {} wrong\n", report.verified_blocks, report.wrong_blocks);
  for (const std::string& each : report.wrong) text += fmt::format("wrong: {}\n", each);
  if (report.errors > 0)
    text += fmt::format("{} commands failed, the first with {}\n", report.errors, report.first_error);
  if (!report.lost.empty()) text += fmt::format("lost: {}\n", report.lost);
  return text;
}

}  // namespace ashlar::load
