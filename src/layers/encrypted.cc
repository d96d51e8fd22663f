#include "layers/encrypted.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/log.h"
#include "layers/piece_walk.h"
#include "layers/xts_cipher.h"

namespace ashlar::layers {

using block::Operation;
using block::Request;
using block::Status;

namespace {

constexpr uint32_t max_unit_bytes = 4096;
constexpr uint32_t max_works = 32;
constexpr uint32_t max_piece_bytes = 1u << 20;

bool all_zero(const uint8_t* data, size_t bytes) {
  return data[0] == 0 && std::memcmp(data, data + 1, bytes - 1) == 0;
}

/// A write on its way: its next piece, encrypted.
struct Work {
  EncryptedChannel* channel = nullptr;
  Request* request = nullptr;
  Request piece;
  Buffer buffer;  // empty: none yet, or the reserve page
  std::array<iovec, Buffer::max_segments> parts{};
  size_t part_count = 0;
  uint64_t done = 0;  // bytes of the request that are below
  bool reserve = false;
};

struct alignas(max_unit_bytes) Page {
  uint8_t bytes[max_unit_bytes];
};

}  // namespace

class EncryptedChannel final : public block::BlockDevice {
 public:
  EncryptedChannel(loop::Loop& loop, std::unique_ptr<block::BlockDevice> below,
                   std::shared_ptr<EncryptedStore::Shared> shared,
                   std::shared_ptr<EncryptedStore::Handle> handle)
      : loop_(loop),
        below_(std::move(below)),
        shared_(std::move(shared)),
        handle_(std::move(handle)),
        limits_(EncryptedStore::limits_over(below_->limits())),
        works_(std::make_unique<Work[]>(max_works)),
        reserve_page_(std::make_unique<Page>()) {
    idle_.reserve(max_works);
    waiting_works_.reserve(max_works);
    for (uint32_t i = max_works; i > 0; --i) idle_.push_back(&works_[i - 1]);
    handle_->channel = this;
    take_key(shared_->key);
  }
  ~EncryptedChannel() override {
    CHECK(idle_.size() == max_works, "{}: encrypted, closed with writes in flight", shared_->volume);
    handle_->channel = nullptr;
  }
  const block::Limits& limits() const override {
    EncryptedStore::refresh(limits_, below_->limits(), *shared_);
    return limits_;
  }
  void close() override { below_->close(); }

  void submit(Request& request) override {
    if (cipher_ == nullptr) [[unlikely]]
      return request.complete(Status::device_failed);
    switch (request.operation) {
      case Operation::read: request.push(&EncryptedChannel::read_over, this); break;
      case Operation::write:
        if (idle_.empty()) return waiting_requests_.push_back(request);
        return begin(request);
      case Operation::clone: return request.complete(Status::unsupported);
      default: break;
    }
    below_->submit(request);
  }

  /// What was in flight has ended, or does not matter any more.
  void take_key(const std::optional<DataKey>& key) {
    cipher_ = key ? std::make_unique<XtsCipher>(*key, limits_.block_bytes) : nullptr;
  }

 private:
  static void read_over(Request& request, Request::Layer& layer) {
    if (request.status != Status::ok) return;
    auto& channel = *static_cast<EncryptedChannel*>(layer.layer);
    if (channel.cipher_ == nullptr) [[unlikely]] {
      request.status = Status::device_failed;
      return;
    }
    channel.decrypt(request);
  }
  void decrypt(Request& request) {
    const uint32_t unit = cipher_->unit_bytes();
    uint64_t number = request.offset / unit;
    PieceWalk walk(request.parts);
    Page scratch;
    for (uint64_t done = 0; done < request.length; done += unit, ++number) {
      const PieceWalk before = walk;
      uint8_t* there = walk.take(unit);
      uint8_t* data = there != nullptr ? there : scratch.bytes;
      if (there == nullptr) walk.copy_out(scratch.bytes, unit);
      if (all_zero(data, unit)) continue;
      cipher_->decrypt(number, data, data);
      if (there == nullptr) PieceWalk(before).copy_in(scratch.bytes, unit);
    }
  }

  void begin(Request& request) {
    Work& work = *idle_.back();
    idle_.pop_back();
    work.channel = this;
    work.request = &request;
    work.done = 0;
    next(work);
  }
  void next(Work& work) {
    if (!has_memory(work) && !take_memory(work)) {
      if (another_has_memory()) return waiting_works_.push_back(&work);
      return finish(work, Status::aborted);  // the host may send it again
    }
    encrypt(work);
    below_->submit(work.piece);
  }

