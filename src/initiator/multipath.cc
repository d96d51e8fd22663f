#include "initiator/multipath.h"

#include <algorithm>

#include "base/crc32c.h"
#include "initiator/iscsi_path.h"
#include "initiator/nvme_path.h"

namespace ashlar::initiator {

using block::Operation;
using block::Status;
using loop::Task;
using Kind = MultipathState::Action::Kind;

namespace {

/// The same for the same shard, path and unit of the same host, also after a restart: the login then ends what the process before
/// had under way (RFC 7143 6.3.5). Type "random" (11.12.5).
std::array<uint8_t, 6> isid_of(const RemoteOptions& options, uint32_t shard, uint16_t path) {
  const std::string unit = options.urls[path].text();
  const uint32_t mix = crc32c({reinterpret_cast<const uint8_t*>(unit.data()), unit.size()});
  return {0x80,
          static_cast<uint8_t>(mix >> 16),
          static_cast<uint8_t>(mix >> 8),
          static_cast<uint8_t>(mix),
          static_cast<uint8_t>(shard),
          static_cast<uint8_t>(path)};
}

std::vector<loop::Nanoseconds> doubt_times(const std::vector<std::unique_ptr<Path>>& paths) {
  std::vector<loop::Nanoseconds> times;
  times.reserve(paths.size());
  for (const auto& path : paths) times.push_back(path->doubt_time());
  return times;
}

MultipathOptions state_options(const RemoteShared& shared, uint32_t shard) {
  MultipathOptions options;
  options.slots = shared.options.depth;
  options.paths = static_cast<uint16_t>(shared.options.urls.size());
  options.channel = shard;
  options.alone = shared.channels.size() == 1;
  options.patience = shared.options.patience;
  options.answer_time = shared.options.answer_time;
  return options;
}

bool changes(Operation operation) { return operation != Operation::read && operation != Operation::flush; }

}  // namespace

RemoteShared::RemoteShared(RemoteOptions given, std::string volume, uint32_t shard_count)
    : options(std::move(given)),
      label(std::move(volume)),
      channels(shard_count),
      names_(options.names),
      credentials_(std::make_shared<const RemoteCredentials>(options.credentials)),
      words_(options.urls.size()) {
  for (uint32_t i = 0; i < shard_count; ++i)
    paths.push_back(std::make_unique<std::vector<PathNumbers>>(options.urls.size()));
  for (uint32_t i = 0; i < shard_count; ++i) shards.push_back(std::make_unique<ShardNumbers>());
}

Result<void> RemoteShared::check_names(const std::map<std::string, std::string>& names) {
  const std::scoped_lock lock(mutex_);
  if (names.empty())
    return fail(ErrorCode::unsupported, "path", "the unit has no name by which it could be known again");
  if (!names_.empty()) return same_unit(names, names_);
  names_ = names;
  return {};
}

std::shared_ptr<const RemoteCredentials> RemoteShared::credentials() const {
  const std::scoped_lock lock(mutex_);
  return credentials_;
}

void RemoteShared::set_credentials(RemoteCredentials credentials) {
  auto fresh = std::make_shared<const RemoteCredentials>(std::move(credentials));
  const std::scoped_lock lock(mutex_);
  credentials_ = std::move(fresh);
}

void RemoteShared::tell_authentication(uint16_t path, std::string text) {
  const std::scoped_lock lock(mutex_);
  words_[path].authentication = std::move(text);
}

void RemoteShared::tell_error(uint16_t path, std::string text) {
  const std::scoped_lock lock(mutex_);
  words_[path].last_error = std::move(text);
}

std::vector<PathWords> RemoteShared::words() const {
  const std::scoped_lock lock(mutex_);
  return words_;
}

Multipath::Multipath(loop::Loop& loop, std::shared_ptr<RemoteShared> shared)
    : loop_(loop),
      shared_(std::move(shared)),
      paths_([&] {
        std::vector<std::unique_ptr<Path>> made;
        made.reserve(shared_->options.urls.size());
        for (uint16_t i = 0; i < shared_->options.urls.size(); ++i) made.push_back(make_path(i));
        return made;
      }()),
      state_(state_options(*shared_, loop.index()), shared_->doubts, doubt_times(paths_)),
      slots_(std::make_unique<Slot[]>(shared_->options.depth)) {
  for (uint16_t i = shared_->options.depth; i > 0; --i) {
    Slot& slot = slots_[i - 1];
    slot.multipath = this;
    slot.number = static_cast<uint16_t>(i - 1);
    free_.push_back(slot.number);
  }
}

Multipath::~Multipath() { CHECK(!started_, "{}: its paths were not stopped", shared_->label); }

std::unique_ptr<Path> Multipath::make_path(uint16_t index) {
  const RemoteOptions& options = shared_->options;
  const RemoteUrl& url = options.urls[index];
  PathWatcher& watcher = *this;
  if (url.protocol == Protocol::nvme_tcp) {
    NvmeQueueOptions queue;
    queue.endpoint = url.endpoint;
    queue.subsystem = url.target;
    queue.host_name = options.host_name;
    queue.host_id = options.host_id;
    NvmePath::SecretSource secrets = [shared = shared_] {
      const auto now = shared->credentials();
      return NvmePath::Secrets{now->proof, now->tls_key};
    };
    return std::make_unique<NvmePath>(loop_, index, std::move(queue), std::move(secrets), url.unit,
                                      options.depth, options.timing, watcher);
  }
  LoginOptions login;
  login.endpoint = url.endpoint;
  login.initiator_name = options.initiator_name;
  login.target_name = url.target;
  login.isid = isid_of(options, loop_.index(), index);
  IscsiPath::ChapSource chap = [shared = shared_, user = url.user] {
    std::optional<ChapCredentials> now = shared->credentials()->chap;
    if (now && !user.empty()) now->user = user;
    return now;
  };
  return std::make_unique<IscsiPath>(loop_, index, std::move(login), std::move(chap),
                                     static_cast<uint16_t>(url.unit), options.depth, options.timing, watcher);
}

void Multipath::start() {
  started_ = true;
  shared_->channels[loop_.index()] = this;
  for (const auto& path : paths_) path->start();
}

Task<void> Multipath::stop() {
  if (!started_) co_return;
  CHECK(free_.size() == shared_->options.depth && waiting_.empty(), "{}: requests are under way",
        shared_->label);
  if (shared_->channels[loop_.index()] == this) shared_->channels[loop_.index()] = nullptr;
  // All at once: each may have a target that is slow to let us go.
  std::vector<Task<void>> stopping;
  stopping.reserve(paths_.size());
  for (const auto& path : paths_) stopping.push_back(path->stop());
  for (Task<void>& each : stopping) co_await each;
  publish();
  loop_.cancel(*this);
  started_ = false;
}

Task<Result<Findings>> Multipath::first_findings(loop::Nanoseconds span) {
  struct Deadline final : loop::Timer {
    void expired() override { over.set(); }
    loop::Event over;
  } deadline;
  first_up_ = &deadline.over;
  loop_.arm_after(deadline, span);
  co_await deadline.over;
  loop_.cancel(deadline);
  first_up_ = nullptr;
  for (const auto& path : paths_) {
    if (path->state() == Path::State::up && path->findings().block_bytes != 0) co_return path->findings();
  }
  co_return fail(ErrorCode::timed_out, shared_->label, "no path came up: {}", errors());
}

std::string Multipath::errors() const {
  std::string text;
  for (const auto& path : paths_) {
    text += fmt::format("{}{}: {}", text.empty() ? "" : "; ", shared_->options.urls[path->index()].text(),
                        path->last_error() ? path->last_error()->text() : "no answer yet");
  }
  return text;
}

Result<void> Multipath::check(const Findings& findings) {
  TRY(shared_->check_names(findings.names));
  if (findings.block_bytes == 0 || shared_->limits.size_bytes == 0) return {};
  const block::Limits& limits = shared_->limits;
  if (findings.block_bytes > limits.block_bytes)
    return fail(ErrorCode::invalid_argument, "path", "the unit has blocks of {} bytes, the volume of {}",
                findings.block_bytes, limits.block_bytes);
  if (uint64_t{findings.most_transfer_blocks} * findings.block_bytes < limits.max_transfer_bytes)
    return fail(ErrorCode::unsupported, "path",
                "moves {} bytes by a command, and the volume was opened for {}",
                uint64_t{findings.most_transfer_blocks} * findings.block_bytes, limits.max_transfer_bytes);
  if (uint64_t{std::max(findings.most_zeroes_blocks, findings.most_transfer_blocks)} * findings.block_bytes <
      limits.max_discard_bytes)
    return fail(ErrorCode::unsupported, "path",
                "writes fewer zeroes by a command than the volume was opened for, {}",
                limits.max_discard_bytes);
  return {};
}

void Multipath::path_up(Path& path, bool attached) {
  const Findings& found = path.findings();
  if (found.write_cache) shared_->write_cache = true;
  if (found.size_bytes() != 0) {
    const uint64_t before = shared_->remote_size_bytes.exchange(found.size_bytes());
    if (before != 0 && before != found.size_bytes())
      log_info("initiator", "{}: the other side has {} bytes now, it had {}", shared_->label,
               found.size_bytes(), before);
  }
  if (attached) shared_->tell_authentication(path.index(), found.authentication);
  if (attached || state_.access(path.index()) != found.access || !state_.up(path.index()))
    log_info("initiator", "{}: path {} to {} is up, {}", shared_->label, path.index(),
             shared_->options.urls[path.index()].text(), name_of(found.access));
  handle(MultipathState::PathUp{path.index(), found.access, attached && path.fences()});
  publish();
  if (first_up_ != nullptr && found.block_bytes != 0) first_up_->set();
}

void Multipath::path_down(Path& path, const Error& reason) {
  shared_->tell_error(path.index(), reason.text());
  handle(MultipathState::PathDown{path.index()});
  publish();
}

void Multipath::path_failed(Path& path, const Error& reason) {
  shared_->tell_error(path.index(), reason.text());
  publish();
}

void Multipath::publish() {
  for (const auto& path : paths_) {
    PathNumbers& numbers = (*shared_->paths[loop_.index()])[path->index()];
    const Path::State state = path->state();
    const bool up = state_.up(path->index()) && state != Path::State::stopped;
    // A path tells that it is down before its own state says so.
    numbers.state = static_cast<uint8_t>(up                         ? Path::State::up
                                         : state == Path::State::up ? Path::State::waiting
                                                                    : state);
    numbers.access = static_cast<uint8_t>(state_.access(path->index()));
    numbers.attached = path->counters().attached;
    numbers.losses = path->counters().losses;
    numbers.refused = path->counters().refused;
  }
  ShardNumbers& numbers = *shared_->shards[loop_.index()];
  numbers.retries = state_.retries;
  numbers.failovers = state_.failovers;
  numbers.held = state_.held;
}

void Multipath::submit(block::Request& request) {
  if (free_.empty()) return waiting_.push_back(request);
  begin(request);
}

void Multipath::begin(block::Request& request) {
  if (request.operation == Operation::clone) return request.complete(Status::unsupported);
  const uint16_t number = free_.back();
  free_.pop_back();
  Slot& slot = slots_[number];
  slot.request = &request;
  handle(MultipathState::Submitted{
      number, changes(request.operation), {request.offset, request.offset + request.length}});
}

/// Actions may bring events (a path that is dropped is down): those wait for their turn.
void Multipath::handle(const MultipathState::Event& event) {
  if (acting_) return pending_.push_back(event);
  acting_ = true;
  std::span<const MultipathState::Action> actions = state_.apply(event, loop_.now());
  while (true) {
    acting_on_.assign(actions.begin(), actions.end());
    for (const MultipathState::Action& action : acting_on_) act(action);
    if (pending_.empty()) break;
    const MultipathState::Event next = pending_.front();
    pending_.erase(pending_.begin());
    actions = state_.apply(next, loop_.now());
  }
  acting_ = false;
  const loop::Instant tick = state_.tick_at(loop_.now());
  if (tick != loop::Instant::never() && (!armed() || tick < deadline())) loop_.arm(*this, tick);
}

void Multipath::expired() {
  if (!state_.busy()) return;
  handle(MultipathState::Tick{});
  publish();
}

void Multipath::act(const MultipathState::Action& action) {
  switch (action.kind) {
    case Kind::send: return send(action);
    case Kind::finish: return finish(action);
    case Kind::ask: return ask(action.slot).detach();
    case Kind::drop:
      return paths_[action.path]->drop({ErrorCode::timed_out, "path", "a command was not answered in time"});
  }
}

void Multipath::send(const MultipathState::Action& action) {
  Slot& slot = slots_[action.slot];
  const block::Request& request = *slot.request;
  Path& path = *paths_[action.path];
  const uint32_t block_bytes = path.findings().block_bytes;
  slot.operation = request.operation;
  slot.durable = request.durable || shared_->write_cache.load(std::memory_order_relaxed);
  slot.may_discard = request.may_discard;
  slot.lba = request.offset / block_bytes;
  slot.blocks = static_cast<uint32_t>(request.length / block_bytes);
  slot.parts = request.parts;
  slot.done = [](PathCommand& done) {
    auto& ended = static_cast<Slot&>(done);
    ended.multipath->handle(MultipathState::Answered{ended.number, ended.disposition});
  };
  std::atomic<uint64_t>& commands = (*shared_->paths[loop_.index()])[action.path].commands;
  commands.store(commands.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  path.submit(slot);
}

void Multipath::finish(const MultipathState::Action& action) {
  Slot& slot = slots_[action.slot];
  if (action.status != Status::ok) {
    shared_->shards[loop_.index()]->errors.fetch_add(1, std::memory_order_relaxed);
    const Disposition& last = state_.last_answer(action.slot);
    if (log_limiter_.allow(loop_.now().nanoseconds))
      log_error("initiator", "{}: {} failed: {}", shared_->label, slot.request->describe(),
                last.done() ? "no path: " + errors() : last.text());
  }
  slot.request->complete(action.status);
  slot.request = nullptr;
  free_.push_back(action.slot);
  if (waiting_.empty()) return;
  auto& next = static_cast<block::Request&>(waiting_.front());
  waiting_.remove(next);
  begin(next);
}

/// The doubt stands: what the other channels get from now on waits. What they had is asked for here.
Task<void> Multipath::ask(uint16_t slot) {
  const Extent extent = state_.extent_of(slot);
  const loop::Instant since = state_.first_sent(slot);
  bool conflict = false;
  for (uint32_t shard = 0; shard < shared_->channels.size() && !conflict; ++shard) {
    if (shard == loop_.index()) continue;
    RemoteShared& shared = *shared_;
    auto asking = loop::call_on(shard, [&shared, shard, extent, since] {
      const Multipath* other = shared.channels[shard];
      return other != nullptr && other->changed_since(extent, since);
    });
    conflict = co_await asking;
  }
  handle(MultipathState::Cleared{slot, conflict});
}

}  // namespace ashlar::initiator
