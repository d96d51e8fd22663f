#include "loop/sim_device.h"

#include <cerrno>
#include <deque>

#include "loop/sim_world.h"

namespace ashlar::loop {
namespace {

// What all channels share: what waits for the device, and how much it is doing.
struct OpenUnit {
  OpenUnit(std::shared_ptr<SimUnit> simulated, uint64_t seed) : unit(std::move(simulated)), random(seed) {}
  struct Waiting {
    SimLoop* loop;
    ScsiOperation* operation;
  };
  std::shared_ptr<SimUnit> unit;
  SimRandom random;
  ScsiDevice::Traits traits;
  std::deque<Waiting> waiting;
  uint32_t at_work = 0;
  uint32_t in_flight = 0;
};

using Shared = std::shared_ptr<OpenUnit>;

void start(const Shared& open);

// Of a process that is dead by now nobody can say whether its command was done.
void end(const Shared& open, const OpenUnit::Waiting& work) {
  const bool live = work.loop->process().live();
  if (live || open->random.chance(0.5)) open->unit->execute(*work.operation, &open->random);
  if (!live) work.operation->error = EIO;
  --open->in_flight;
  work.loop->deliver(*work.operation);
}

void begin(const Shared& open, const OpenUnit::Waiting& work, bool counted) {
  const Nanoseconds span = open->random.between(microseconds(50), milliseconds(8));
  work.loop->world().after(span, SimEvent::blocking, work.loop->id(), [open, work, counted] {
    end(open, work);
    if (!counted) return;
    --open->at_work;
    start(open);
  });
}

void start(const Shared& open) {
  while (!open->waiting.empty() && open->at_work < depth_of(open->traits.device_type)) {
    const OpenUnit::Waiting next = open->waiting.front();
    open->waiting.pop_front();
    ++open->at_work;
    begin(open, next, true);
  }
}

class SimDevice final : public ScsiDevice {
 public:
  SimDevice(SimLoop& loop, Shared open) : loop_(loop), open_(std::move(open)) {}
  const Traits& traits() const override { return open_->traits; }
  std::unique_ptr<ScsiDevice> on(Loop& shard) override {
    return std::make_unique<SimDevice>(static_cast<SimLoop&>(shard), open_);
  }
  void submit(ScsiOperation& operation) override {
    if (open_->in_flight >= most_in_flight) {
      operation.error = EBUSY;
      return loop_.post(operation);
    }
    ++open_->in_flight;
    if (operation.reset) return begin(open_, {&loop_, &operation}, false);
    open_->waiting.push_back({&loop_, &operation});
    start(open_);
  }

 private:
  SimLoop& loop_;
  Shared open_;
};

class PlainOperation final : public ScsiOperation {
 public:
  void run() override {}
};

}  // namespace

Result<std::unique_ptr<ScsiDevice>> open_sim_device(SimLoop& loop, const std::string& path) {
  const auto& devices = loop.process().machine().scsi_devices;
  const auto found = devices.find(path);
  if (!loop.process().live()) return std::unexpected(error_of_errno(EIO, path, "open"));
  if (found == devices.end() || found->second->gone)
    return std::unexpected(error_of_errno(ENOENT, path, "open"));
  uint64_t seed = 0;
  loop.random({reinterpret_cast<uint8_t*>(&seed), sizeof seed});
  auto open = std::make_shared<OpenUnit>(found->second, seed);
  std::array<uint8_t, 36> data{};
  const iovec part{data.data(), data.size()};
  PlainOperation inquiry;
  inquiry.cdb = {0x12, 0, 0, 0, 36};
  inquiry.cdb_length = 6;
  inquiry.direction = ScsiDirection::from_device;
  inquiry.parts = {&part, 1};
  inquiry.length = data.size();
  open->unit->execute(inquiry);
  open->unit->seen.clear();
  read_inquiry(ConstBytes(data).first(inquiry.transferred), open->traits);
  open->traits.path = path;
  open->traits.max_transfer_bytes = open->unit->settings().max_transfer_bytes;
  open->traits.resets = open->unit->settings().resets;
  return std::make_unique<SimDevice>(loop, std::move(open));
}

}  // namespace ashlar::loop
