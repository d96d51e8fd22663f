#include "loop/generic_device.h"

#include <atomic>
#include <cerrno>

#include "loop/generic_node.h"
#include "loop/loop.h"
#include "loop/on_worker.h"
#include "loop/worker_pool.h"

namespace ashlar::loop {
namespace {

// The device with threads of its own: a tape that rewinds keeps none of another's. A reset has a thread too, for the commands
// that it is to end hold all others.
struct OpenDevice {
  OpenDevice(std::unique_ptr<GenericNode> opened, Shards& its_shards)
      : node(std::move(opened)),
        shards(its_shards),
        commands(depth_of(node->traits().device_type)),
        resets(1) {}

  const std::unique_ptr<GenericNode> node;
  Shards& shards;
  std::atomic<uint32_t> in_flight = 0;
  WorkerPool commands, resets;  // last: they end before the node closes
};

class GenericDevice final : public ScsiDevice {
 public:
  GenericDevice(Loop& loop, std::shared_ptr<OpenDevice> open) : loop_(loop), open_(std::move(open)) {}
  const Traits& traits() const override { return open_->node->traits(); }
  std::unique_ptr<ScsiDevice> on(Loop& shard) override {
    return std::make_unique<GenericDevice>(shard, open_);
  }
  void submit(ScsiOperation& operation) override {
    if (open_->in_flight.fetch_add(1, std::memory_order_relaxed) >= most_in_flight) {
      open_->in_flight.fetch_sub(1, std::memory_order_relaxed);
      operation.error = EBUSY;
      return loop_.post(operation);
    }
    // Plain pointers: the pool's threads end before the device that they work on.
    auto job = [open = open_.get(), &operation, shard = loop_.index()] {
      open->node->execute(operation);
      open->in_flight.fetch_sub(1, std::memory_order_relaxed);
      open->shards.send(shard, [&operation] { Loop::current().post(operation); });
    };
    (operation.reset ? open_->resets : open_->commands).run(std::move(job));
  }

 private:
  Loop& loop_;
  std::shared_ptr<OpenDevice> open_;
};

static_assert(ScsiDevice::most_in_flight < WorkerPool::max_jobs_waiting,
              "a full pool works on the caller's thread");

}  // namespace

Task<Result<std::unique_ptr<ScsiDevice>>> open_generic_device(Loop& loop, std::string path) {
  auto work = [path = std::move(path)] { return GenericNode::open(path); };
  auto opening = on_worker(loop, std::move(work));
  Result<std::unique_ptr<GenericNode>> node = co_await opening;
  if (!node) co_return std::unexpected(std::move(node).error());
  auto open = std::make_shared<OpenDevice>(std::move(*node), loop.shards());
  co_return std::make_unique<GenericDevice>(loop, std::move(open));
}

}  // namespace ashlar::loop
