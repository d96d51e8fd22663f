// Units that are SCSI devices of this machine: the way of their commands past the table of commands (opcodes.def).
#pragma once

#include <coroutine>
#include <memory>

#include "loop/scsi_device.h"
#include "scsi/handling.h"

namespace ashlar::scsi {

/// A dispatched command of such a unit. False: it is one that we answer, and dispatch goes on with it.
bool pass_through(Handling handling);
/// The same for one that was held by its access state, and was told its attentions before.
bool go_on_to_device(Handling handling);

/// One command to the device, awaited. Lives in the story that waits for it; the unit outlives it.
class DeviceWork final : public loop::ScsiOperation {
 public:
  DeviceWork(unit::LogicalUnit& unit, loop::Loop& loop) : unit_(unit), loop_(loop) {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> story);
  void await_resume() const noexcept {}
  void run() override;

 private:
  unit::LogicalUnit& unit_;
  loop::Loop& loop_;
  std::coroutine_handle<> story_;
  bool taken_ = false;
};

/// Resets the device; errno of the reset, or 0. Wait for it before tasks are cleared, which it helps to their ends.
loop::Task<int> reset_device(std::shared_ptr<unit::LogicalUnit> unit, loop::Loop& loop);

}  // namespace ashlar::scsi
