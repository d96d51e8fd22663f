// The SCSI side of one I_T nexus on its shard, and the domain that joins all nexuses of all shards.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "loop/loop.h"
#include "scsi/task.h"
#include "unit/access.h"
#include "unit/governor.h"
#include "unit/host_view.h"
#include "unit/keeper.h"

namespace ashlar::scsi {

/// SAM-5 clause 7 functions, as iSCSI, FC and SRP bring them.
enum class TaskManagement : uint8_t {
  abort_task,
  abort_task_set,
  clear_aca,
  clear_task_set,
  logical_unit_reset,
  target_warm_reset,  ///< all units that the nexus sees (an iSCSI target reset)
  target_cold_reset,  ///< the same, and the transport then drops the sessions
};
enum class TaskManagementResponse : uint8_t {
  complete,
  task_does_not_exist,
  lun_does_not_exist,
  not_supported,
  rejected
};

class Domain;
struct UnitState;

struct NexusTag;

/// One per session. The transport submits tasks here; everything about LUNs, attentions and task sets is behind it.
class NexusState : public ListNode<NexusTag> {
 public:
  /// `view` may have no LUNs (REPORT LUNS then says so). Raises power_on on each unit.
  NexusState(Domain& domain, unit::Nexus nexus, std::shared_ptr<const unit::HostView> view);
  ~NexusState();  ///< close() must have finished

  const unit::Nexus& nexus() const { return nexus_; }
  Domain& domain() { return domain_; }

  /// Takes the task; task.completed() comes later, exactly once.
  void submit(Task& task);
  void data_out_arrived(Task& task);
  /// Data-out that can never arrive (digest error, protocol error of that command alone): ends the task with ABORTED COMMAND
  /// and `code` (ASC/ASCQ).
  void data_out_failed(Task& task, uint16_t code);

  /// `answer` is called once, from the ready list, when every affected task of every shard has ended and can no longer touch
  /// the medium. `tag` is used by abort_task only.
  void manage(TaskManagement function, const std::array<uint8_t, 8>& lun, uint64_t tag,
              std::move_only_function<void(TaskManagementResponse)> answer);

  /// The host's mappings changed: tasks on units that went away end with LOGICAL UNIT NOT SUPPORTED or are aborted; others
  /// go on; luns_changed is raised when the list of LUNs differs.
  void replace_view(std::shared_ptr<const unit::HostView> view);
  /// Hears, on this shard, of what is news to a host before its next command: CAPACITY DATA HAS CHANGED of a unit, REPORTED LUNS
  /// DATA HAS CHANGED once for all of them. The attention is there for that command all the same.
  using Listener = std::function<void(uint16_t lun, unit::Attention)>;
  void on_news(Listener listener);

  /// Ends all tasks without answers; `closed` is called once, from the ready list, when none is left in flight.
  void close(std::move_only_function<void()> closed);
  size_t tasks_in_flight() const;
  struct Impl;
  Impl& impl() { return *impl_; }

 private:
  Domain& domain_;
  unit::Nexus nexus_;
  std::unique_ptr<Impl> impl_;
};

/// All nexuses of one shard, and the way to those of the others. One per shard, made before any session; `group` has one
/// entry a shard once all are made. Governs the units for the other protocols, too.
class Domain final : public unit::Governor {
 public:
  using Group = std::vector<std::unique_ptr<Domain>>;
  /// `keeper` (null: nothing outlives the engine) is that of the group's first.
  Domain(loop::Loop& loop, Group& group, unit::Keeper* keeper = nullptr);
  ~Domain() override;
  loop::Loop& loop() { return loop_; }
  /// What was kept of a unit that has just been opened, before any host sees it; on the home shard. What is known of a unit
  /// that only was away goes on.
  void recall(const std::string& volume, unit::LogicalUnit& unit, unit::Recalled kept);
  /// After recall(), with what it was given of a rewriting: one that had begun to erase the key of the unit goes on.
  void resume_rewrite(const std::string& volume, std::shared_ptr<unit::LogicalUnit> unit,
                      const std::string& kept);
  /// What stands on a unit now; null when nobody has ever mapped it. Any shard.
  std::shared_ptr<const unit::Reservations> reservations_of(const std::string& volume);
  /// What the administrator asks for when a host that holds it will not come back: ends every reservation and registration of the
  /// unit; the hosts that had them are told. On the home shard.
  loop::Task<unit::ReservationStatus> clear_reservations(std::string volume);
  /// Raises `attention` on unit `volume` for every nexus of every shard that maps it, but not for `except`.
  void raise_everywhere(const std::string& volume, unit::Attention attention, const unit::Nexus* except);

