// The scsi store: no blocks at all, but a SCSI device of this machine, whose commands the volume hands through.
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>

#include "base/log.h"
#include "block/passthrough.h"
#include "stores/stores.h"

namespace ashlar::stores {
namespace {

using block::PassthroughPolicy;

constexpr uint32_t longest_timeout_seconds = 86'400;

// A shard's numbers; they outlive its channel. One writer each.
struct alignas(64) Counters {
  std::atomic<uint64_t> commands = 0, in_flight = 0, read_bytes = 0, written_bytes = 0, check_conditions = 0,
                        errors = 0, timeouts = 0;
};
void add(std::atomic<uint64_t>& counter, uint64_t value) {
  counter.store(counter.load(std::memory_order_relaxed) + value, std::memory_order_relaxed);
}

struct SharedDevice {
  std::unique_ptr<loop::ScsiDevice> device;  // of shard 0
  PassthroughPolicy policy;
  std::atomic<bool> gone = false;
};

class ScsiChannel final : public block::BlockDevice, public block::Passthrough {
 public:
  ScsiChannel(const block::Limits& limits, std::shared_ptr<SharedDevice> shared, loop::Loop& shard,
              std::shared_ptr<Counters> counters)
      : limits_(limits),
        shared_(std::move(shared)),
        device_(shared_->device->on(shard)),
        counters_(std::move(counters)) {}

  // There are no blocks: the gatekeeper lets none through to here.
  const block::Limits& limits() const override { return limits_; }
  void submit(block::Request& request) override { request.complete(block::Status::medium_error); }
  block::Passthrough* passthrough() override { return this; }

  const loop::ScsiDevice::Traits& traits() const override { return device_->traits(); }
  const PassthroughPolicy& policy() const override { return shared_->policy; }
  void submit(loop::ScsiOperation& operation) override {
    add(counters_->in_flight, 1);
    device_->submit(operation);
  }
  void ended(const loop::ScsiOperation& operation) override {
    add(counters_->in_flight, UINT64_MAX);
    if (operation.reset) return;
    add(counters_->commands, 1);
    const bool out = operation.direction == loop::ScsiDirection::to_device;
    add(out ? counters_->written_bytes : counters_->read_bytes, operation.transferred);
    constexpr uint8_t check_condition = 0x02;
    if (operation.error == 0 && operation.delivery == loop::ScsiDelivery::answered) {
      if (operation.status == check_condition) add(counters_->check_conditions, 1);
      return note(false);
    }
    add(counters_->errors, 1);
    if (operation.delivery == loop::ScsiDelivery::timed_out) add(counters_->timeouts, 1);
    const bool no_device = operation.error == ENODEV || operation.error == ENXIO;
    if (no_device || (operation.error == 0 && operation.delivery == loop::ScsiDelivery::no_device))
      note(true);
  }

 private:
  void note(bool gone) {
    if (shared_->gone.load(std::memory_order_relaxed) == gone || shared_->gone.exchange(gone) == gone) return;
    if (gone) {
      log_error("stores.scsi", "{} does not answer any more", traits().path);
    } else {
      log_info("stores.scsi", "{} answers again", traits().path);
    }
  }

