#include "layers/fault.h"

#include <charconv>

namespace ashlar::layers {

using block::Operation;
using block::Request;
using block::Status;

namespace {

Result<uint64_t> number(const std::string& name, const std::string& text, uint64_t most) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value > most) {
    return fail(ErrorCode::invalid_argument, name, "must be a number from 0 to {}, not \"{}\"", most, text);
  }
  return value;
}

Result<bool> yes_or_no(const std::string& name, const std::string& text) {
  if (text == "true") return true;
  if (text == "false") return false;
  return fail(ErrorCode::invalid_argument, name, "must be true or false, not \"{}\"", text);
}

Result<Status> error_named(const std::string& text) {
  if (text == "none") return Status::ok;
  for (const Status status :
       {Status::medium_error, Status::no_space, Status::aborted, Status::device_failed}) {
    if (text == block::name_of(status)) return status;
  }
  return fail(ErrorCode::invalid_argument, "error",
              "must be medium_error, no_space, aborted, device_failed or none, not \"{}\"", text);
}

Result<uint32_t> operations_named(const std::string& text) {
  uint32_t mask = 0;
  for (size_t from = 0; from <= text.size();) {
    const size_t comma = std::min(text.find(',', from), text.size());
    const std::string name = text.substr(from, comma - from);
    bool known = false;
    for (uint32_t i = 0; i <= static_cast<uint32_t>(block::last_operation); ++i) {
      if (name != block::name_of(static_cast<Operation>(i))) continue;
      mask |= 1u << i;
      known = true;
    }
    if (!known) {
      return fail(ErrorCode::invalid_argument, "operations",
                  "no operation \"{}\"; known: read, write, flush, discard, write_zeroes, find_extent, clone",
                  name);
    }
    from = comma + 1;
  }
  return mask;
}

// Numerical Recipes' 64-bit mixer: good enough to choose victims, and the same everywhere.
uint64_t mix(uint64_t value) {
  value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9;
  value = (value ^ value >> 27) * 0x94d049bb133111eb;
  return value ^ value >> 31;
}

}  // namespace

Result<FaultPlan> FaultPlan::parse(const std::map<std::string, std::string>& options) {
  FaultPlan plan;
  for (const auto& [name, text] : options) {
    if (name == "operations") {
      TRY_ASSIGN(plan.operations, operations_named(text));
    } else if (name == "rate_per_million") {
      TRY_ASSIGN(const uint64_t rate, number(name, text, 1'000'000));
      plan.rate_per_million = static_cast<uint32_t>(rate);
    } else if (name == "nth") {
      TRY_ASSIGN(plan.nth, number(name, text, UINT64_MAX));
    } else if (name == "error") {
      TRY_ASSIGN(plan.error, error_named(text));
    } else if (name == "torn") {
      TRY_ASSIGN(plan.torn, yes_or_no(name, text));
    } else if (name == "hang") {
      TRY_ASSIGN(plan.hang, yes_or_no(name, text));
    } else if (name == "delay_ms") {
      TRY_ASSIGN(const uint64_t milliseconds, number(name, text, 3'600'000));
      plan.delay = loop::milliseconds(milliseconds);
    }
  }
  return plan;
}

class FaultChannel final : public block::BlockDevice {
 public:
  FaultChannel(loop::Loop& loop, std::unique_ptr<block::BlockDevice> below,
               std::shared_ptr<FaultStore::Shared> shared, std::shared_ptr<FaultStore::Handle> handle,
               const FaultPlan& plan)
      : loop_(loop),
        below_(std::move(below)),
        shared_(std::move(shared)),
        handle_(std::move(handle)),
        plan_(plan),
        chance_(mix(shared_->seed + loop.index())) {
    handle_->channel = this;
  }
  ~FaultChannel() override { handle_->channel = nullptr; }
  const block::Limits& limits() const override { return below_->limits(); }
  std::shared_ptr<block::CloneSource> clone_source() override { return below_->clone_source(); }
  block::Passthrough* passthrough() override { return below_->passthrough(); }
  void close() override { below_->close(); }

  void submit(Request& request) override {
    if (shared_->dead.load()) return request.complete(Status::device_failed);
    if (!strikes(request)) return below_->submit(request);
    ++shared_->struck;
    if (plan_.hang) return hanging_.push_back(request);
    delay_or_strike(request);
  }
  void set_plan(const FaultPlan& plan) { plan_ = plan; }
  void release() {
    loop::ReadyList released;
    released.splice(hanging_);
    while (!released.empty()) delay_or_strike(static_cast<Request&>(released.pop_front()));
  }

