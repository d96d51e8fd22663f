#include "loop/sim_loop.h"

#include <algorithm>

#include "loop/sim_device.h"
#include "loop/sim_world.h"

namespace ashlar::loop {

SimProcess::SimProcess(SimWorld& world, SimMachine& machine, std::string name, uint32_t index,
                       uint32_t shard_count, const BufferPool::Sizes& pools, uint64_t seed)
    : world_(world), machine_(machine), name_(std::move(name)), index_(index), random_(seed) {
  CHECK(shard_count > 0);
  for (uint32_t i = 0; i < shard_count; ++i) {
    loops_.push_back(std::make_unique<SimLoop>(*this, i, pools, random_.next()));
  }
  last_arrival_.resize(size_t{shard_count + 1} * shard_count);
}

SimProcess::~SimProcess() = default;

Loop& SimProcess::at(uint32_t index) { return *loops_[index]; }

void SimProcess::send(uint32_t to, std::move_only_function<void()> work) {
  CHECK(to < count(), "shard {} of {}", to, count());
  const Loop* sender = Loop::current_or_null();
  const uint32_t from = sender != nullptr && &sender->shards() == this ? sender->index() : count();
  Instant& last = last_arrival_[size_t{from} * count() + to];
  last = std::max(last, world_.now() + random_.between(Nanoseconds(100), Nanoseconds(20'000)));
  SimLoop& loop = *loops_[to];
  world_.at(last, SimEvent::mailbox, loop.id(),
            [&loop, message = std::move(work)]() mutable { loop.deliver(std::move(message)); });
}

SimLoop::SimLoop(SimProcess& process, uint32_t index, const BufferPool::Sizes& pools, uint64_t seed)
    : Loop(process, index, pools), process_(process), random_(seed) {
  now_ = process.world().now();
}

SimLoop::~SimLoop() {
  // Work that never had its turn dies here, in the loop that it belongs to.
  set_current(this);
  inbox_.clear();
  set_current(nullptr);
}

Nanoseconds SimLoop::wall_clock() {
  constexpr int64_t simulated_epoch_seconds = 1'767'225'600;  // 2026-01-01
  return seconds(simulated_epoch_seconds) + Nanoseconds(now_.nanoseconds);
}

void SimLoop::enter(const std::function<void()>& work) {
  CHECK(Loop::current_or_null() == nullptr, "enter() inside a turn");
  now_ = world().now();
  set_current(this);
  work();
  set_current(nullptr);
  schedule_turn();
}

void SimLoop::deliver(std::move_only_function<void()> work) {
  inbox_.push_back(std::move(work));
  schedule_turn();
}

void SimLoop::deliver(Ready& item) {
  if (!ReadyList::contains(item)) post(item);
  schedule_turn();
}

void SimLoop::schedule_turn() {
  if (turn_scheduled_) return;
  turn_scheduled_ = true;
  const Instant when = std::max({world().now(), busy_until_, process_.paused_until()});
  world().at(when, SimEvent::turn, id(), [this] { turn(); });
}

void SimLoop::turn() {
  turn_scheduled_ = false;
  if (process_.paused_until() > world().now()) return schedule_turn();
  now_ = world().now();
  set_current(this);
  timers_.expire(now_);
  std::vector<std::move_only_function<void()>> arrived;
  arrived.swap(inbox_);
  for (auto& work : arrived) work();
  arrived.clear();
  run_ready();
  set_current(nullptr);
  // A turn takes time. What comes meanwhile is served together by the next one, as with a real ring; and a turn that
  // always asks for another cannot stop the clock.
  busy_until_ = now_ + random_.between(Nanoseconds(300), Nanoseconds(4000));
  if (anything_ready() || !inbox_.empty()) schedule_turn();
  schedule_wake();
}

void SimLoop::schedule_wake() {
  const Instant next = timers_.next();
  if (next == Instant::never() || next >= wake_at_) return;
  wake_at_ = next;
  const Nanoseconds late =
      random_.between(Nanoseconds(0), Nanoseconds(60'000));  // a timer is never early, often a bit late
  world().at(std::max(next, world().now()) + late, SimEvent::wake, id(), [this, wake = ++wake_] {
    if (wake != wake_) return;
    wake_at_ = Instant::never();
    schedule_turn();
  });
}

Result<std::unique_ptr<Listener>> SimLoop::listen(const Endpoint& endpoint, const ListenOptions& options,
                                                  Acceptor& acceptor) {
  return world().network().listen(*this, endpoint, options, acceptor);
}

Task<Result<std::unique_ptr<Stream>>> SimLoop::connect(Endpoint endpoint, Nanoseconds timeout,
                                                       Cancellation* cancellation) {
  CO_TRY(Cancellation::check(cancellation, endpoint.text()));
  const std::string place = endpoint.text();
  Event answered;
  Result<std::unique_ptr<Stream>> outcome = nullptr;
  SimNetwork::Connected connected = [&](Result<std::unique_ptr<Stream>> result) {
    outcome = std::move(result);
    answered.set();
  };
  SimNetwork& network = world().network();
  const auto attempt = network.connect(*this, std::move(endpoint), timeout, std::move(connected));
  const Cancellation::Scope scope(cancellation, [&] { network.give_up(attempt); });
  co_await answered;
  CO_TRY(Cancellation::check(cancellation, place));
  co_return outcome;
}

Task<Result<std::unique_ptr<File>>> SimLoop::open(std::string path, OpenOptions options) {
  const Nanoseconds delay = random_.between(microseconds(20), microseconds(400));
  co_await sleep_for(delay);
  auto opened = process_.machine().disk.open(*this, path, options);
  if (opened && world().interpose_file) co_return world().interpose_file(std::move(*opened), *this, path);
  co_return opened;
}

Task<Result<void>> SimLoop::remove(std::string path) {
  const Nanoseconds delay = random_.between(microseconds(20), microseconds(400));
  co_await sleep_for(delay);
  co_return process_.machine().disk.remove(*this, path);
}

Task<Result<std::unique_ptr<ScsiDevice>>> SimLoop::open_scsi(std::string path) {
  const Nanoseconds delay = random_.between(microseconds(20), milliseconds(5));
  co_await sleep_for(delay);
  co_return open_sim_device(*this, path);
}

void SimLoop::run_blocking(std::move_only_function<void()> work, std::move_only_function<void()> done) {
  const Nanoseconds delay = random_.between(microseconds(5), milliseconds(2));
  world().after(delay, SimEvent::blocking, id(),
                [this, call = std::move(work), answer = std::move(done)]() mutable {
                  call();
                  deliver(std::move(answer));
                });
}

}  // namespace ashlar::loop
