#include "unit/local_unit.h"

#include <algorithm>
#include <functional>
#include <map>

namespace ashlar::unit {
namespace {

using block::Operation;
using block::Status;
using SharedUnit = std::shared_ptr<UnitShared>;

bool modifies(Operation operation) {
  return operation == Operation::write || operation == Operation::discard ||
         operation == Operation::write_zeroes || operation == Operation::clone;
}

bool keeps_out(const RangeLock& lock, const block::Request& request) {
  const bool concerned = modifies(request.operation) || (lock.reads && request.operation == Operation::read);
  return concerned && overlap(lock.offset, lock.length, request.offset, request.length);
}

// A story that waits for a range, on its own shard.
struct Waiter {
  RangeLock lock;
  loop::Event answered;
};

void answer(const SharedUnit& shared, const RangeLockQueue::Entry& entry, uint64_t id) {
  auto* waiter = static_cast<Waiter*>(entry.waiter);
  std::move_only_function<void()> there = [waiter, id] {
    waiter->lock.id = id;
    waiter->answered.set();
  };
  shared->shards.send(entry.shard, std::move(there));
}

// On the home shard: one shard has no more writes in the range.
void shard_is_quiet(const SharedUnit& shared, uint64_t id) {
  if (const RangeLockQueue::Entry* granted = shared->locks.quiet(id)) answer(shared, *granted, id);
}

void start_locks(const SharedUnit& shared) {
  for (const RangeLock& lock : shared->locks.start()) {
    for (uint32_t i = 0; i < shared->shards.count(); ++i) {
      shared->shards.send(i, [shared, lock, i] {
        if (LocalUnit* local = shared->on_shard[i]) local->hold(lock);
      });
    }
  }
}

void release_lock(const SharedUnit& shared, uint64_t id) {
  if (!shared->locks.release(id)) return;
  // Before the next lock's announcement, in the order of the mailbox: writes that waited for this one go first.
  for (uint32_t i = 0; i < shared->shards.count(); ++i) {
    shared->shards.send(i, [shared, id, i] {
      if (LocalUnit* local = shared->on_shard[i]) local->let_go(id);
    });
  }
  start_locks(shared);
}

void ask_lock(const SharedUnit& shared, Waiter& waiter, uint32_t shard) {
  if (shared->closing) {
    RangeLockQueue::Entry nobody;
    nobody.waiter = &waiter;
    nobody.shard = shard;
    return answer(shared, nobody, 0);
  }
  shared->locks.ask(waiter.lock, shard, &waiter);
  start_locks(shared);
}

// Not a member: it must not touch the LocalUnit after it has waited.
loop::Task<RangeLock> lock_story(SharedUnit shared, uint32_t shard, RangeLock wanted) {
  Waiter waiter;
  waiter.lock = wanted;
  std::move_only_function<void()> at_home = [shared, &waiter, shard] { ask_lock(shared, waiter, shard); };
  shared->shards.send(0, std::move(at_home));
  co_await waiter.answered;
  co_return waiter.lock;
}

// The stats layer has counted it. Not a member: it must not touch the LocalUnit after it has waited.
loop::Task<WorkTime> work_time_story(SharedUnit shared) {
  std::function<WorkTime()> at_home = [shared] {
    std::map<std::string, uint64_t> counters;
    if (shared->store) shared->store->collect(counters);
    return WorkTime{counters["read.latency_sum_ns"], counters["write.latency_sum_ns"]};
  };
  auto asking = loop::call_on(0, std::move(at_home));
  co_return co_await asking;
}

// A key that is being erased; lives until the asker has heard of it.
struct Erasing {
  Result<void> outcome;
  loop::Event answered;  // on the asker's shard
};

loop::Task<void> erase_at_home(SharedUnit shared, std::shared_ptr<Erasing> erasing, uint32_t asker) {
  const std::shared_ptr<block::Store> store = shared->store;  // a unit that closes lets go of it
  if (store == nullptr) {
    erasing->outcome = fail(ErrorCode::closed, shared->identity.name, "is closed");
  } else {
    auto changing = store->erase_key();
    erasing->outcome = co_await changing;
  }
  shared->shards.send(asker, [erasing] { erasing->answered.set(); });
}

// Not a member: it must not touch the LocalUnit after it has waited.
loop::Task<Result<void>> erase_story(SharedUnit shared, uint32_t asker) {
  const auto erasing = std::make_shared<Erasing>();
  shared->shards.send(0, [shared, erasing, asker] { erase_at_home(shared, erasing, asker).detach(); });
  co_await erasing->answered;
  co_return erasing->outcome;
}

loop::Task<void> close_shard(LocalUnit& local, loop::Shards& shards, std::move_only_function<void()> closed) {
  co_await local.close();
  shards.send(0, std::move(closed));
}

}  // namespace

UnitShared::UnitShared(Identity its_identity, Geometry its_geometry, std::shared_ptr<block::Store> its_store,
                       loop::Shards& its_shards)
    : identity(std::move(its_identity)),
      geometry(its_geometry),
      store(std::move(its_store)),
      shards(its_shards),
      size_bytes(geometry.size_bytes),
      write_cache(geometry.write_cache),
      tally(its_shards.count()),
      locks(its_shards.count()),
      on_shard(its_shards.count()) {}

LocalUnit::LocalUnit(SharedUnit shared, loop::Loop& loop, std::unique_ptr<block::BlockDevice> channel)
    : shared_(std::move(shared)), loop_(loop), channel_(std::move(channel)) {
  shared_->on_shard[loop_.index()] = this;
}

LocalUnit::~LocalUnit() {
  CHECK(!channel_, "unit {} was dropped before close_unit()", shared_->identity.name);
}

Geometry LocalUnit::geometry() const {
  Geometry geometry = shared_->geometry;
  geometry.size_bytes = shared_->size_bytes.load(std::memory_order_relaxed);
  geometry.write_cache = shared_->write_cache.load(std::memory_order_relaxed);
  return geometry;
}

void LocalUnit::submit(Command& command) {
  block::Request& request = command.request;
  request.begin();
  if (closing_) [[unlikely]]
    return request.complete(Status::aborted);
  if (modifies(request.operation)) {
    if (shared_->geometry.read_only || command.mapping_read_only) return request.complete(Status::read_only);
    if (!shared_->write_cache.load(std::memory_order_relaxed)) request.durable = true;
  }
  if (!holds_.empty() && must_wait(command)) [[unlikely]]
    return held_.push_back(command);
  admit(command);
}

void LocalUnit::admit(Command& command) {
  in_flight_.push_back(command);
  command.request.push(&LocalUnit::ended, this, reinterpret_cast<uintptr_t>(&command));
  channel_->submit(command.request);
}

void LocalUnit::ended(block::Request& /*request*/, block::Request::Layer& layer) {
  auto& unit = *static_cast<LocalUnit*>(layer.layer);
  auto& command = *reinterpret_cast<Command*>(layer.note);
  unit.in_flight_.remove(command);
  if (!unit.holds_.empty()) unit.left_range(command);
  if (unit.closing_ && unit.at_rest()) unit.idle_.set();
}

bool LocalUnit::pass(loop::ScsiOperation& operation) {
  if (closing_) return false;
  ++passing_;
  channel_->passthrough()->submit(operation);
  return true;
}

void LocalUnit::passed(const loop::ScsiOperation& operation) {
  --passing_;
  channel_->passthrough()->ended(operation);
  if (closing_ && at_rest()) idle_.set();
}

bool LocalUnit::must_wait(const Command& command) const {
  return std::ranges::any_of(holds_, [&](const Hold& hold) {
    return hold.lock.id != command.range_lock && keeps_out(hold.lock, command.request);
  });
}

void LocalUnit::hold(const RangeLock& lock) {
  Hold hold{lock};
  for (const Command& command : in_flight_) {
    if (keeps_out(lock, command.request)) ++hold.before;
  }
  holds_.push_back(hold);
  if (hold.before == 0) tell_quiet(lock.id);
}

void LocalUnit::left_range(const Command& command) {
  // Until it is granted, a lock lets nothing new into its range: whatever ends there was in flight before it.
  for (Hold& hold : holds_) {
    if (hold.before == 0 || !keeps_out(hold.lock, command.request)) continue;
    if (--hold.before == 0) tell_quiet(hold.lock.id);
  }
}

void LocalUnit::tell_quiet(uint64_t id) {
  shared_->shards.send(0, [shared = shared_, id] { shard_is_quiet(shared, id); });
}

void LocalUnit::let_go(uint64_t id) {
  std::erase_if(holds_, [id](const Hold& hold) { return hold.lock.id == id; });
  for (Command& command : held_) {
    if (must_wait(command)) continue;
    held_.remove(command);
    admit(command);
  }
}

loop::Task<RangeLock> LocalUnit::lock_range(uint64_t offset, uint64_t length, bool reads) {
  return lock_story(shared_, loop_.index(), RangeLock{offset, length, 0, reads});
}

loop::Task<WorkTime> LocalUnit::work_time() { return work_time_story(shared_); }

loop::Task<Result<void>> LocalUnit::erase_key() { return erase_story(shared_, loop_.index()); }

void LocalUnit::unlock_range(const RangeLock& lock) {
  if (lock.id == 0) return;
  shared_->shards.send(0, [shared = shared_, id = lock.id] { release_lock(shared, id); });
}

loop::Task<void> LocalUnit::close() {
  closing_ = true;
  while (!held_.empty()) held_.pop_front().request.complete(Status::aborted);
  if (!at_rest()) co_await idle_;
  limits_at_close_ = channel_->limits();
  channel_->close();
  channel_.reset();
  holds_.clear();
  shared_->on_shard[loop_.index()] = nullptr;
}

loop::Task<Result<OpenUnit>> open_unit(Identity identity, Geometry geometry,
                                       std::shared_ptr<block::Store> store) {
  const block::Limits& limits = store->limits();
  if (geometry.block_bytes != limits.block_bytes) {
    co_return fail(ErrorCode::invalid_argument, "block_bytes",
                   "unit {} has blocks of {} bytes, its store of {}", identity.name, geometry.block_bytes,
                   limits.block_bytes);
  }
  geometry.size_bytes = limits.size_bytes;
  geometry.rotational = limits.rotational;
  geometry.read_only = geometry.read_only || limits.read_only;
  loop::Shards& shards = loop::Loop::current().shards();
  OpenUnit unit;
  unit.shared = std::make_shared<UnitShared>(std::move(identity), geometry, std::move(store), shards);
  for (uint32_t i = 0; i < shards.count(); ++i) {
    auto channel = unit.shared->store->open_channel(shards.at(i));
    unit.on_shard.push_back(std::make_shared<LocalUnit>(unit.shared, shards.at(i), std::move(channel)));
  }
  co_return unit;
}

loop::Task<void> close_unit(OpenUnit unit) {
  const SharedUnit shared = unit.shared;
  CHECK(!shared->closing, "unit {} is closed twice", shared->identity.name);
  shared->closing = true;
  for (const RangeLockQueue::Entry& waiting : shared->locks.abandon()) answer(shared, waiting, 0);
  loop::Event all_closed;
  uint32_t left = shared->shards.count();
  for (uint32_t i = 0; i < shared->shards.count(); ++i) {
    std::move_only_function<void()> closed = [&left, &all_closed] {
      if (--left == 0) all_closed.set();
    };
    std::move_only_function<void()> there = [shared, i, closed = std::move(closed)]() mutable {
      close_shard(*shared->on_shard[i], shared->shards, std::move(closed)).detach();
    };
    shared->shards.send(i, std::move(there));
  }
  co_await all_closed;
  shared->store.reset();
}

loop::Task<Result<void>> resize_unit(OpenUnit unit, uint64_t bytes) {
  UnitShared& shared = *unit.shared;
  const uint64_t before = shared.size_bytes.load(std::memory_order_relaxed);
  if (bytes == 0 || bytes % shared.geometry.block_bytes != 0) {
    co_return fail(ErrorCode::invalid_argument, "size_bytes",
                   "must be a multiple of the block size {} and not 0; {} is not",
                   shared.geometry.block_bytes, bytes);
  }
  LogicalUnit& local = *unit.on_shard[0];
  RangeLock past_the_end;
  if (bytes < before) {
    // Later commands see the new capacity first, so that hosts stop asking for what goes away.
    shared.size_bytes.store(bytes, std::memory_order_relaxed);
    auto locking = local.lock_range(bytes, before - bytes);
    past_the_end = co_await locking;
  }
  const std::shared_ptr<block::Store> store = shared.store;
  if (!store) co_return fail(ErrorCode::closed, shared.identity.name, "the unit is closed");
  auto resizing = store->resize(bytes);
  Result<void> resized = co_await resizing;
  shared.size_bytes.store(store->limits().size_bytes, std::memory_order_relaxed);
  local.unlock_range(past_the_end);
  co_return resized;
}

loop::Task<Result<std::shared_ptr<block::Medium>>> open_medium(OpenUnit unit, std::string path) {
  const std::shared_ptr<block::Store> store = unit.shared->store;
  if (!store) co_return fail(ErrorCode::closed, unit.shared->identity.name, "the unit is closed");
  auto opening = store->open_medium(std::move(path));
  co_return co_await opening;
}

loop::Task<void> change_medium(OpenUnit unit, std::shared_ptr<block::Medium> medium) {
  const std::shared_ptr<block::Store> store = unit.shared->store;
  if (!store) co_return;
  unit.shared->size_bytes.store(0, std::memory_order_relaxed);
  auto changing = store->change_medium(std::move(medium));
  co_await changing;
  unit.shared->size_bytes.store(store->limits().size_bytes, std::memory_order_relaxed);
}

}  // namespace ashlar::unit
