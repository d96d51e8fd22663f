// The loop on io_uring: sockets by direct calls and polls, files by ring requests, one thread.
#pragma once

#include <atomic>
#include <memory>

#include "loop/disk_request.h"
#include "loop/loop.h"
#include "loop/mailbox.h"
#include "loop/ring.h"
#include "loop/worker_pool.h"

namespace ashlar::loop {

struct RealLoopOptions {
  BufferPool::Sizes buffers;
  /// After the last completion the loop looks for more for so long before it sleeps; 0: it sleeps at once. Buys latency
  /// at depth 1 for CPU (speed.md 6.8: 20 to 50 is worth it).
  uint32_t spin_microseconds = 0;
  uint32_t ring_entries = 1024;        ///< a power of two; more in flight than this is fine
  bool newest_kernel_features = true;  ///< false: as if the kernel were old (tests)
};

/// Made by RealShards; runs on the thread that calls run().
class RealLoop final : public Loop {
 public:
  static Result<std::unique_ptr<RealLoop>> create(Shards& shards, uint32_t index,
                                                  const RealLoopOptions& options, WorkerPool& workers);
  ~RealLoop() override;

  Nanoseconds wall_clock() override;
  void random(std::span<uint8_t> out) override;
  Result<std::unique_ptr<Listener>> listen(const Endpoint& endpoint, const ListenOptions& options,
                                           Acceptor& acceptor) override;
  using Loop::connect;
  Task<Result<std::unique_ptr<Stream>>> connect(Endpoint endpoint, Nanoseconds timeout,
                                                Cancellation* cancellation) override;
  Task<Result<std::unique_ptr<File>>> open(std::string path, OpenOptions options) override;
  Task<Result<void>> remove(std::string path) override;
  Task<Result<std::unique_ptr<ScsiDevice>>> open_scsi(std::string path) override;
  void run_blocking(std::move_only_function<void()> work, std::move_only_function<void()> done) override;

  // For RealShards.
  /// Binds this loop to the calling thread; then run() there.
  Result<void> begin();
  /// Turns until `stop` is set and nothing is left to run.
  void run(const std::atomic<bool>& stop);
  /// Last letters, then ends what is in flight in the ring.
  void end();
  Mailbox& mailbox() { return mailbox_; }  ///< send() and ring_bell(): from any thread

  // For the sockets and files of this loop.
  Ring& ring() { return ring_; }
  DiskRequests& disk_requests() { return disk_requests_; }

  /// Turns so far: an idle loop makes none. Own thread, or when ended.
  uint64_t turns() const { return turns_; }

 private:
  RealLoop(Shards& shards, uint32_t index, const RealLoopOptions& options, WorkerPool& workers);
  void turn(bool may_sleep);
  void rest();
  bool spin();

  Ring ring_;
  DiskRequests disk_requests_{*this};
  Mailbox mailbox_;
  WorkerPool& workers_;
  Nanoseconds spin_;
  Instant last_event_;
  uint64_t turns_ = 0;
};

/// CLOCK_BOOTTIME: goes on through suspend, is never set.
Instant monotonic_now();

}  // namespace ashlar::loop
