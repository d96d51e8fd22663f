// A SCSI command in flight (SAM-5's "task"), and the services that its transport lends it.
#pragma once

#include <array>
#include <cstdint>

#include "base/buffer_pool.h"
#include "base/intrusive_list.h"
#include "loop/scsi_device.h"
#include "loop/task.h"
#include "scsi/sense.h"
#include "unit/command.h"

namespace ashlar::scsi {

enum class TaskAttribute : uint8_t { simple, ordered, head_of_queue, aca };

/// SAM-5 5.3.1 status codes.
enum class ScsiStatus : uint8_t {
  good = 0x00,
  check_condition = 0x02,
  condition_met = 0x04,
  busy = 0x08,
  reservation_conflict = 0x18,
  task_set_full = 0x28,
  aca_active = 0x30,
  task_aborted = 0x40,
};

/// Sense data of ours or of a device that is passed through.
constexpr size_t most_sense_bytes = loop::ScsiSense::most_bytes;
static_assert(most_sense_bytes >= max_sense_bytes);

struct TaskTag;
class NexusState;
struct LunState;
struct Opcode;

/// Life: the transport fills the first part and calls NexusState::submit(); the device server may ask for data-out once;
/// then completed() is called exactly once, from the ready list or from inside submit()'s own turn, never inside submit().
/// The transport answers the host and frees the task. All on one shard.
class Task : public ListNode<TaskTag> {
 public:
  // Filled by the transport before submit().
  std::array<uint8_t, 32> cdb{};  ///< longer CDBs are refused by the transport
  uint8_t cdb_length = 16;        ///< bytes that are valid
  std::array<uint8_t, 8> lun{};   ///< as on the wire (SAM-5 4.7)
  TaskAttribute attribute = TaskAttribute::simple;
  uint64_t tag = 0;                      ///< what ABORT TASK names (the initiator task tag)
  uint32_t expected_data_in_bytes = 0;   ///< what the host has room for; 0 for commands without
  uint32_t expected_data_out_bytes = 0;  ///< what the host will send

  // The device server's. `buffer` holds data-out when it has arrived, or data-in until it is sent.
  Buffer buffer;
  uint32_t data_out_bytes = 0;         ///< what arrived: min(asked, expected)
  uint32_t data_out_wanted_bytes = 0;  ///< what the CDB asked for (for the residual count)
  uint32_t data_in_bytes = 0;  ///< what is in `buffer` for the host; the transport cuts it to its room
  uint32_t data_in_wanted_bytes =
      0;  ///< what the CDB would transfer with room enough (for the residual count)
  ScsiStatus status = ScsiStatus::good;
  Sense sense;                    ///< valid with check_condition
  bool descriptor_sense = false;  ///< D_SENSE of the unit when the sense was made
  bool relayed =
      false;  ///< a device's own answer: data-in may come with any status, and its sense data stands below

  /// Ask the transport for `buffer.size()` bytes of data-out at most (buffer is allocated; expected_data_out_bytes may be
  /// less). It calls NexusState::data_out_arrived() when min(buffer.size(), expected) bytes are there: possibly at once in
  /// this turn, never inside this call. Not called when there is nothing to fetch.
  virtual void fetch_data_out() = 0;
  /// The end. With aborted(): answer nothing, only free. Otherwise send data-in, status and sense.
  virtual void completed() = 0;

  /// With check_condition: the sense data as it goes to the host, into `out` of most_sense_bytes; its length.
  size_t encode_sense(Bytes out) const;
  /// Set when a task management function or a lost nexus ended it: no answer must reach the host.
  bool aborted() const { return aborted_; }

  // Device server's own state, from here on private to the scsi room.
  /// `blocked`: done, but for its answer, which an ACA condition keeps back (SAM-5 5.10).
  enum class State : uint8_t { idle, waiting, held, fetching, paused, executing, blocked, completing };

 protected:
  ~Task() = default;

 private:
  friend class NexusState;
  friend class Domain;
  friend class TaskSet;
  friend class Handling;
  friend class Pause;
  /// The way to completed() leads through the ready list, whatever ends the task.
  class Ending final : public loop::Ready {
   public:
    explicit Ending(Task& task) : task_(task) {}
    void run() override;

   private:
    Task& task_;
  };

  State state_ = State::idle;
  bool aborted_ = false;
  bool awaited_ = false;      ///< somebody waits for its end
  bool passes_ = false;       ///< an ACA condition does not block it
  bool interrupted_ = false;  ///< data-out will not come, or is not wanted any more: `sense` says why
  NexusState* nexus_ = nullptr;
  LunState* lun_state_ = nullptr;
  const Opcode* opcode_ = nullptr;
  void (*data_arrived_)(Task&) = nullptr;  ///< goes on after fetch_data_out()
  Ending ending_{*this};
  loop::Resumption
      resumption_;  ///< of a handler that is a coroutine, while it waits for data-out or in a Pause
  unit::Command unit_command_;
  loop::ScsiSense relayed_sense_;
};

}  // namespace ashlar::scsi