  std::shared_ptr<unit::UnitRules> rules_of(const std::string& volume, unit::LogicalUnit& unit) override;
  loop::Task<unit::ReservationStatus> change_reservations(std::shared_ptr<unit::UnitRules> rules,
                                                          std::string volume,
                                                          unit::ReservationRequest request) override;
  unit::Rewritten rewritten(std::shared_ptr<unit::UnitRules> rules, std::string volume,
                            std::shared_ptr<unit::LogicalUnit> unit) override;
  bool keeps() const override;
  void add(unit::Subject& subject) override;
  void remove(unit::Subject& subject) override;

  /// The units of a group, and how they are to be reached from now on.
  struct AccessGroup {
    unit::AccessStates states;
    /// What is in force for a group of that name stays, also what hosts made of it: only its units change.
    bool keep_states = false;
    bool gone = false;  ///< the group is forgotten; then it has no units
    std::map<std::string, std::shared_ptr<unit::LogicalUnit>> units;  ///< by volume
    std::vector<std::string> leaving;  ///< volumes that belong to no group from now on
  };
  /// On shard 0. An implicit change: every nexus that maps one of the units is told, no command is lost.
  loop::Task<void> set_access(AccessGroup group);
  /// On shard 0, of a volume that no nexus maps any more.
  void forget_access(const std::string& volume);
  /// On shard 0: what is in force for that group; null when there is none.
  std::shared_ptr<const unit::AccessStates> access_of(const std::string& group) const;
  /// On shard 0: `heard` runs there after every change by a host.
  void on_access_changed(std::function<void(const unit::AccessStates&)> heard);
  /// On shard 0: `heard` runs there of each step of a format or a sanitize, whatever protocol asked for it.
  void on_rewrite(std::function<void(const std::string& volume, const unit::RewriteEvent&)> heard);

  /// The administrator switches the write cache: that is what page 08h now begins with, whatever a host had saved, and every
  /// host is told that mode parameters have changed. An error: it could not be written down, and nothing has changed. `unit`
  /// outlives it. On the home shard.
  loop::Task<Result<void>> configure_write_cache(std::string volume, unit::LogicalUnit& unit, bool enabled);
  // A CD-ROM drive, whose medium the array changes. On shard 0.
  struct Tray {
    bool open = false;       ///< a host has opened it
    bool prevented = false;  ///< a host keeps it closed with PREVENT ALLOW MEDIUM REMOVAL
  };
  Tray tray_of(const std::string& volume);
  /// Every host of it is asked to let go of the medium: GET EVENT STATUS NOTIFICATION, eject request.
  loop::Task<void> request_eject(std::string volume);
  /// What hosts prevent is over; they are not told.
  loop::Task<void> allow_removal(std::string volume);
  /// Before the medium goes: when it is done no command begins on it any more, on any shard.
  loop::Task<void> withdraw_medium(std::string volume);
  /// After that: the tray is closed, and if a medium lies in it every host is told (NOT READY TO READY CHANGE).
  loop::Task<void> offer_medium(std::string volume, bool present);

  /// How full the pool behind `unit` is now. True: the soft threshold was reached by this, and every host of the thin unit is
  /// told THIN PROVISIONING SOFT THRESHOLD REACHED (SBC-3 4.7.3.8). On shard 0.
  bool take_pool_level(const std::string& volume, unit::LogicalUnit& unit, const unit::PoolFigures& figures);
  struct Impl;
  Impl& impl() { return *impl_; }

 private:
  loop::Loop& loop_;
  Group& group_;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ashlar::scsi
