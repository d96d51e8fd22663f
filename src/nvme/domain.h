// The NVMe side of one shard: its queues, and the way to those of the other shards.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/dhchap.h"
#include "loop/source_table.h"
#include "nvme/host_events.h"
#include "nvme/queue.h"
#include "unit/copy_budget.h"
#include "unit/end_waits.h"
#include "wire/nvme_fabrics.h"

namespace ashlar::nvme {

/// What a Connect asks, and by which way it came.
struct ConnectRequest {
  wire::nvme::Connect connect;
  wire::nvme::ConnectData data;
  Port port;
  loop::Endpoint local, peer;
  std::optional<Secured> secured;  ///< nothing: it came in the clear
};
struct ConnectAnswer {
  Outcome outcome;
  uint64_t result = 0;
  std::unique_ptr<Queue> queue;  ///< null unless it succeeded
  std::string_view reason = {};  ///< of a refusal that its status does not tell
};

/// A queue as status shows it. Safe to carry to another shard.
struct QueueStatus {
  std::shared_ptr<const Controller> controller;
  uint16_t id = 0;
  Queue::Traffic traffic;
  uint32_t in_flight = 0;
};

/// One per shard, made before any connection; `group` has one entry a shard once all are made. All calls on its shard.
class Domain final : private unit::Subject {
 public:
  using Group = std::vector<std::unique_ptr<Domain>>;
  /// `governor` is that of this shard and outlives it.
  Domain(loop::Loop& loop, Group& group, unit::Governor& governor);
  ~Domain();  ///< no queue is left on any shard

  loop::Loop& loop() { return loop_; }
  unit::Governor& governor() { return governor_; }
  Controllers& controllers() { return group_.front()->controllers_; }
  HostEvents& host_events() { return group_.front()->host_events_; }
  unit::CopyBudget& copy_budget() { return copy_budget_; }
  const Directory& directory() const { return *directory_; }
  const Settings& settings() const { return directory_->settings; }

  /// Queues of subsystems or hosts that are gone are dropped, others get their new namespaces; hosts are told.
  void replace_directory(std::shared_ptr<const Directory> directory);
  /// Where the queue that is asked for is to live: I/O queues of a controller are dealt out over the shards.
  uint32_t shard_for(const ConnectRequest& request);
  ConnectAnswer connect(QueueHost& host, const ConnectRequest& request);
  /// All queues of the controller are dropped, on every shard. Once; later calls do nothing.
  void end_controller(const std::shared_ptr<Controller>& controller, const std::string& reason);
  /// CC.EN 1 to 0: its I/O queues go, the controller stays.
  void drop_io_queues(const std::shared_ptr<Controller>& controller, const std::string& reason);
  /// `answer` runs here: 0 when that command of that queue was found and ends with Command Abort Requested, else 1 (figure 132).
  void abort(const std::shared_ptr<Controller>& controller, uint16_t queue_id, uint16_t command_id,
             std::move_only_function<void(uint32_t)> answer);
  /// Drops the controller of that id; false if there is none.
  bool drop_controller(uint16_t id, const std::string& reason);

  std::vector<QueueStatus> queues();

  // Proofs of hosts.
  /// How long hosts of that source must wait before their next proof; 0: not at all.
  loop::Nanoseconds held_back(const std::string& source) const {
    return sources_.held_back(source, loop_.now());
  }
  /// A host of that source has proved itself, or failed to: told to all shards.
  void tell_proof(const std::string& source, bool succeeded);
  /// The host of that controller has proved itself. False: there are as many as there may be.
  bool admit(Controller& controller);
  /// On a worker, for a queue with a command in flight; most_exponentiations of a shard at a time, the others wait for their turn.
  /// closed: the queue ended before it came.
  loop::Task<Result<std::vector<uint8_t>>> exponentiate(const Queue& queue, DhExponentiation work);
  uint64_t exponentiations_done() const { return exponentiations_done_; }
  static constexpr uint32_t most_exponentiations = 2;

  // For queues.
  void add(Queue& queue) { queues_.push_back(queue); }
  void remove(Queue& queue) { queues_.remove(queue); }
  void command_ended(const Command& command) { waits_.ended(loop_, &command); }

 private:
  void take_reservations(const std::string& volume, const unit::Reservations& now,
                         const unit::ReservationOutcome& outcome,
                         std::move_only_function<void()> done) override;
  void take_access(const std::string& volume, const unit::AccessStates& now, unit::AccessNews news) override;
  void take_attention(const std::string& volume, unit::Attention attention) override;
  void take_sanitized(const std::string& volume) override;
  void drop_here(const Controller& controller, bool admin_too, const std::string& reason);
  void everywhere(std::function<void(Domain&)> work);
  uint32_t abort_here(const Controller& controller, uint16_t queue_id, uint16_t command_id);
  ConnectAnswer connect_admin(QueueHost& host, const ConnectRequest& request);
  ConnectAnswer connect_io(QueueHost& host, const ConnectRequest& request);
  /// Why a queue that is there may not stay; empty: it may.
  std::string_view objection(const Queue& queue) const;

  loop::Loop& loop_;
  Group& group_;
  unit::Governor& governor_;
  Controllers controllers_;  // the first domain's serve the group
  HostEvents host_events_;   // likewise
  unit::CopyBudget copy_budget_;
  std::shared_ptr<const Directory> directory_;
  IntrusiveList<Queue, QueueTag> queues_;
  unit::EndWaits waits_;
  loop::SourceTable sources_;
  uint32_t exponentiations_ = 0;  // under way
  uint64_t exponentiations_done_ = 0;
  std::deque<loop::Event*> waiting_exponentiations_;
};

}  // namespace ashlar::nvme