  const block::Limits limits_;
  std::shared_ptr<SharedDevice> shared_;
  std::unique_ptr<loop::ScsiDevice> device_;
  std::shared_ptr<Counters> counters_;
};

class ScsiStore final : public block::Store {
 public:
  ScsiStore(const block::Limits& limits, std::shared_ptr<SharedDevice> shared)
      : limits_(limits), shared_(std::move(shared)) {}
  const block::Limits& limits() const override { return limits_; }
  std::unique_ptr<block::BlockDevice> open_channel(loop::Loop& shard) override {
    std::shared_ptr<Counters>& counters = shards_[shard.index()];
    if (!counters) counters = std::make_shared<Counters>();
    return std::make_unique<ScsiChannel>(limits_, shared_, shard, counters);
  }
  loop::Task<Result<void>> resize(uint64_t) override {
    co_return fail(ErrorCode::unsupported, shared_->device->traits().path,
                   "is a SCSI device that is passed through: it has no size that could be changed");
  }
  void collect(std::map<std::string, uint64_t>& counters) const override {
    using Member = std::atomic<uint64_t> Counters::*;
    static constexpr std::pair<const char*, Member> known[] = {
        {"scsi_commands", &Counters::commands},
        {"scsi_in_flight", &Counters::in_flight},
        {"scsi_read_bytes", &Counters::read_bytes},
        {"scsi_written_bytes", &Counters::written_bytes},
        {"scsi_check_conditions", &Counters::check_conditions},
        {"scsi_errors", &Counters::errors},
        {"scsi_timeouts", &Counters::timeouts},
    };
    for (const auto& [name, member] : known) {
      uint64_t sum = 0;
      for (const auto& [shard, of_shard] : shards_)
        sum += ((*of_shard).*member).load(std::memory_order_relaxed);
      counters[name] = sum;
    }
    counters["scsi.failed"] = shared_->gone.load(std::memory_order_relaxed) ? 1 : 0;
  }

 private:
  const block::Limits limits_;
  std::shared_ptr<SharedDevice> shared_;
  std::map<uint32_t, std::shared_ptr<Counters>> shards_;  // as it is once the channels are open
};

Result<void> allow(PassthroughPolicy& policy, std::string_view word) {
  static constexpr std::pair<std::string_view, bool PassthroughPolicy::*> known[] = {
      {"firmware", &PassthroughPolicy::firmware},
      {"format", &PassthroughPolicy::format},
      {"diagnostics", &PassthroughPolicy::diagnostics},
      {"ata", &PassthroughPolicy::ata},
  };
  for (const auto& [name, member] : known) {
    if (name != word) continue;
    policy.*member = true;
    return {};
  }
  return fail(ErrorCode::invalid_argument, "allow",
              "'{}' is nothing that can be allowed; known: firmware, format, diagnostics, ata", word);
}

Result<PassthroughPolicy> policy_of(const std::map<std::string, std::string>& options) {
  PassthroughPolicy policy;
  if (const auto words = options.find("allow"); words != options.end()) {
    for (std::string_view rest = words->second; !rest.empty();) {
      const size_t comma = std::min(rest.find(','), rest.size());
      TRY(allow(policy, rest.substr(0, comma)));
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
  }
  if (const auto given = options.find("timeout_seconds"); given != options.end()) {
    uint32_t seconds = 0;
    const char* const end = given->second.data() + given->second.size();
    const auto [stop, error] = std::from_chars(given->second.data(), end, seconds);
    if (error != std::errc() || stop != end || seconds == 0 || seconds > longest_timeout_seconds)
      return fail(ErrorCode::invalid_argument, "timeout_seconds", "must be 1 to {} seconds, not '{}'",
                  longest_timeout_seconds, given->second);
    policy.timeout = loop::seconds(seconds);
  }
  return policy;
}

}  // namespace

loop::Task<OpenedStore> open_scsi(block::StoreSpec spec) {
  CO_TRY_ASSIGN(const PassthroughPolicy policy, policy_of(spec.options));
  if (spec.size_bytes != 0)
    co_return fail(ErrorCode::invalid_argument, "size_bytes",
                   "a SCSI device that is passed through has no size of ours: leave it out");
  auto opening = loop::Loop::current().open_scsi(spec.options.at("path"));
  auto opened = co_await opening;
  CO_TRY_ASSIGN(std::unique_ptr<loop::ScsiDevice> device, std::move(opened));
  const loop::ScsiDevice::Traits& traits = device->traits();
  log_info("stores.scsi", "{} is passed through: type {:02x}h, {} {} {}, {} bytes a command", traits.path,
           traits.device_type, traits.vendor, traits.product, traits.revision, traits.max_transfer_bytes);
  block::Limits limits;
  limits.block_bytes = spec.block_bytes;
  limits.read_only = spec.read_only;
  limits.volatile_cache = false;
  auto shared = std::make_shared<SharedDevice>();
  shared->device = std::move(device);
  shared->policy = policy;
  co_return std::make_shared<ScsiStore>(limits, std::move(shared));
}

}  // namespace ashlar::stores
