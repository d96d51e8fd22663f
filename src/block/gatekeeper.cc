#include "block/gatekeeper.h"

#include <algorithm>

#include "base/log.h"
#include "block/layer_store.h"

namespace ashlar::block {
namespace {

// What a store or a layer must give back as it got it. One word, so that it fits the layer's note.
uint64_t fingerprint(const Request& request) {
  return (request.offset * 0x9e3779b97f4a7c15 + request.length) ^
         reinterpret_cast<uintptr_t>(request.parts.data());
}

bool carries_data(Operation operation) {
  return operation == Operation::read || operation == Operation::write;
}
bool modifies(Operation operation) {
  return operation == Operation::write || operation == Operation::discard ||
         operation == Operation::write_zeroes || operation == Operation::clone;
}

uint64_t total(std::span<const iovec> parts) {
  uint64_t bytes = 0;
  for (const iovec& part : parts) bytes += part.iov_len;
  return bytes;
}

class GuardedStore final : public LayerStore {
 public:
  GuardedStore(std::shared_ptr<Store> below, std::string name) : LayerStore(std::move(below)) {
    shared_->name = std::move(name);
  }
  std::unique_ptr<BlockDevice> open_channel(loop::Loop& shard) override {
    return std::make_unique<Gatekeeper>(below().open_channel(shard), shared_);
  }
  void collect(std::map<std::string, uint64_t>& counters) const override {
    counters["failed"] = shared_->failed.load(std::memory_order_relaxed) ? 1 : 0;
    LayerStore::collect(counters);
  }