 private:
  class Delay final : public loop::Timer {
   public:
    Delay(FaultChannel& channel, Request& request) : channel_(channel), request_(request) {}
    void expired() override {
      channel_.strike(request_);
      delete this;
    }

   private:
    FaultChannel& channel_;
    Request& request_;
  };
  // What a torn write was, to give it back as it came.
  struct Torn {
    FaultChannel* channel;
    std::span<const iovec> parts;
    uint64_t length;
    std::vector<iovec> cut;
  };

  bool strikes(const Request& request) {
    if ((plan_.operations >> static_cast<uint32_t>(request.operation) & 1) == 0) return false;
    if (++shared_->matched == plan_.nth) return true;
    chance_ += 0x9e3779b97f4a7c15;
    return mix(chance_) % 1'000'000 < plan_.rate_per_million;
  }
  void delay_or_strike(Request& request) {
    if (plan_.delay.count() == 0) return strike(request);
    loop_.arm_after(*new Delay(*this, request), plan_.delay);
  }
  void strike(Request& request) {
    if (shared_->dead.load()) return request.complete(Status::device_failed);
    if (plan_.error == Status::ok) return below_->submit(request);
    // An atomic write fails as a whole: a part of it would be a fault of this layer, not of the device.
    const bool divides = request.operation == Operation::write && !request.atomic;
    if (plan_.torn && divides && request.length > limits().block_bytes) return tear(request);
    fail_request(request);
  }
  void fail_request(Request& request) {
    if (plan_.error == Status::device_failed) shared_->dead = true;
    request.complete(plan_.error);
  }
  void tear(Request& request) {
    auto* torn = new Torn{this, request.parts, request.length, {}};
    const uint64_t block = limits().block_bytes;
    request.length = request.length / block / 2 * block;
    uint64_t left = request.length;
    for (const iovec& part : torn->parts) {
      if (left == 0) break;
      torn->cut.push_back({part.iov_base, std::min<uint64_t>(part.iov_len, left)});
      left -= torn->cut.back().iov_len;
    }
    request.parts = torn->cut;
    request.push(&FaultChannel::torn_over, torn);
    below_->submit(request);
  }
  static void torn_over(Request& request, Request::Layer& layer) {
    const std::unique_ptr<Torn> torn(static_cast<Torn*>(layer.layer));
    request.parts = torn->parts;
    request.length = torn->length;
    if (torn->channel->plan_.error == Status::device_failed) torn->channel->shared_->dead = true;
    request.status = torn->channel->plan_.error;
  }

  loop::Loop& loop_;
  std::unique_ptr<block::BlockDevice> below_;
  std::shared_ptr<FaultStore::Shared> shared_;
  std::shared_ptr<FaultStore::Handle> handle_;
  FaultPlan plan_;
  uint64_t chance_;
  loop::ReadyList hanging_;
};

FaultStore::FaultStore(std::shared_ptr<block::Store> below, const FaultPlan& plan, uint64_t seed)
    : LayerStore(std::move(below)), plan_(plan) {
  shared_->seed = seed;
}

std::unique_ptr<block::BlockDevice> FaultStore::open_channel(loop::Loop& shard) {
  handles_.push_back(std::make_shared<Handle>(Handle{&shard, nullptr}));
  return std::make_unique<FaultChannel>(shard, below().open_channel(shard), shared_, handles_.back(), plan_);
}

void FaultStore::tell(const std::function<void(FaultChannel&)>& what) {
  for (const std::shared_ptr<Handle>& handle : handles_) {
    handle->loop->shards().send(handle->loop->index(), [handle, what] {
      if (handle->channel != nullptr) what(*handle->channel);
    });
  }
}

void FaultStore::set_plan(const FaultPlan& plan) {
  plan_ = plan;
  shared_->matched = 0;
  tell([plan](FaultChannel& channel) { channel.set_plan(plan); });
}

void FaultStore::release() {
  tell([](FaultChannel& channel) { channel.release(); });
}

void FaultStore::collect(std::map<std::string, uint64_t>& counters) const {
  counters["fault.struck"] = shared_->struck.load();
  LayerStore::collect(counters);
}

StackedStore stack_fault(block::StoreSpec spec, std::shared_ptr<block::Store> below) {
  uint64_t seed = 1;
  if (const auto given = spec.options.find("seed"); given != spec.options.end()) {
    TRY_ASSIGN(seed, number("seed", given->second, UINT64_MAX));
  }
  TRY_ASSIGN(const FaultPlan plan, FaultPlan::parse(spec.options));
  return std::make_shared<FaultStore>(std::move(below), plan, seed);
}

}  // namespace ashlar::layers
