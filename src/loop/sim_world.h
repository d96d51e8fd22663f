// The simulated world: one thread, a virtual clock, and an event queue from which machines, disks, network and processes
// all live. Everything random flows from one seed, so the same seed gives the same run, event by event.
#pragma once

#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "loop/sim_disk.h"
#include "loop/sim_loop.h"
#include "loop/sim_network.h"
#include "loop/sim_random.h"
#include "loop/sim_unit.h"
#include "loop/time.h"

namespace ashlar::loop {

/// What an event is, for the trace.
enum class SimEvent : uint8_t {
  turn,
  wake,
  mailbox,
  deliver,
  acknowledge,
  notify,
  connect,
  accept,
  reset,
  disk_effect,
  disk_done,
  blocking,
  machine,
  harness
};
const char* name_of(SimEvent event);

/// A computer: addresses and a disk that outlive its processes.
struct SimMachine {
  SimMachine(SimWorld& world, std::string name, uint32_t index, uint64_t seed);
  const std::string name;
  const uint32_t index;
  std::vector<std::string> addresses;  ///< at least one: 10.0.0.(index + 1)
  bool powered = true;
  SimDisk disk;
  /// What stands at its SCSI generic nodes, by path. Ones that are taken out are gone for who has them open, too.
  std::map<std::string, std::shared_ptr<SimUnit>> scsi_devices;
};

class SimWorld {
 public:
  using Action = std::move_only_function<void()>;

  explicit SimWorld(uint64_t seed);
  ~SimWorld();
  SimWorld(const SimWorld&) = delete;
  SimWorld& operator=(const SimWorld&) = delete;

  uint64_t seed() const { return seed_; }
  Instant now() const { return now_; }
  SimNetwork& network() { return network_; }
  /// The harness's own chance; loops, disks and network have streams of their own.
  SimRandom& random() { return random_; }

  /// Made at first use.
  SimMachine& machine(const std::string& name);
  /// A process of `shard_count` loops on `machine`, running at once. Lives as long as the world.
  SimProcess& add_process(std::string name, SimMachine& machine, uint32_t shard_count,
                          const BufferPool::Sizes& pools);
  SimProcess& add_process(const std::string& name, uint32_t shard_count, const BufferPool::Sizes& pools) {
    return add_process(name, machine(name), shard_count, pools);
  }

  /// Runs `action` outside every loop at `when` (not before now). Actions of one instant run in the order of asking.
  void at(Instant when, SimEvent kind, uint64_t subject, Action action);
  void after(Nanoseconds span, SimEvent kind, uint64_t subject, Action action) {
    at(now_ + span, kind, subject, std::move(action));
  }
  /// Runs the next event; false when none is left.
  bool step();
  /// Until `predicate` holds (checked after each event) or `limit` of virtual time has passed; true if it held.
  bool run_until(const std::function<bool()>& predicate, Nanoseconds limit);
  void run_for(Nanoseconds span);

  /// kill -9. The process becomes a ghost: its connections are reset (peers see it), its listeners and locks are gone, its
  /// I/O in flight took effect wholly, partly or not at all, and nothing that it does from now on reaches disk or network:
  /// files answer -EIO, streams -ECONNRESET, opens and connects fail. But its loops, timers and mailboxes go on, so the
  /// harness can still stop and destroy the objects in it by their ordinary means ("ghost drain"), while a successor
  /// already runs on the same machine.
  void crash(SimProcess& process);
  /// Power loss: every process of the machine becomes a ghost without a word to its peers (they hear of it when the power
  /// is back, or by their own timeouts), and the disk keeps, loses or tears what was not synced.
  void power_off(SimMachine& machine);
  void power_on(SimMachine& machine);

  /// Every event is folded into a hash; `file` (may be null) also gets a line for each.
  void print_trace(std::FILE* file) { trace_file_ = file; }
  void trace(SimEvent kind, uint64_t subject);
  /// A line of the harness's own in the trace, and in the hash.
  void note(const std::string& line);
  uint64_t trace_hash() const { return trace_hash_; }
  uint64_t events() const { return sequence_run_; }

  const std::vector<std::unique_ptr<SimProcess>>& processes() const { return processes_; }
  const std::map<std::string, std::unique_ptr<SimMachine>>& machines() const { return machines_; }

  /// Seams for tests that plant bugs: each file and stream passes through, on its way to who opened it, when set.
  std::function<std::unique_ptr<File>(std::unique_ptr<File>, SimLoop&, const std::string& path)>
      interpose_file;
  std::function<std::unique_ptr<Stream>(std::unique_ptr<Stream>, SimLoop&, bool accepted)> interpose_stream;

 private:
  struct Pending {
    Instant when;
    uint64_t sequence;
    SimEvent kind;
    uint64_t subject;
    Action action;
    bool operator<(const Pending& other) const {  // a max-heap: the earliest is the largest
      return when != other.when ? when > other.when : sequence > other.sequence;
    }
  };

  uint64_t seed_;
  SimRandom random_;
  Instant now_;
  uint64_t sequence_ = 0;
  uint64_t sequence_run_ = 0;
  uint64_t trace_hash_ = 0;
  std::FILE* trace_file_ = nullptr;
  std::vector<Pending> queue_;
  SimNetwork network_;
  std::map<std::string, std::unique_ptr<SimMachine>> machines_;
  std::vector<std::unique_ptr<SimProcess>> processes_;
};

}  // namespace ashlar::loop
