#include "initiator/remote_store.h"

#include <algorithm>
#include <bit>
#include <charconv>

#include "block/live_limits.h"

namespace ashlar::initiator {
namespace {

using block::Limits;

constexpr loop::Nanoseconds open_time = loop::seconds(10);
constexpr uint32_t usual_transfer_bytes = 4 << 20;
// What every path must take, so that a command can go by any; the first one that comes up may take less.
constexpr uint64_t most_zeroes_bytes = 8u << 20;
constexpr uint32_t longest_wait_seconds = 3600;
constexpr char usual_initiator[] = "iqn.2026-11.io.ashlar:initiator";
constexpr char usual_host[] = "nqn.2026-11.io.ashlar:initiator";

// By the loop, since a simulation has many on one thread.
thread_local std::map<const loop::Loop*, uint32_t> paths_closing;

loop::Task<void> retire(std::unique_ptr<Multipath> multipath) {
  const loop::Loop* const loop = &loop::Loop::current();
  ++paths_closing[loop];
  auto stopping = multipath->stop();
  co_await stopping;
  multipath.reset();
  if (--paths_closing[loop] == 0) paths_closing.erase(loop);
}

class RemoteChannel final : public block::BlockDevice {
 public:
  RemoteChannel(loop::Loop& shard, std::shared_ptr<RemoteShared> shared)
      : shard_(shard), shared_(std::move(shared)), limits_(shared_->limits, shared_->size_bytes) {
    // What changes over there is noticed here, traffic or not; the other shards come when they are needed.
    if (loop::Loop::current_or_null() == &shard_) start();
  }
  ~RemoteChannel() override { CHECK(!multipath_, "{} was not closed", shared_->label); }
  const Limits& limits() const override { return limits_.get(); }
  void submit(block::Request& request) override {
    if (!multipath_) [[unlikely]]
      start();
    multipath_->submit(request);
  }
  void close() override {
    if (multipath_) retire(std::move(multipath_)).detach();
  }

 private:
  void start() {
    multipath_ = std::make_unique<Multipath>(shard_, shared_);
    multipath_->start();
  }

  loop::Loop& shard_;
  std::shared_ptr<RemoteShared> shared_;
  std::unique_ptr<Multipath> multipath_;
  block::LiveLimits limits_;
};

class RemoteStore final : public block::Store, public RemoteUnit {
 public:
  explicit RemoteStore(std::shared_ptr<RemoteShared> shared)
      : shared_(std::move(shared)), limits_(shared_->limits, shared_->size_bytes) {}
  const Limits& limits() const override { return limits_.get(); }
  std::unique_ptr<block::BlockDevice> open_channel(loop::Loop& shard) override {
    return std::make_unique<RemoteChannel>(shard, shared_);
  }
  loop::Task<Result<void>> resize(uint64_t bytes) override {
    const uint64_t there = shared_->remote_size_bytes;
    if (there != 0 && bytes > there)
      co_return fail(ErrorCode::out_of_range, shared_->label,
                     "the unit of the other array has {} bytes, {} are wanted: grow it there first", there,
                     bytes);
    shared_->size_bytes = bytes;
    co_return Result<void>();
  }
  void collect(std::map<std::string, uint64_t>& counters) const override;
  std::vector<RemotePath> remote_paths() const override;
  uint64_t remote_size_bytes() const override { return shared_->remote_size_bytes; }
  Result<void> set_credentials(const std::map<std::string, std::string>& options) override {
    TRY_ASSIGN(RemoteCredentials credentials, remote_credentials_of(options, shared_->options.urls));
    shared_->set_credentials(std::move(credentials));
    log_info("initiator", "{}: other credentials from the next login on", shared_->label);
    return {};
  }

