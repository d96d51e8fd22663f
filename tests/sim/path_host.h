// A simulated host that has the volumes as stores of kind remote: several paths, by iSCSI, NVMe/TCP or both, kept up by the
// initiator itself. The checker judges what comes through.
#pragma once

#include <memory>
#include <vector>

#include "block/gatekeeper.h"
#include "initiator/remote_store.h"
#include "loop/sim_world.h"
#include "sim/array.h"
#include "sim/simulated_host.h"

namespace ashlar::simulation {

class PathHost final : public SimulatedHost {
 public:
  /// On as many shards as `process` has. `forgets_doubts`: planted.
  PathHost(loop::SimProcess& process, const Scenario& scenario, Checker& checker, const Array& array,
           Watcher& watcher, bool forgets_doubts);
  ~PathHost() override;

  void start() override;
  void set_mode(Mode mode) override;
  bool busy() const override { return busy_ > 0; }
  bool verified() const override { return verify_sector_ >= checker_.sectors_of(0); }
  bool retired() const override { return retired_; }
  const HostCounters& counters() const override { return counters_; }
  std::string describe() const override;

 private:
  struct Slot {
    block::Request request;
    loop::Event over;
    std::vector<uint8_t> memory;
    std::array<iovec, 2> parts{};
    uint32_t shard = 0;
    bool verifies = false;
  };

  loop::Task<void> live();
  loop::Task<void> work(Slot& slot);
  loop::Task<void> leave(uint32_t shard);
  loop::Task<void> one_command(Slot& slot);
  loop::Task<block::Status> perform(Slot& slot, block::Operation operation, Place place);
  loop::Task<bool> read(Slot& slot, Place place);
  loop::Task<void> write(Slot& slot, Place place, block::Operation operation, Checker::Content content);
  loop::Task<void> flush(Slot& slot);
  loop::Task<void> verify_some(Slot& slot);
  void take_counters();

  loop::SimProcess& process_;
  const Scenario& scenario_;
  Checker& checker_;
  Watcher& watcher_;
  loop::SimRandom random_;
  initiator::RemoteOptions options_;
  bool discards_ = true;  // as the checker wants it: to zeroes
  uint32_t incarnation_ = 0;
  Mode mode_ = Mode::rest;
  std::shared_ptr<block::Store> store_;
  std::vector<std::unique_ptr<block::BlockDevice>> channels_;  // by shard
  std::vector<std::unique_ptr<Slot>> slots_;
  uint32_t workers_ = 0;
  uint32_t shards_left_ = 0;
  uint32_t busy_ = 0;
  uint64_t verify_sector_ = UINT64_MAX;
  bool retired_ = false;
  HostCounters counters_;
};

}  // namespace ashlar::simulation
