// The stats layer. Each shard counts in numbers of its own; collect() adds them up from outside.
#include <array>
#include <atomic>

#include "block/layer_store.h"
#include "layers/latency_histogram.h"
#include "layers/layers.h"

namespace ashlar::layers {
namespace {

using block::Operation;
using block::Request;

constexpr size_t operation_count = 7;
static_assert(static_cast<size_t>(block::last_operation) + 1 == operation_count);

// One writer, so a load and a store do; no locked instruction stands in the way of an I/O.
void add(std::atomic<uint64_t>& counter, uint64_t value) {
  counter.store(counter.load(std::memory_order_relaxed) + value, std::memory_order_relaxed);
}

struct OperationCounters {
  std::atomic<uint64_t> submitted = 0, completed = 0, bytes = 0, errors = 0, latency_sum = 0, latency_max = 0;
  LatencyHistogram latency;
};

// A shard's numbers. They outlive its channel.
struct alignas(64) ShardCounters {
  std::array<OperationCounters, operation_count> operations;
};

class StatsChannel final : public block::BlockDevice {
 public:
  StatsChannel(loop::Loop& loop, std::unique_ptr<block::BlockDevice> below,
               std::shared_ptr<ShardCounters> counters)
      : loop_(loop), below_(std::move(below)), counters_(std::move(counters)) {}
  const block::Limits& limits() const override { return below_->limits(); }
  void submit(Request& request) override {
    add(counters_->operations[static_cast<size_t>(request.operation)].submitted, 1);
    request.push(&StatsChannel::completed, this, static_cast<uint64_t>(loop_.now().nanoseconds));
    below_->submit(request);
  }
  std::shared_ptr<block::CloneSource> clone_source() override { return below_->clone_source(); }
  block::Passthrough* passthrough() override { return below_->passthrough(); }
  void close() override { below_->close(); }

 private:
  static void completed(Request& request, Request::Layer& layer) {
    auto& stats = *static_cast<StatsChannel*>(layer.layer);
    OperationCounters& counters = stats.counters_->operations[static_cast<size_t>(request.operation)];
    add(counters.completed, 1);
    if (request.status != block::Status::ok) return add(counters.errors, 1);
    add(counters.bytes, request.operation == Operation::find_extent ? 0 : request.length);
    // The clock is the loop's, read once a turn: what is answered within its turn took 0.
    const uint64_t latency = static_cast<uint64_t>(stats.loop_.now().nanoseconds) - layer.note;
    add(counters.latency_sum, latency);
    if (latency > counters.latency_max.load(std::memory_order_relaxed))
      counters.latency_max.store(latency, std::memory_order_relaxed);
    counters.latency.add(latency);
  }

  loop::Loop& loop_;
  std::unique_ptr<block::BlockDevice> below_;
  std::shared_ptr<ShardCounters> counters_;
};

class StatsStore final : public block::LayerStore {
 public:
  explicit StatsStore(std::shared_ptr<block::Store> below) : LayerStore(std::move(below)) {}
  std::unique_ptr<block::BlockDevice> open_channel(loop::Loop& shard) override {
    std::shared_ptr<ShardCounters>& counters = shards_[shard.index()];
    if (!counters) counters = std::make_shared<ShardCounters>();
    return std::make_unique<StatsChannel>(shard, below().open_channel(shard), counters);
  }
  void collect(std::map<std::string, uint64_t>& counters) const override {
    for (size_t i = 0; i < operation_count; ++i) collect_operation(i, counters);
    LayerStore::collect(counters);
  }

 private:
  void collect_operation(size_t operation, std::map<std::string, uint64_t>& counters) const {
    uint64_t submitted = 0, completed = 0, bytes = 0, errors = 0, sum = 0, longest = 0;
    LatencySummary summary;
    for (const auto& [shard, of_shard] : shards_) {
      const OperationCounters& from = of_shard->operations[operation];
      // Completed first: read the other way round, a shard that goes on meanwhile would show more answers than questions.
      completed += from.completed.load(std::memory_order_relaxed);
      submitted += from.submitted.load(std::memory_order_relaxed);
      bytes += from.bytes.load(std::memory_order_relaxed);
      errors += from.errors.load(std::memory_order_relaxed);
      sum += from.latency_sum.load(std::memory_order_relaxed);
      longest = std::max(longest, from.latency_max.load(std::memory_order_relaxed));
      summary.add(from.latency);
    }
    const std::string name(block::name_of(static_cast<Operation>(operation)));
    counters[name + ".count"] = completed;
    counters[name + ".in_flight"] = submitted > completed ? submitted - completed : 0;
    counters[name + ".bytes"] = bytes;
    counters[name + ".errors"] = errors;
    counters[name + ".latency_sum_ns"] = sum;
    counters[name + ".latency_max_ns"] = longest;
    counters[name + ".latency_p50_ns"] = std::min(summary.quantile(500), longest);
    counters[name + ".latency_p99_ns"] = std::min(summary.quantile(990), longest);
    counters[name + ".latency_p999_ns"] = std::min(summary.quantile(999), longest);
    for (uint32_t i = 0; i < LatencyHistogram::bucket_count; ++i) {
      if (summary.count(i) == 0) continue;
      const uint64_t bound = LatencyHistogram::bound_of(i);
      const std::string label = bound == UINT64_MAX ? std::string("longer") : fmt::format("below_{}", bound);
      counters[fmt::format("{}.latency_ns.{}", name, label)] = summary.count(i);
    }
  }

  std::map<uint32_t, std::shared_ptr<ShardCounters>> shards_;  // as it is once the channels are open
};

}  // namespace

StackedStore stack_stats(block::StoreSpec, std::shared_ptr<block::Store> below) {
  return std::make_shared<StatsStore>(std::move(below));
}

}  // namespace ashlar::layers