 private:
  std::shared_ptr<Gatekeeper::Shared> shared_ = std::make_shared<Gatekeeper::Shared>();
};

}  // namespace

Gatekeeper::Gatekeeper(std::unique_ptr<BlockDevice> below, std::shared_ptr<Shared> shared)
    : below_(std::move(below)), shared_(std::move(shared)) {}

Gatekeeper::~Gatekeeper() {
  if (!closed_) close();
}

void Gatekeeper::close() {
  CHECK(!closed_, "{}: closed twice", shared_->name);
  // The mix is the exclusive or of all addresses in flight: with one left, it is that one's.
  // NOLINTBEGIN(performance-no-int-to-ptr)
  CHECK(
      in_flight_ == 0, "{}: closed with {} requests in flight{}", shared_->name, in_flight_,
      in_flight_ == 1 ? ": " + reinterpret_cast<const Request*>(in_flight_mix_)->describe() : std::string());
  // NOLINTEND(performance-no-int-to-ptr)
  closed_ = true;
  below_->close();
}

Status Gatekeeper::check(const Request& request) const {
  if (shared_->failed.load(std::memory_order_relaxed)) [[unlikely]]
    return Status::device_failed;
  if (request.operation == Operation::flush) return Status::ok;
  const Limits& limits = below_->limits();
  if (request.offset > limits.size_bytes) return Status::out_of_range;
  const uint64_t room = limits.size_bytes - request.offset;
  if (request.operation == Operation::find_extent) {
    if (!limits.find_extent) return Status::unsupported;
    if (room == 0) return Status::out_of_range;
    return request.offset % limits.block_bytes == 0 ? Status::ok : Status::misaligned;
  }
  if (request.length > room) return Status::out_of_range;
  if (((request.offset | request.length) & (limits.block_bytes - 1)) != 0) return Status::misaligned;
  if (limits.read_only && modifies(request.operation)) return Status::read_only;
  if (carries_data(request.operation))
    return request.length <= limits.max_transfer_bytes ? Status::ok : Status::unsupported;
  CHECK(request.operation != Operation::clone || request.clone_source != nullptr, "{}: from nowhere: {}",
        shared_->name, request.describe());
  if (request.operation == Operation::discard && limits.discard_granularity_bytes == 0)
    return Status::unsupported;
  return request.length <= limits.max_discard_bytes ? Status::ok : Status::unsupported;
}

// What a failed device holds need not be what was written: it is no more to be shared than to be read.
std::shared_ptr<CloneSource> Gatekeeper::clone_source() {
  return shared_->failed.load(std::memory_order_relaxed) ? nullptr : below_->clone_source();
}

void Gatekeeper::submit(Request& request) {
  CHECK(!closed_, "{}: submitted after close: {}", shared_->name, request.describe());
  CHECK(request.in_flight() && request.done != nullptr, "{}: not begun: {}", shared_->name,
        request.describe());
  if (const Status refusal = check(request); refusal != Status::ok) [[unlikely]]
    return request.complete(refusal);
  if (carries_data(request.operation)) {
    CHECK(total(request.parts) == request.length, "{}: pieces of {} bytes: {}", shared_->name,
          total(request.parts), request.describe());
  }
  const bool has_range = request.operation != Operation::flush && request.operation != Operation::find_extent;
  if (has_range && request.length == 0) return request.complete(Status::ok);
  ++in_flight_;
  mark(request);
  request.push(&Gatekeeper::completed, this, fingerprint(request));
  inside_submit_ = true;
  below_->submit(request);
  inside_submit_ = false;
}

void Gatekeeper::completed(Request& request, Request::Layer& layer) {
  auto& gate = *static_cast<Gatekeeper*>(layer.layer);
  CHECK(!gate.inside_submit_, "{}: completed inside submit: {}", gate.shared_->name, request.describe());
  CHECK(layer.note == fingerprint(request), "{}: changed below: {}", gate.shared_->name, request.describe());
  --gate.in_flight_;
  gate.mark(request);
  if (request.status != Status::ok || request.operation == Operation::find_extent) gate.check_answer(request);
}

void Gatekeeper::check_answer(Request& request) {
  switch (request.status) {
    case Status::ok: {
      const uint64_t block = below_->limits().block_bytes;
      CHECK(request.extent_length > 0 && request.extent_length % block == 0, "{}: extent of {} bytes: {}",
            shared_->name, request.extent_length, request.describe());
      return;
    }
    case Status::medium_error:
    case Status::no_space:
    case Status::aborted: return;
    case Status::device_failed:
      if (!shared_->failed.exchange(true)) {
        log_error("block", "device failed; all its requests fail from now on volume={} request=\"{}\"",
                  shared_->name, request.describe());
      }
      return;
    case Status::out_of_range:
    case Status::misaligned:
    case Status::read_only:
    case Status::unsupported:
      if (request.operation == Operation::clone && request.status == Status::unsupported) return;
      break;
  }
  CHECK(false, "{}: {} from below the gatekeeper: {}", shared_->name, name_of(request.status),
        request.describe());
}

std::shared_ptr<Store> guard(std::shared_ptr<Store> below, std::string name) {
  return std::make_shared<GuardedStore>(std::move(below), std::move(name));
}

loop::Task<Result<std::shared_ptr<Store>>> open_stack(const Registry& registry, StackSpec spec,
                                                      std::string place) {
  auto opening = registry.open(std::move(spec.store), place + ".store");
  auto opened = co_await opening;
  if (!opened) co_return opened;
  std::shared_ptr<Store> top = std::move(*opened);
  if (spec.wrap) {
    auto wrapping = spec.wrap(std::move(top));
    auto wrapped = co_await wrapping;
    CO_TRY(wrapped);
    top = std::move(*wrapped);
  }
  for (size_t i = 0; i < spec.layers.size(); ++i) {
    CO_TRY_ASSIGN(top, registry.stack(std::move(spec.layers[i]), std::move(top),
                                      fmt::format("{}.layers[{}]", place, i)));
  }
  if (registry.has_layer("stats")) {
    StoreSpec stats;
    stats.kind = "stats";
    CO_TRY_ASSIGN(top, registry.stack(std::move(stats), std::move(top), place + ".stats"));
  }
  co_return guard(std::move(top), std::move(spec.name));
}

}  // namespace ashlar::block
