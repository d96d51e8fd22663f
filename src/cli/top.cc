// `ashlar top`: rates, from the differences between two looks at /stats.
#include <algorithm>
#include <map>

#include "cli/body.h"
#include "cli/filter.h"
#include "cli/output.h"
#include "cli/program_commands.h"
#include "cli/table.h"
#include "json/sizes.h"

namespace ashlar::cli {
namespace {

// Counters since some beginning, of one row.
struct Counters {
  std::string label;
  double reads = 0, writes = 0, read_bytes = 0, written_bytes = 0, latency_ns = 0, timed = 0;
  uint64_t in_flight = 0;
};
using Rows = std::map<std::string, Counters>;

double number_at(const Json& json, std::string_view pointer) {
  const Json& value = value_at(json, pointer);
  return value.is_number() ? value.get<double>() : 0;
}

Rows rows_by_volume(const Json& stats) {
  Rows rows;
  for (const Json& volume : value_at(stats, "/volumes")) {
    const std::string name = cell_of(value_at(volume, "/name"), Shown::plain);
    Counters& row = rows[name];
    row.label = name;
    for (const Json& each : value_at(volume, "/operations")) {
      const Json& operation = value_at(each, "/operation");
      const double count = number_at(each, "/count"), bytes = number_at(each, "/bytes");
      row.in_flight += static_cast<uint64_t>(number_at(each, "/in_flight"));
      const bool read = operation == "read";
      if (!read && operation != "write") continue;
      (read ? row.reads : row.writes) += count;
      (read ? row.read_bytes : row.written_bytes) += bytes;
      row.latency_ns += number_at(each, "/latency_sum_ns");
      row.timed += count;
    }
  }
  return rows;
}

// A session counts commands, not reads and writes apart.
Rows rows_by_session(const Json& stats, bool by_host) {
  Rows rows;
  for (const Json& session : value_at(stats, "/sessions")) {
    const std::string id = cell_of(value_at(session, "/id"), Shown::plain);
    std::string host = cell_of(value_at(session, "/host"), Shown::plain);
    if (host.empty()) host = cell_of(value_at(session, "/initiator"), Shown::plain);
    Counters& row = rows[by_host ? host : id];
    row.label = by_host ? host : fmt::format("{} {}", id, host);
    row.reads += number_at(session, "/commands");
    row.read_bytes += number_at(session, "/read_bytes");
    row.written_bytes += number_at(session, "/written_bytes");
    row.in_flight += static_cast<uint64_t>(number_at(session, "/tasks_in_flight"));
  }
  return rows;
}

Json rate_of(const Counters& now, const Counters& before, double seconds, bool by_volume) {
  // What began anew counts from zero again.
  const auto rate = [seconds](double after, double earlier) {
    return static_cast<uint64_t>(std::max(0.0, after - earlier) / seconds + 0.5);
  };
  Json row = Json::object();
  row["name"] = now.label;
  if (by_volume) {
    row["reads"] = rate(now.reads, before.reads);
    row["writes"] = rate(now.writes, before.writes);
  } else {
    row["commands"] = rate(now.reads, before.reads);
  }
  row["read_bytes"] = rate(now.read_bytes, before.read_bytes);
  row["written_bytes"] = rate(now.written_bytes, before.written_bytes);
  if (by_volume) {
    const double timed = now.timed - before.timed;
    row["latency_ns"] =
        timed > 0 ? static_cast<uint64_t>(std::max(0.0, now.latency_ns - before.latency_ns) / timed) : 0;
    row["latency"] = timed > 0 ? print_latency(row["latency_ns"].get<uint64_t>()) : "";
  }
  row["in_flight"] = now.in_flight;
  return row;
}

Json rates_of(const Rows& now, const Rows& before, double seconds, bool by_volume) {
  Json rows = Json::array();
  for (const auto& [key, row] : now) {
    const auto earlier = before.find(key);
    rows.push_back(rate_of(row, earlier == before.end() ? Counters{} : earlier->second, seconds, by_volume));
    const Json& last = rows.back();
    rows.back()["bytes"] = last["read_bytes"].get<uint64_t>() + last["written_bytes"].get<uint64_t>();
  }
  return sort_items(std::move(rows), "-bytes");
}

constexpr Column volume_columns[] = {
    {"VOLUME", "/name"},
    {"READS/S", "/reads", Shown::plain, true},
    {"WRITES/S", "/writes", Shown::plain, true},
    {"READ/S", "/read_bytes", Shown::size, true},
    {"WRITTEN/S", "/written_bytes", Shown::size, true},
    {"LATENCY", "/latency", Shown::plain, true},
    {"IN FLIGHT", "/in_flight", Shown::plain, true},
};
constexpr Column session_columns[] = {
    {"SESSION", "/name"},
    {"COMMANDS/S", "/commands", Shown::plain, true},
    {"READ/S", "/read_bytes", Shown::size, true},
    {"WRITTEN/S", "/written_bytes", Shown::size, true},
    {"IN FLIGHT", "/in_flight", Shown::plain, true},
};

struct Wish {
  std::string by;
  uint64_t count = 0, interval = 1;
};

Result<Wish> wish_of(Invocation& invocation) {
  Wish wish{invocation.text("--by", "volume")};
  if (wish.by != "volume" && wish.by != "host" && wish.by != "session") {
    return invocation.usage("--by", "volume, host or session");
  }
  const auto number = [&invocation](const char* name, const char* otherwise) {
    return value_of(invocation, {.name = name, .help = "", .type = Type::number},
                    {invocation.text(name, otherwise)});
  };
  TRY_ASSIGN(const Json count, number("--count", "0"));
  TRY_ASSIGN(const Json interval, number("--interval", "1"));
  wish.count = count.get<uint64_t>();
  wish.interval = std::clamp<uint64_t>(interval.get<uint64_t>(), 1, 3600);
  return wish;
}

}  // namespace

Result<void> show_top(Invocation& invocation) {
  TRY_ASSIGN(const Wish wish, wish_of(invocation));
  const bool by_volume = wish.by == "volume";
  const auto look = [&]() -> Result<Rows> {
    TRY_ASSIGN(const Answer answer, invocation.get(path_of("/stats")));
    return by_volume ? rows_by_volume(answer.body) : rows_by_session(answer.body, wish.by == "host");
  };
  const bool redraws = invocation.world.terminal->output_is_tty() && !invocation.options.format;
  TRY_ASSIGN(Rows before, look());
  auto then = invocation.world.now();
  for (uint64_t shown = 0; wish.count == 0 || shown < wish.count; ++shown) {
    invocation.world.sleep(std::chrono::seconds(wish.interval));
    TRY_ASSIGN(Rows now, look());
    const auto at = invocation.world.now();
    const double seconds = std::max(0.001, std::chrono::duration<double>(at - then).count());
    const Json rates = rates_of(now, before, seconds, by_volume);
    if (redraws) {
      invocation.data(
          fmt::format("\x1b[H\x1b[Jashlar top by {}, each {} s; Ctrl-C ends\n\n", wish.by, wish.interval));
    } else if (shown > 0 && invocation.options.shown() == Format::table) {
      invocation.data("\n");
    }
    show_items(invocation, by_volume ? std::span<const Column>(volume_columns) : session_columns, rates);
    before = std::move(now);
    then = at;
  }
  return {};
}

}  // namespace ashlar::cli