  bool has_memory(const Work& work) const { return work.reserve || !work.buffer.empty(); }
  bool another_has_memory() const {
    return std::any_of(works_.get(), works_.get() + max_works,
                       [this](const Work& each) { return has_memory(each); });
  }
  // An atomic write is one request below, and needs memory for all of it at once.
  bool take_memory(Work& work) {
    const uint64_t left = work.request->length - work.done;
    for (const uint32_t limit : {max_piece_bytes, 256u << 10, 32u << 10, max_unit_bytes}) {
      const auto bytes = static_cast<uint32_t>(std::min<uint64_t>({left, limit, limits_.max_transfer_bytes}));
      if (work.request->atomic && bytes < left) break;
      if (loop_.buffers().allocate(work.buffer, bytes)) return true;
    }
    if (reserve_taken_ || (work.request->atomic && left > max_unit_bytes)) return false;
    reserve_taken_ = work.reserve = true;
    return true;
  }
  void give_memory_back(Work& work) {
    if (work.reserve) reserve_taken_ = work.reserve = false;
    work.buffer.release();
  }

  void encrypt(Work& work) {
    const Request& request = *work.request;
    const uint32_t capacity = work.reserve ? max_unit_bytes : work.buffer.size();
    const auto bytes = static_cast<uint32_t>(std::min<uint64_t>(request.length - work.done, capacity));
    work.parts[0] = {reserve_page_->bytes, bytes};
    work.part_count = work.reserve ? 1 : work.buffer.slice(0, bytes, work.parts);
    const uint32_t unit = cipher_->unit_bytes();
    uint64_t number = (request.offset + work.done) / unit;
    PieceWalk walk(request.parts);
    walk.skip(work.done);
    Page scratch;
    // Pieces of the pool are multiples of 4096 bytes: no data unit lies in two of them.
    for (const iovec& part : std::span(work.parts).first(work.part_count)) {
      auto* to = static_cast<uint8_t*>(part.iov_base);
      for (size_t at = 0; at < part.iov_len; at += unit, ++number) {
        const uint8_t* from = walk.take(unit);
        if (from == nullptr) walk.copy_out(scratch.bytes, unit);
        cipher_->encrypt(number, from != nullptr ? from : scratch.bytes, to + at);
      }
    }
    fill_piece(work, bytes);
  }
  void fill_piece(Work& work, uint64_t bytes) {
    const Request& request = *work.request;
    work.piece.operation = Operation::write;
    work.piece.durable = request.durable;
    work.piece.atomic = request.atomic;
    work.piece.offset = request.offset + work.done;
    work.piece.length = bytes;
    work.piece.parts = std::span(work.parts).first(work.part_count);
    work.piece.owner = &work;
    work.piece.done = [](Request& piece) {
      auto& of = *static_cast<Work*>(piece.owner);
      of.channel->piece_over(of);
    };
    work.piece.begin();
  }
  void piece_over(Work& work) {
    if (work.piece.status != Status::ok) return finish(work, work.piece.status);
    work.done += work.piece.length;
    if (work.done == work.request->length) return finish(work, Status::ok);
    // Its key may have gone meanwhile.
    if (cipher_ == nullptr) return finish(work, Status::device_failed);
    next(work);
  }
  void finish(Work& work, Status status) {
    give_memory_back(work);
    Request& request = *work.request;
    work.request = nullptr;
    idle_.push_back(&work);
    request.complete(status);
    go_on();
  }
  // Memory has come back, and a place for a request.
  void go_on() {
    if (!waiting_works_.empty()) {
      Work& work = *waiting_works_.front();
      waiting_works_.erase(waiting_works_.begin());
      return cipher_ == nullptr ? finish(work, Status::device_failed) : next(work);
    }
    while (!waiting_requests_.empty() && !idle_.empty()) {
      auto& request = static_cast<Request&>(waiting_requests_.pop_front());
      cipher_ == nullptr ? request.complete(Status::device_failed) : begin(request);
    }
  }

