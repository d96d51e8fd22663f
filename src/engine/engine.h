// The engine: what is served, and every change to it. Knows volumes, targets, hosts, portals and sessions; nothing of the OS,
// so that the simulation runs it as the program does.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/access_groups.h"
#include "engine/apply.h"
#include "engine/directory_builder.h"
#include "engine/event_log.h"
#include "engine/plan.h"
#include "engine/portals.h"
#include "engine/proposal.h"
#include "engine/turnstile.h"
#include "engine/unit_records.h"
#include "engine/version.h"
#include "engine/volume_keys.h"
#include "engine/volumes.h"
#include "iscsi/server.h"
#include "nvmetcp/server.h"
#include "rpc/amendment.h"
#include "rpc/document.h"
#include "rpc/methods.h"
#include "rpc/status.h"
#include "scsi/nexus_state.h"

namespace ashlar::engine {

struct EngineOptions {
  std::string version = engine_version;
  iscsi::Settings settings;
  nvme::Settings nvme_settings;
  uint16_t commands_per_shard = iscsi::Server::usual_commands;  ///< of each protocol, made at start
  size_t most_waiting_changes = 16;
  /// Where relative paths of a document begin; empty: they are refused.
  std::string state_folder;
  /// Identities drawn in earlier lives, and where those of this one are kept: called before a host can see them; an error
  /// refuses the document. May be empty: then they last as long as this engine.
  DrawnIdentities identities;
  std::function<loop::Task<Result<void>>(std::vector<KeptIdentity>)> keep_identities;
  /// Tells the life of the machine: what is kept only until power goes is of this one. Empty: of no machine.
  std::string boot_id;
  /// More counters for `stats` of the shard whose loop it is; runs on that shard. May be empty.
  std::function<void(loop::Loop&, std::map<std::string, uint64_t>&)> shard_counters;
};

/// The bit of a session id that tells a controller of NVMe/TCP; its id is in the low 16 bits. Below the shard's number of iSCSI's,
/// and above what their counters reach.
constexpr uint64_t nvme_session = uint64_t{1} << 47;

/// What is told of the registrations of a volume: how many there are, or who has them too.
enum class Registrations : uint8_t { count, each };

/// A store of its stack has had an error that it does not get over. Any thread.
bool has_failed(const block::Store& store);

/// Every call on shard 0. Life: start() -> anything -> stop() -> destroy on shard 0, when every task that it gave has ended.
/// `shards` and `registry` outlive it.
class Engine final : private StepRunner {
 public:
  Engine(loop::Shards& shards, const block::Registry& registry, EngineOptions options);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  /// Makes the target on every shard. It serves nothing until apply().
  loop::Task<void> start();
  /// Puts `desired` in force: all of it or, on an error, nothing. Idempotent. With `dry_run` it only tells the steps.
  /// Changes wait for each other in order; exhausted when too many wait, closed when the engine stops.
  loop::Task<Result<rpc::ApplyReport>> apply(rpc::Document desired, bool dry_run);
  /// The same with what differs from the document of that revision (ApplyReport); stale: another one is in force. Errors have
  /// places of the document as amended.
  loop::Task<Result<rpc::ApplyReport>> amend(uint64_t base, rpc::Amendment amendment, bool dry_run);
  /// Online; every session that sees the volume is told. Refuses to shrink without `shrink`.
  loop::Task<Result<rpc::VolumeStatus>> resize(std::string name, uint64_t size_bytes, bool shrink);
  /// Ends every reservation and registration of a volume, for hosts that will not come back to do it; those that had them are told.
  loop::Task<Result<void>> clear_reservations(std::string volume);
  /// Of a CD-ROM drive: no host prevents any more that its medium is changed.
  loop::Task<Result<void>> allow_removal(std::string volume);
  /// The key of encrypted volumes that are gone for good, so that nobody reads what is left of them. busy: a volume that is served
  /// has it. Well, too, when there is none.
  loop::Task<Result<void>> destroy_key(std::string id);
  /// What is kept of a unit goes: its volume was deleted for good. busy: a volume that is served has this UUID.
  loop::Task<Result<void>> forget(std::string uuid);
  /// For the thin volumes of a pool: what they tell their hosts of it, and whether these must hear of it now.
  void take_pool_level(const rpc::PoolLevelParams& level);
  loop::Task<Result<void>> drop_session(uint64_t id, std::string reason);

