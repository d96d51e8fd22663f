// The insides of NexusState and Domain. For the scsi room alone.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "scsi/lun_state.h"
#include "scsi/nexus_state.h"

namespace ashlar::scsi {

/// Runs `work` once, later in this turn. Control path: allocates.
void post_function(loop::Loop& loop, std::move_only_function<void()> work);

struct NexusState::Impl {
  static constexpr size_t direct_luns = 256;

  Impl(NexusState& nexus, Domain& home);

  NexusState& self;
  Domain& domain;
  std::shared_ptr<const unit::HostView> view;
  std::map<uint16_t, std::unique_ptr<LunState>> luns;
  std::vector<LunState*> direct;                   ///< the LUNs below direct_luns, without a search
  std::vector<std::unique_ptr<LunState>> retired;  ///< unmapped, with tasks that have still to end
  LunState nowhere;
  LunState well_known;
  size_t in_flight = 0;
  size_t managing = 0;  ///< task management functions not answered yet
  bool closing = false;
  std::move_only_function<void()> closed;

  LunState* find(uint16_t lun);
  /// Where a task for these LUN bytes goes: a unit, the well known logical unit, or nowhere.
  LunState& address(const std::array<uint8_t, 8>& lun);
  void add_lun(const unit::LunMapping& mapping);
  void retire(LunState& state);
  void index();
  /// Every task of this nexus, also those of LUNs that went away.
  void collect(std::vector<Task*>& out);
  static void collect(LunState& lun, std::vector<Task*>& out);
  /// The task's last act but one: bookkeeping, then completed().
  void ended(Task& task);
  void start_waiting(LunState& lun);
  void maybe_closed();
  /// Ends its RESERVE(6), if it has one; the nexus closes no sooner.
  void give_up_unit(LunState& lun);
};

/// Has mode parameters of a unit kept (SavedModePages::keep) on the home shard; resumes here when they are, or are not.
loop::Task<Result<void>> keep_mode_pages(Domain& domain, Uuid unit, std::string text);

/// How the tasks of a unit end (SAM-5 clause 7).
enum class Clearing : uint8_t {
  task_set,      ///< CLEAR TASK SET: nexuses that lost tasks are told 2F/00, but not the one that asked
  unit_reset,    ///< all nexuses are told 29/03
  target_reset,  ///< all nexuses are told 29/02
};

struct Domain::Impl {
  Impl(Domain& owner, Group& all, unit::Keeper* keeps) : self(owner), group(all), keeper(keeps) {}

  /// A wait for tasks that were told to end.
  struct Wait {
    std::vector<Task*> left;
    std::move_only_function<void()> done;
  };

  Domain& self;
  Group& group;
  unit::Keeper* const keeper;  ///< the first domain's serves the group
  IntrusiveList<NexusState, NexusTag> nexuses;
  std::vector<Wait> waits;
  UnitStates states;  ///< the first domain's serves the group

  UnitStates& unit_states();
  /// Reservations outlive the engine.
  bool keeps() const { return group.front()->impl().keeper != nullptr; }
  /// SPC-2 5.5.1: a reset ends every RESERVE(6). From the home of the reset; before tasks are cleared.
  loop::Task<void> end_unit_reservations(std::vector<std::string> volumes);
  /// Ends them and calls `done` from the ready list when the last has ended. The hosts of `told` get TASK ABORTED.
  void abort(std::vector<Task*> tasks, std::vector<Task*> told, std::move_only_function<void()> done);
  void task_ended(Task& task);
  /// This shard's part of clearing `volumes`. `issuer` may live on another shard: it is compared, never followed.
  void clear(std::span<const std::string> volumes, Clearing how, const unit::Nexus* issuer,
             std::move_only_function<void()> done);
  /// All shards' parts; `done` runs here when every shard is through.
  void clear_everywhere(std::vector<std::string> volumes, Clearing how, const unit::Nexus* issuer,
                        std::move_only_function<void()> done);
  /// This shard's part of a change of reservations: who is kept out from now on, who is told, whose tasks end before `done`.
  void take_reservations(const std::string& volume, const std::shared_ptr<const unit::Reservations>& now,
                         const unit::ReservationOutcome& outcome, std::move_only_function<void()> done);
  void raise_here(const std::string& volume, unit::Attention attention, const unit::Nexus* except);
};

}  // namespace ashlar::scsi
