// The insides of NexusState and Domain. For the scsi room alone.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "loop/post_function.h"
#include "scsi/copy_records.h"
#include "scsi/lun_state.h"
#include "scsi/nexus_state.h"
#include "scsi/rod_tokens.h"
#include "unit/copy_budget.h"
#include "unit/end_waits.h"

namespace ashlar::scsi {

struct CopyTag;

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
  size_t managing = 0;  ///< task management functions not answered yet, and copies whose command is answered
  bool closing = false;
  NexusState::Listener listener;  ///< empty: nobody listens
  std::move_only_function<void()> closed;
  IntrusiveList<CopyOperation, CopyTag> copies;  ///< under way
  CopyRecords copy_records;

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
  static void start_waiting(LunState& lun);
  void maybe_closed();
  /// The transition that its commands waited for has ended.
  static void go_on(LunState& lun);
  /// Ends its RESERVE(6), if it has one; the nexus closes no sooner.
  void give_up_unit(LunState& lun);
};

/// Has mode parameters kept on the home shard, where something keeps them; resumes here when they are, or are not.
loop::Task<Result<void>> keep_mode_pages(Domain& domain, Uuid unit, std::string text);

/// How the tasks of a unit end (SAM-5 clause 7).
enum class Clearing : uint8_t {
  task_set,      ///< CLEAR TASK SET: nexuses that lost tasks are told 2F/00, but not the one that asked
  unit_reset,    ///< all nexuses are told 29/03
  target_reset,  ///< all nexuses are told 29/02
};

/// What a task management function or a preemption ends.
struct Doomed {
  std::vector<Task*> tasks;
  std::vector<Task*> told;  ///< their hosts get TASK ABORTED
  std::vector<CopyOperation*> copies;
};
/// A CHECK CONDITION, and what it does to the other commands of its task set (SAM-5 5.10, SPC-4 7.5.8).
struct Fault {
  const unit::Nexus* nexus =
      nullptr;  ///< whose command it was; may live on another shard: compared, never followed
  QueueErrors queue_errors = QueueErrors::ignored;
  bool establishes = false;  ///< an ACA condition
  bool shared = false;       ///< the task set is that of all nexuses
  uint32_t allegiance_number = 0;
};
/// What becomes of the access states of some units, by volume.
struct AccessChange {
  std::shared_ptr<const unit::AccessStates> now;
  unit::AccessNews news;
};
using AccessChanges = std::map<std::string, AccessChange>;

struct Domain::Impl {
  Impl(Domain& owner, Group& all, unit::Keeper* keeps) : self(owner), group(all), keeper(keeps) {}

  Domain& self;
  Group& group;
  unit::Keeper* const keeper;  ///< the first domain's serves the group
  IntrusiveList<NexusState, NexusTag> nexuses;
  std::vector<unit::Subject*> subjects;  ///< the other protocols, on this shard
  unit::EndWaits waits;                  ///< for tasks and copies that were told to end
  UnitStates states;                     ///< the first domain's serves the group
  unit::CopyBudget copy_budget;
  RodTokens tokens;  ///< the first domain's serves the group
  /// Home shard only: access states by group, and who hears of them.
  std::map<std::string, std::shared_ptr<const unit::AccessStates>> access_groups;
  std::function<void(const unit::AccessStates&)> access_changed;
  std::function<void(const std::string& volume, const unit::RewriteEvent&)> rewrite_noted;

  UnitStates& unit_states();
  RodTokens& rod_tokens();
  /// Reservations, saved mode pages and what a rewriting left outlive the engine.
  bool keeps() const { return records() != nullptr; }
  /// Null: nothing does.
  unit::Keeper* records() const { return group.front()->impl().keeper; }
  /// SPC-2 5.5.1: a reset ends every RESERVE(6). From the home of the reset; before tasks are cleared.
  loop::Task<void> end_unit_reservations(std::vector<std::string> volumes);
  /// One that runs `done` when it was called `count` times.
  static std::function<void()> count_down(size_t count, std::move_only_function<void()> done);
  /// Ends them and calls `done` from the ready list when the last has ended.
  void abort(const Doomed& doomed, std::move_only_function<void()> done);
  /// The copies of a nexus that read or write one of these units: other commands of it may have brought them.
  static void collect_copies(NexusState::Impl& nexus, std::span<const std::string> volumes,
                             std::vector<CopyOperation*>& out);
  /// A task or copy that may be waited for.
  void ended(const void* task_or_copy) { waits.ended(self.loop(), task_or_copy); }
  /// Each shard runs `part` and says when it is through; `done` runs here when all are.
  using Part = std::function<void(Impl& there, std::move_only_function<void()> through)>;
  void everywhere(const Part& part, std::move_only_function<void()> done);
  /// This shard's part of a fault: what it blocks, and what it ends before `done`.
  void take_fault(const std::string& volume, const Fault& fault, std::move_only_function<void()> done);
  /// This shard's part of the end of the shared ACA condition of that number.
  void thaw(const std::string& volume, uint32_t allegiance_number);
  /// This shard's part of clearing `volumes`. `issuer` may live on another shard: it is compared, never followed.
  void clear(std::span<const std::string> volumes, Clearing how, const unit::Nexus* issuer,
             std::move_only_function<void()> done);
  /// All shards' parts; `done` runs here when every shard is through.
  void clear_everywhere(std::vector<std::string> volumes, Clearing how, const unit::Nexus* issuer,
                        std::move_only_function<void()> done);
  /// This shard's part of a change of reservations: who is kept out from now on, who is told, whose tasks end before `done`.
  /// `allegiance`: the number of the shared ACA condition that it ends; 0: none.
  void take_reservations(const std::string& volume, const std::shared_ptr<const unit::Reservations>& now,
                         const unit::ReservationOutcome& outcome, uint32_t allegiance,
                         std::move_only_function<void()> done);
  /// The initiator ports of this shard that belong to one of these nodes and map the unit, by node.
  void find_ports(const std::string& volume, const std::vector<std::string>& nodes,
                  std::map<std::string, std::set<std::string>>& out);
  /// This shard's part of a change of access states. `asker` may live on another shard: it is compared, never followed.
  void take_access(const AccessChanges& changes, const unit::Nexus* asker);
  void raise_here(const std::string& volume, unit::Attention attention, const unit::Nexus* except);
  /// Sense data of the device `volume`, for every nexus that maps it but `except`: a deferred error for those that have written.
  void spread(const std::string& volume, const loop::ScsiSense& sense, bool deferred,
              const unit::Nexus* except);
  void spread_here(const std::string& volume, const loop::ScsiSense& sense, bool deferred,
                   const unit::Nexus* except);
};

}  // namespace ashlar::scsi
