// A simulated host: one iSCSI session, kept up through every misfortune, and commands on it that the checker judges.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "initiator/login.h"
#include "initiator/scsi_block.h"
#include "loop/sim_world.h"
#include "sim/simulated_host.h"

namespace ashlar::simulation {

/// How a command ended, as the checker wants it.
enum class Verdict : uint8_t { good, rejected, failed, unknown };

class Host final : public SimulatedHost, initiator::SessionWatcher {
 public:
  Host(loop::SimProcess& process, uint32_t number, const Scenario& scenario, Checker& checker,
       loop::Endpoint portal, Watcher& watcher);
  ~Host() override;

  void start() override;
  void set_mode(Mode mode) override;
  bool busy() const override { return busy_ > 0; }  ///< a command is in flight
  bool verified() const override { return verify_volume_ >= volumes_; }
  bool retired() const override { return retired_; }
  const HostCounters& counters() const override { return counters_; }
  std::string describe() const override;

 private:
  // One command at a time: its buffer, and the wait for its answer or its deadline.
  struct Slot final : loop::Timer {
    void expired() override { wake.set(); }
    initiator::Command command;
    std::vector<uint8_t> memory;
    std::array<iovec, 2> parts{};
    loop::Event wake;
    bool answered = false;
    uint32_t index = 0;
  };

  // host.cc: the session's life
  void session_closed(const Error& reason) override;
  loop::Task<void> live();
  loop::Task<void> log_in();
  loop::Task<void> work(Slot& slot);
  loop::Task<void> one_command(Slot& slot);
  void worker_ended();
  bool usable() const { return session_ && session_->open() && !leave_ && mode_ != Mode::retire; }

  // host_commands.cc
  loop::Task<Verdict> execute(Slot& slot, uint32_t volume, bool may_abort);
  loop::Task<void> give_up(Slot& slot, bool timed_out);
  Verdict judge(const Slot& slot);
  void settle(uint32_t write, Verdict verdict);
  Checker::WriteSpec spec_of(const Place& place, Checker::Content content, bool fua) const;
  void place_data(Slot& slot, uint32_t bytes);
  loop::Task<bool> read(Slot& slot, Place place);
  loop::Task<void> write(Slot& slot, Place place);
  loop::Task<void> write_same(Slot& slot, Place place);
  loop::Task<void> compare_and_write(Slot& slot, Place place);
  loop::Task<void> unmap(Slot& slot, Place place);
  loop::Task<void> flush(Slot& slot, Place place);
  loop::Task<void> reset(uint32_t volume);
  loop::Task<void> verify_some(Slot& slot);
  void complain(const std::string& what);

  loop::SimProcess& process_;
  loop::SimLoop& loop_;
  const uint32_t number_;
  const Scenario& scenario_;
  Checker& checker_;
  Watcher& watcher_;
  loop::SimRandom random_;
  initiator::LoginOptions options_;
  Mode mode_ = Mode::rest;
  std::unique_ptr<initiator::Session> session_;
  std::optional<uint32_t> incarnation_;  // the checker's number of the session
  std::vector<std::unique_ptr<Slot>> slots_;
  uint32_t workers_ = 0;
  uint32_t busy_ = 0;
  loop::Event all_workers_ended_;
  bool leave_ = false;
  bool retired_ = false;
  uint32_t volumes_ = 0;
  uint32_t verify_volume_ = UINT32_MAX;
  uint64_t verify_sector_ = 0;
  HostCounters counters_;
};

}  // namespace ashlar::simulation
