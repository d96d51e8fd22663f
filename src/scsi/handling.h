// What a command handler works with: the task, the unit behind it, and the ways to end.
#pragma once

#include <coroutine>

#include "scsi/lun_state.h"
#include "scsi/nexus_state.h"
#include "scsi/opcode.h"
#include "scsi/task.h"
#include "unit/work.h"
#include "wire/scsi_cdb.h"

namespace ashlar::scsi {

/// The most that one command may transfer, MAXIMUM TRANSFER LENGTH of VPD page B0h in bytes.
constexpr uint32_t max_transfer_bytes = 8u << 20;

/// A light handle, copied freely. Valid until the task has ended: every handler calls exactly one of the ends.
class Handling {
 public:
  explicit Handling(Task& task) : task_(&task) {}

  const uint8_t* cdb() const { return task_->cdb.data(); }
  /// Dispatch has found out which command it is.
  void begin(const Opcode& opcode) const { task_->opcode_ = &opcode; }
  const Opcode& opcode() const { return *task_->opcode_; }
  Task& task() const { return *task_; }
  NexusState& nexus() const { return *task_->nexus_; }
  LunState& lun() const { return *task_->lun_state_; }
  unit::LogicalUnit& unit() const { return *lun().unit; }
  UnitState& state() const { return *lun().state; }
  loop::Loop& loop() const { return nexus().domain().loop(); }

  // The ends. Each leads to task.completed() through the ready list.
  void good() const;
  void fail(const Sense& sense) const;
  void fail_status(ScsiStatus status) const;
  /// No data-path memory: TASK SET FULL if other tasks of the nexus will free some, else BUSY (SAM-5 5.3.1).
  void fail_memory() const;
  /// Parameter data, cut to the allocation length (SPC-4 4.2.5.6), then GOOD.
  void reply(ConstBytes data, uint32_t allocation_length) const;
  /// For a task that was interrupted: all was said already.
  void end() const;
  /// The last step of end(), when begin_fault() has put it off.
  void post_end() const { loop().post(task_->ending_); }
  /// The answer of a device that is passed through, with the data-in that came.
  void relay(ScsiStatus status, const Sense& sense, const loop::ScsiSense& as_it_is) const;
  /// How a story ends: interrupted, GOOD without sense, no_memory_sense() as fail_memory(), else CHECK CONDITION.
  void finish(const Sense& sense) const;
  static Sense no_memory_sense() {
    return Sense::of(SenseKey::aborted_command, 0x5500);
  }  // SYSTEM RESOURCE FAILURE

  /// No answer must reach the host any more; the task ends as soon as the device lets go of it.
  void abort() const;
  /// The same, but the host is told TASK ABORTED (SAM-5 5.3.1, TAS), if it was not about to be told something else.
  void abort_told() const;
  /// The same, but the host is told why.
  void interrupt(const Sense& sense) const;

  /// Takes `bytes` (more than 0) of buffer for the task; if there is none the task has ended and this says false.
  [[nodiscard]] bool allocate(uint32_t bytes) const;
  /// Takes buffer for the parameter list of `list_bytes` that the CDB speaks of. False: the task has ended; GOOD when there is
  /// none, PARAMETER LIST LENGTH ERROR when it is longer than `longest` or the host announces less of it.
  [[nodiscard]] bool expect_list(uint32_t list_bytes, uint32_t longest = UINT32_MAX) const;
  /// The CDB's range lies on the medium; if not the task has ended (SBC-3: LOGICAL BLOCK ADDRESS OUT OF RANGE). A range of
  /// no blocks may begin just behind the last one.
  [[nodiscard]] bool in_range(const wire::scsi::BlockRange& range, const unit::Geometry& geometry) const;
  /// The transfer is within max_transfer_bytes; if not the task has ended (INVALID FIELD IN CDB).
  [[nodiscard]] bool transferable(const wire::scsi::BlockRange& range, const unit::Geometry& geometry) const;

  /// Asks for the data-out that fills the task's buffer and goes on with `arrived`, which must look at interrupted() first.
  void fetch(void (*arrived)(Task&)) const;
  /// The same for a story, which goes on from the ready list; see DataOut.
  void fetch_for(std::coroutine_handle<> story) const;
  /// All of it is there, or will never be.
  void data_arrived() const;
  /// Aborted, unmapped, or the data-out failed: the handler gives back what it holds and calls end(). Long stories look
  /// after every step.
  bool interrupted() const { return task_->aborted_ || task_->interrupted_; }
  /// Its answer is made, and on its way.
  bool completing() const { return task_->state_ == Task::State::completing; }
  /// An ACA condition does not block it.
  void pass() const { task_->passes_ = true; }

  /// The end of a Pause; nothing if the task has ended meanwhile.
  void resume_paused() const;

  unit::Command& unit_command() const { return task_->unit_command_; }
  /// Fills the task's command for `operation` on bytes [offset, offset + length); the caller adds done, parts, durable.
  block::Request& request(block::Operation operation, uint64_t offset, uint64_t length) const;
  /// Hands it to the unit; while a SANITIZE or FORMAT UNIT rewrites the medium it ends with Status::aborted instead.
  void submit() const {
    if (state().rewrite.running()) [[unlikely]]
      return task_->unit_command_.refuse();
    unit().submit(task_->unit_command_);
  }

 private:
  void proceed() const;
  void count() const;
  void interlock() const;
  bool is_blocked() const;
  void end_badly() const;
  Task* task_;
};

/// Checks a command and hands it to its handler; the only door to the handlers.
void dispatch(Handling handling);
/// The second half: the host has been told what it must know, now the unit must be in reach. Also of what was held.
void go_on(Handling handling);

using DataOut = unit::DataOut<Handling>;
using UnitWork = unit::Work<Handling>;

/// Waits until resume_paused(), or until the task is interrupted: for what the device does not know of.
class Pause {
 public:
  explicit Pause(Handling handling) : handling_(handling) {}
  bool await_ready() const noexcept { return handling_.interrupted(); }
  void await_suspend(std::coroutine_handle<> story) const;
  void await_resume() const noexcept {}

 private:
  Handling handling_;
};

}  // namespace ashlar::scsi