 private:
  std::shared_ptr<RemoteShared> shared_;
  block::LiveLimits limits_;
};

/// A path's numbers of all shards; access is the best that one of them sees.
struct PathSum {
  uint64_t up = 0, shards = 0, commands = 0, attached = 0, reconnects = 0, losses = 0, refused = 0;
  PathAccess access = PathAccess::transitioning;
  bool turned_away = false;  // a shard reached what is not the volume's
  bool usable() const { return up > 0 && initiator::usable(access); }
};

PathSum sum_of(const RemoteShared& shared, size_t path) {
  PathSum sum;
  for (const auto& of_shard : shared.paths) {
    const PathNumbers& numbers = (*of_shard)[path];
    const auto state = static_cast<Path::State>(numbers.state.load());
    const uint64_t attached = numbers.attached;
    if (attached != 0 || state == Path::State::refused || state == Path::State::waiting) ++sum.shards;
    if (state == Path::State::up) {
      ++sum.up;
      sum.access = std::min(sum.access, static_cast<PathAccess>(numbers.access.load()));
    }
    sum.turned_away = sum.turned_away || state == Path::State::refused;
    sum.commands += numbers.commands;
    sum.attached += attached;
    sum.reconnects += attached == 0 ? 0 : attached - 1;
    sum.losses += numbers.losses;
    sum.refused += numbers.refused;
  }
  return sum;
}

// "remote.path.2.up": by how many shards.
void RemoteStore::collect(std::map<std::string, uint64_t>& counters) const {
  uint64_t usable_paths = 0;
  for (size_t path = 0; path < shared_->options.urls.size(); ++path) {
    const PathSum sum = sum_of(*shared_, path);
    const std::string prefix = fmt::format("remote.path.{}.", path);
    counters[prefix + "up"] = sum.up;
    counters[prefix + "shards"] = sum.shards;
    counters[prefix + "access"] = static_cast<uint64_t>(sum.access);
    counters[prefix + "commands"] = sum.commands;
    counters[prefix + "attached"] = sum.attached;
    counters[prefix + "losses"] = sum.losses;
    counters[prefix + "refused"] = sum.refused;
    usable_paths += sum.usable() ? 1 : 0;
  }
  counters["remote.paths"] = shared_->options.urls.size();
  counters["remote.paths_usable"] = usable_paths;
  counters["remote.size_bytes"] = shared_->remote_size_bytes;
  counters["remote.doubtful_ranges"] = shared_->doubts.size();
  for (const auto& numbers : shared_->shards) {
    counters["remote.retries"] += numbers->retries;
    counters["remote.failovers"] += numbers->failovers;
    counters["remote.held"] += numbers->held;
    counters["remote.errors"] += numbers->errors;
  }
}

std::vector<RemotePath> RemoteStore::remote_paths() const {
  const std::vector<PathWords> words = shared_->words();
  std::vector<RemotePath> paths;
  for (size_t i = 0; i < shared_->options.urls.size(); ++i) {
    const PathSum sum = sum_of(*shared_, i);
    RemotePath path{.url = shared_->options.urls[i].text()};
    path.state = sum.up > 0 ? std::string(name_of(sum.access)) : sum.turned_away ? "refused" : "down";
    path.authentication = words[i].authentication;
    path.last_error = words[i].last_error;
    path.shards = sum.up;
    path.commands = sum.commands;
    path.reconnects = sum.reconnects;
    path.losses = sum.losses;
    path.refused = sum.refused;
    paths.push_back(std::move(path));
  }
  return paths;
}

uint32_t clamp(uint64_t bytes, uint64_t most) { return static_cast<uint32_t>(std::min(bytes, most)); }

/// The most that is a multiple of the volume's blocks.
Limits limits_of(const Findings& found, const block::StoreSpec& spec) {
  Limits limits;
  limits.block_bytes = spec.block_bytes;
  limits.read_only = spec.read_only;
  limits.volatile_cache = false;
  limits.size_bytes = spec.size_bytes;
  limits.max_transfer_bytes = usual_transfer_bytes;
  limits.max_discard_bytes = usual_transfer_bytes;
  if (found.block_bytes == 0) return limits;
  const uint64_t block = found.block_bytes, volume_block = spec.block_bytes;
  limits.rotational = found.rotational;
  limits.physical_block_bytes = std::max(std::bit_floor(found.physical_block_bytes), spec.block_bytes);
  limits.max_transfer_bytes =
      clamp(found.most_transfer_blocks * block, usual_transfer_bytes) / spec.block_bytes * spec.block_bytes;
  // Zeroes that go as data are bounded like data.
  uint64_t most = std::max<uint64_t>(found.most_zeroes_blocks, found.most_transfer_blocks) * block;
  most = std::min(most, most_zeroes_bytes);
  if (found.most_discard_blocks != 0) {
    const uint64_t granularity = std::max<uint64_t>(found.discard_granularity_blocks, 1) * block;
    limits.discard_granularity_bytes = clamp(std::max(granularity, volume_block), 1u << 30);
    most = std::min(most, found.most_discard_blocks * block);
  }
  limits.max_discard_bytes = most / volume_block * volume_block;
  return limits;
}

std::string value_of(const std::map<std::string, std::string>& options, const char* name,
                     const char* usual = "") {
  const auto found = options.find(name);
  return found == options.end() ? usual : found->second;
}

Result<loop::Nanoseconds> seconds_of(const std::map<std::string, std::string>& options, const char* name,
                                     loop::Nanoseconds usual) {
  const auto given = options.find(name);
  if (given == options.end()) return usual;
  uint32_t seconds = 0;
  const char* const end = given->second.data() + given->second.size();
  const auto [stop, error] = std::from_chars(given->second.data(), end, seconds);
  if (error != std::errc() || stop != end || seconds == 0 || seconds > longest_wait_seconds)
    return fail(ErrorCode::invalid_argument, name, "must be 1 to {} seconds, not '{}'", longest_wait_seconds,
                given->second);
  return loop::seconds(seconds);
}

/// "naa.3000..."
Result<void> take_identity(const std::string& identity, RemoteOptions& options) {
  if (identity.empty()) return {};
  const size_t dot = identity.find('.');
  static constexpr std::string_view kinds[] = {"naa", "nguid", "eui", "uuid", "t10"};
  if (dot == std::string::npos || std::ranges::find(kinds, identity.substr(0, dot)) == std::end(kinds))
    return fail(ErrorCode::invalid_argument, "identity",
                "'{}' must begin with naa., nguid., eui., uuid. or t10.", identity);
  options.names[identity.substr(0, dot)] = identity.substr(dot + 1);
  return {};
}

}  // namespace

Result<RemoteOptions> remote_options_of(const std::map<std::string, std::string>& given) {
  RemoteOptions options;
  TRY_ASSIGN(options.urls, parse_remote_urls(value_of(given, "urls"), "urls"));
  options.initiator_name = value_of(given, "initiator", usual_initiator);
  options.host_name = value_of(given, "host_nqn", usual_host);
  // Of one host the identifier is one (NVMe-oF 1.1 3.3.1): drawn from its name.
  for (size_t i = 0; i < options.host_name.size(); ++i) {
    uint8_t& byte = options.host_id[i % options.host_id.size()];
    byte = static_cast<uint8_t>(byte * 31 + static_cast<uint8_t>(options.host_name[i]));
  }
  TRY_ASSIGN(options.credentials, remote_credentials_of(given, options.urls));
  TRY(take_identity(value_of(given, "identity"), options));
  TRY_ASSIGN(options.patience, seconds_of(given, "patience_seconds", options.patience));
  TRY_ASSIGN(options.answer_time, seconds_of(given, "answer_seconds", options.answer_time));
  return options;
}

loop::Task<Result<std::shared_ptr<block::Store>>> open_remote(block::StoreSpec spec, RemoteOptions options) {
  loop::Loop& loop = loop::Loop::current();
  const std::string label = options.urls.front().text();
  auto shared = std::make_shared<RemoteShared>(std::move(options), label, loop.shards().count());
  auto probe = std::make_unique<Multipath>(loop, shared);
  probe->start();
  auto finding = probe->first_findings(open_time);
  Result<Findings> found = co_await finding;
  auto stopping = probe->stop();
  co_await stopping;
  probe.reset();
  const bool later = !found && spec.size_bytes != 0 && !shared->options.names.empty();
  if (!found && !later) co_return std::unexpected(found.error());
  if (later) log_warning("initiator", "{}: opened without a path: {}", label, found.error().text());
  const Findings known = found ? *found : Findings{};
  if (found && spec.block_bytes % known.block_bytes != 0)
    co_return fail(ErrorCode::invalid_argument, label,
                   "the unit has blocks of {} bytes: give the volume block_bytes {}, not {}",
                   known.block_bytes, known.block_bytes, spec.block_bytes);
  if (found && known.write_protected && !spec.read_only)
    co_return fail(ErrorCode::permission_denied, label,
                   "the unit is write protected: make the volume read only");
  const uint64_t there = known.size_bytes() / spec.block_bytes * spec.block_bytes;
  if (found && spec.size_bytes > there)
    co_return fail(ErrorCode::out_of_range, label, "the unit holds {} bytes, the volume is to have {}", there,
                   spec.size_bytes);
  if (spec.size_bytes == 0) spec.size_bytes = there;
  shared->limits = limits_of(known, spec);
  shared->size_bytes = spec.size_bytes;
  // Who could not be asked may have a cache.
  if (!found) shared->write_cache = true;
  co_return std::make_shared<RemoteStore>(std::move(shared));
}

std::shared_ptr<RemoteUnit> remote_unit_of(const std::shared_ptr<block::Store>& store) {
  return std::dynamic_pointer_cast<RemoteUnit>(store);
}

void add_remote(block::Registry& registry) {
  registry.add_store(
      "remote",
      {{"urls", true, "each path, for example iscsi://192.0.2.7/iqn.2026-01.com.example:array/0"},
       {"initiator", false, "our iSCSI name"},
       {"host_nqn", false, "our NVMe name"},
       {"user", false, "our CHAP name"},
       {"secret", false, "our CHAP secret"},
       {"mutual_user", false, "the target's CHAP name"},
       {"mutual_secret", false, "the target's CHAP secret"},
       {"dhchap_key", false, "our DH-HMAC-CHAP key"},
       {"dhchap_controller_key", false, "the controller's DH-HMAC-CHAP key"},
       {"dhchap_hashes", false, "hashes that may be agreed on, in this order"},
       {"dhchap_groups", false, "groups that may be agreed on, in this order"},
       {"tls_key", false, "our key of TLS over NVMe/TCP"},
       {"identity", false, "what the unit must be called, for example naa.6001405abc"},
       {"patience_seconds", false, "how long a request waits for a path, 1 to 3600"},
       {"answer_seconds", false, "how long a path may take for a command, 1 to 3600"}},
      [](block::StoreSpec spec) -> loop::Task<Result<std::shared_ptr<block::Store>>> {
        CO_TRY_ASSIGN(RemoteOptions options, remote_options_of(spec.options));
        auto opening = open_remote(std::move(spec), std::move(options));
        co_return co_await opening;
      });
}

loop::Task<void> remote_paths_closed() {
  const loop::Loop* const loop = &loop::Loop::current();
  while (paths_closing.contains(loop)) co_await loop::sleep_for(loop::milliseconds(5));
}

loop::Task<void> remote_paths_closed(loop::Shards& shards) {
  for (uint32_t i = 0; i < shards.count();) {
    auto asking = loop::call_on(i, [] { return paths_closing.contains(&loop::Loop::current()); });
    const bool closing = co_await asking;
    if (!closing) ++i;
    if (closing) co_await loop::sleep_for(loop::milliseconds(5));
  }
}

}  // namespace ashlar::initiator