  /// `only`: see rpc::StatusParams.
  loop::Task<rpc::EngineStatus> status(std::string only = {});
  loop::Task<rpc::Stats> stats();
  /// By id.
  loop::Task<std::vector<rpc::SessionStatus>> sessions();
  /// What is in force, identities and secrets included.
  const rpc::Document& document() const { return *running_; }
  /// The same, for who reads it on a worker.
  std::shared_ptr<const rpc::Document> shared_document() const { return running_; }
  EventLog& events() { return events_; }
  const EngineOptions& options() const { return options_; }

  /// Accepts nothing new, answers what is in flight (`grace` at most), logs every session out, closes all volumes. Once.
  loop::Task<void> stop(loop::Nanoseconds grace);
  bool stopping() const { return state_ == State::stopping || state_ == State::stopped; }

 private:
  enum class State : uint8_t { fresh, serving, stopping, stopped };

  static std::unexpected<Error> stopped();
  loop::Task<Result<void>> run(Step step) override;
  loop::Task<Result<rpc::ApplyReport>> put_in_force(Wish wish, std::vector<Uuid> random, bool dry_run);
  loop::Task<Result<rpc::ApplyReport>> carry_out(Proposal& proposal, bool dry_run);
  loop::Task<Result<void>> keep(const Proposal& proposal);
  loop::Task<Result<void>> open_volume(rpc::VolumeDocument volume, std::string place);
  loop::Task<void> set_group(Step step);
  loop::Task<void> publish(std::shared_ptr<const rpc::Document> document);
  loop::Task<Result<void>> change_medium(Step step);
  loop::Task<Result<void>> resize_volume(std::string name, uint64_t size_bytes);
  loop::Task<void> stop_servers(loop::Nanoseconds grace);
  loop::Task<void> make_servers();
  loop::Task<void> forget_servers();
  loop::Task<void> forget_on_every_shard(std::function<void(uint32_t)> forget);
  loop::Task<std::vector<rpc::SessionStatus>> nvme_sessions();
  loop::Task<void> note_power_on();
  loop::Task<std::string> end_cut_short(std::string volume, Uuid unit, std::string record);
  void tell(std::string kind, std::map<std::string, std::string> fields);
  void server_event(iscsi::ServerEvent event);
  rpc::MediumStatus medium_status(const rpc::VolumeDocument& volume) const;
  rpc::VolumeStatus volume_status(const rpc::VolumeDocument& volume, Registrations registrations,
                                  bool failed) const;

  loop::Shards& shards_;
  EngineOptions options_;
  State state_ = State::fresh;
  loop::Instant started_;
  uint64_t applied_ = 0;

  scsi::Domain::Group domains_;  // entry i made, used and destroyed on shard i
  iscsi::Server::Group servers_;
  nvme::Domain::Group nvme_domains_;
  nvmetcp::Server::Group nvme_servers_;
  Portals portals_;
  std::unique_ptr<VolumeKeys> keys_;  // null without a state folder
  Volumes volumes_;
  std::shared_ptr<const iscsi::Directory> directory_;
  std::shared_ptr<const nvme::Directory> nvme_directory_;

  std::shared_ptr<const rpc::Document> running_ = std::make_shared<const rpc::Document>();
  uint64_t revision_ = 0;                 // of running_; begins anywhere, so that no two lives share one
  std::unique_ptr<UnitRecords> records_;  // null without a state folder
  Turnstile turnstile_;
  EventLog events_;
};

}  // namespace ashlar::engine