  loop::Loop& loop_;
  std::unique_ptr<block::BlockDevice> below_;
  std::shared_ptr<EncryptedStore::Shared> shared_;
  std::shared_ptr<EncryptedStore::Handle> handle_;
  mutable block::Limits limits_;
  std::unique_ptr<XtsCipher> cipher_;  // null: there is no key
  std::unique_ptr<Work[]> works_;
  std::vector<Work*> idle_;
  std::vector<Work*> waiting_works_;    // for memory, in the order of coming
  loop::ReadyList waiting_requests_;    // for a Work
  std::unique_ptr<Page> reserve_page_;  // so that writes go on, a block at a time, when the pool is dry
  bool reserve_taken_ = false;
};

EncryptedStore::EncryptedStore(std::shared_ptr<block::Store> below, const std::optional<DataKey>& key,
                               Renew renew, std::string volume)
    : LayerStore(std::move(below)), limits_(limits_over(LayerStore::limits())) {
  shared_->volume = std::move(volume);
  shared_->renew = std::move(renew);
  shared_->key = key;
  shared_->keyless = !key;
}

EncryptedStore::~EncryptedStore() = default;

block::Limits EncryptedStore::limits_over(const block::Limits& below) {
  block::Limits limits = below;
  if (limits.atomic_write_bytes > max_piece_bytes)
    limits.atomic_write_bytes = limits.atomic_alignment_bytes <= max_piece_bytes ? max_piece_bytes : 0;
  return limits;
}

// The two that move.
void EncryptedStore::refresh(block::Limits& limits, const block::Limits& below, const Shared& shared) {
  limits.size_bytes = below.size_bytes;
  limits.erasable_key =
      shared.erasable.load(std::memory_order_relaxed) && !shared.keyless.load(std::memory_order_relaxed);
}

const block::Limits& EncryptedStore::limits() const {
  refresh(limits_, LayerStore::limits(), *shared_);
  return limits_;
}

std::unique_ptr<block::BlockDevice> EncryptedStore::open_channel(loop::Loop& shard) {
  std::erase_if(shared_->handles, [](const auto& handle) { return handle.use_count() == 1; });
  auto handle = std::make_shared<Handle>();
  handle->shard = shard.index();
  shared_->handles.push_back(handle);
  return std::make_unique<EncryptedChannel>(shard, below().open_channel(shard), shared_, std::move(handle));
}

void EncryptedStore::collect(std::map<std::string, uint64_t>& counters) const {
  counters["encrypted.failed"] = shared_->keyless.load(std::memory_order_relaxed) ? 1 : 0;
  LayerStore::collect(counters);
}

Result<void> EncryptedStore::allow_erase(bool allowed) {
  if (!allowed && shared_->erasing)
    return fail(ErrorCode::busy, shared_->volume, "a host erases its key just now (SANITIZE)");
  shared_->erasable.store(allowed, std::memory_order_relaxed);
  return {};
}

loop::Task<void> EncryptedStore::install(std::shared_ptr<Shared> shared) {
  std::function<void(loop::Loop&)> there = [key = shared->key, handles = shared->handles](loop::Loop& loop) {
    for (const std::shared_ptr<Handle>& handle : handles) {
      if (handle->shard == loop.index() && handle->channel != nullptr) handle->channel->take_key(key);
    }
  };
  co_await loop::on_every_shard(loop::Loop::current().shards(), std::move(there));
}

// Not a member: it must not touch the store after it has waited.
loop::Task<Result<void>> EncryptedStore::erase(std::shared_ptr<Shared> shared) {
  if (!shared->renew) co_return fail(ErrorCode::unsupported, shared->volume, "its key is nowhere kept");
  if (!shared->erasable.load(std::memory_order_relaxed))
    co_return fail(ErrorCode::busy, shared->volume, "others need its key");
  shared->erasing = true;
  auto renewing = shared->renew();
  Result<DataKey> key = co_await renewing;
  // Nobody knows which of the two the next start would find: what is written with either could be lost.
  shared->keyless = !key;
  shared->key = key ? std::optional<DataKey>(*key) : std::nullopt;
  auto installing = install(shared);
  co_await installing;
  shared->erasing = false;
  if (key) co_return Result<void>{};
  log_error("layers", "the key was not renewed, and the volume fails until it is opened anew: {} volume={}",
            key.error().text(), shared->volume);
  co_return std::unexpected(key.error());
}

loop::Task<Result<void>> EncryptedStore::erase_key() { return erase(shared_); }

}  // namespace ashlar::layers
