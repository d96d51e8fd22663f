// What a command's handler works with: the command, the namespace behind it, and the ways to end.
#pragma once

#include <coroutine>

#include "nvme/queue.h"
#include "unit/work.h"

namespace ashlar::nvme {

/// A light handle, copied freely. Valid until the command has ended: every handler calls exactly one of the ends.
class Handling {
 public:
  explicit Handling(Command& command) : command_(&command) {}

  const Submission& entry() const { return command_->entry; }
  Command& command() const { return *command_; }
  Queue& queue() const { return *command_->queue_; }
  Namespace& space() const { return *command_->namespace_; }
  unit::LogicalUnit& unit() const { return *space().unit; }
  loop::Loop& loop() const { return queue().loop(); }
  void set_space(Namespace& space) const {
    command_->namespace_ = &space;
    ++space.in_flight;
  }

  // The ends. Each leads to command.completed() through the ready list.
  void good(uint64_t result = 0) const {
    if (!interrupted()) command_->result = result;
    end();
  }
  void fail(Outcome outcome) const;
  /// A refusal: the host must change something first.
  void fail(Status status) const { fail(refusal(status)); }
  /// No data-path memory: the host tries again later.
  void fail_memory() const { fail(Outcome{Status::command_interrupted, false}); }
  /// `data` for the host, no more than its descriptor has room for.
  void reply(ConstBytes data, uint64_t result = 0) const;
  void finish(Outcome outcome) const {
    if (outcome.ok()) return good();
    fail(outcome);
  }
  void end() const;

  /// Its queue goes: no answer must reach the host.
  void abort() const;
  /// It ends with `outcome` as soon as the device lets go of it. False: it was ending already.
  bool interrupt(Outcome outcome) const;
  bool interrupted() const { return command_->aborted_ || command_->interrupted_; }
  /// The device has it, or a story that cannot be cut short works on it.
  bool executing() const { return command_->state_ == Command::State::executing; }

  /// Takes `bytes` (more than 0) of buffer; if there is none the command has ended and this says false.
  [[nodiscard]] bool allocate(uint32_t bytes) const;
  /// The entry's descriptor is for `bytes` of data exactly; else the command has ended.
  [[nodiscard]] bool has_data_of(uint64_t bytes) const;
  /// Takes buffer for `bytes` of the host's data; else the command has ended.
  [[nodiscard]] bool expect(uint32_t bytes) const { return has_data_of(bytes) && allocate(bytes); }
  /// The same for a list, whose memory hosts give whole, however little of it they use: up to `most`.
  [[nodiscard]] bool expect_list(uint32_t bytes, uint32_t most) const;
  /// The blocks lie in the namespace; else the command has ended.
  [[nodiscard]] bool in_range(const wire::nvme::BlockRange& range, const unit::Geometry& geometry) const;
  /// Within MDTS; else the command has ended.
  [[nodiscard]] bool transferable(uint64_t bytes) const;

  /// Asks for the data that fills the buffer and goes on with `arrived`, which must look at interrupted() first.
  void fetch(void (*arrived)(Command&)) const;
  /// The same for a story, which goes on from the ready list; see DataOut.
  void fetch_for(std::coroutine_handle<> story) const;
  void data_arrived() const;
  /// Held until somebody goes on with it, or ends it; only interrupt() and abort() are answered meanwhile.
  void wait() const { command_->state_ = Command::State::waiting; }
  void go_on() const { command_->state_ = Command::State::executing; }
  bool waiting() const { return command_->state_ == Command::State::waiting; }

  Command* partner() const { return command_->partner_; }
  void set_partner(Command* partner) const { command_->partner_ = partner; }
  bool fused_ready() const { return command_->fused_ready_; }
  void set_fused_ready() const { command_->fused_ready_ = true; }
  void await_end() const { command_->awaited_ = true; }

  unit::Command& unit_command() const { return command_->unit_command_; }
  /// Fills the unit's command for bytes [offset, offset + length); the caller adds done, parts, durable.
  block::Request& request(block::Operation operation, uint64_t offset, uint64_t length) const;
  void submit() const {
    if (space().rules->being_rewritten()) [[unlikely]]
      return command_->unit_command_.refuse();
    unit().submit(command_->unit_command_);
  }

 private:
  void proceed() const;
  Command* command_;
};

using DataOut = unit::DataOut<Handling>;
using UnitWork = unit::Work<Handling>;

}  // namespace ashlar::nvme
