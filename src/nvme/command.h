// An NVMe command in flight, and the services that its transport lends it.
#pragma once

#include "base/buffer_pool.h"
#include "base/intrusive_list.h"
#include "loop/ready.h"
#include "loop/task.h"
#include "nvme/status.h"
#include "unit/command.h"
#include "wire/nvme_command.h"

namespace ashlar::nvme {

using wire::nvme::Submission;

struct CommandTag;
class Queue;
struct Namespace;

/// Life: the transport fills the first part and calls Queue::submit(); the command may ask for its data once; then completed() is
/// called exactly once, from the ready list, never inside submit(). The transport answers the host and frees it. On one shard.
class Command : public ListNode<CommandTag> {
 public:
  // Filled by the transport before submit().
  Submission entry;

  // What became of it. `buffer` holds the host's data when it has arrived, or data for the host until it is sent.
  Buffer buffer;
  uint32_t data_in_bytes = 0;  ///< in `buffer`, for the host; never more than it has room for
  Outcome outcome;
  uint64_t result = 0;  ///< DW0 and DW1

  /// Ask the transport for buffer.size() bytes, which is what the entry's descriptor says. It calls Queue::data_arrived() when
  /// they are there: possibly in this turn, never inside this call.
  virtual void fetch_data() = 0;
  /// The end. With aborted(): answer nothing, only free. Else data for the host, if any, and a completion.
  virtual void completed() = 0;
  /// Its queue is going away: no answer must reach the host.
  bool aborted() const { return aborted_; }

  // From here on private to the nvme room.
  enum class State : uint8_t { idle, executing, fetching, waiting, completing };

 protected:
  ~Command() = default;

 private:
  friend class Queue;
  friend class Domain;
  friend class Handling;
  /// The way to completed() leads through the ready list.
  class Ending final : public loop::Ready {
   public:
    explicit Ending(Command& command) : command_(command) {}
    void run() override;

   private:
    Command& command_;
  };

  State state_ = State::idle;
  bool aborted_ = false;
  bool interrupted_ = false;  ///< `outcome` says why; it must touch the medium no more
  bool awaited_ = false;      ///< somebody waits for its end
  bool fused_ready_ = false;  ///< half of a pair, with its data
  Queue* queue_ = nullptr;
  Namespace* namespace_ = nullptr;
  Command* partner_ = nullptr;  ///< the other half of a fused pair
  void (*data_arrived_)(Command&) = nullptr;
  Ending ending_{*this};
  loop::Resumption resumption_;
  unit::Command unit_command_;
};
using CommandList = IntrusiveList<Command, CommandTag>;

}  // namespace ashlar::nvme
