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
#include "engine/turnstile.h"
#include "engine/unit_records.h"
#include "engine/version.h"
#include "engine/volumes.h"
#include "iscsi/server.h"
#include "rpc/amendment.h"
#include "rpc/document.h"
#include "rpc/methods.h"
#include "rpc/status.h"
#include "scsi/nexus_state.h"

namespace ashlar::engine {

struct EngineOptions {
  std::string version = engine_version;
  iscsi::Settings settings;
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

/// What is told of the registrations of a volume: how many there are, or who has them too.
enum class Registrations : uint8_t { count, each };

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
  EventLog& events() { return events_; }
  const EngineOptions& options() const { return options_; }

  /// Accepts nothing new, answers what is in flight (`grace` at most), logs every session out, closes all volumes. Once.
  loop::Task<void> stop(loop::Nanoseconds grace);
  bool stopping() const { return state_ == State::stopping || state_ == State::stopped; }

 private:
  enum class State : uint8_t { fresh, serving, stopping, stopped };

  loop::Task<Result<void>> run(Step step) override;
  /// What a change comes to.
  struct Change {
    rpc::Document desired;
    Completed completed;
    Plan plan;
  };
  using MakeDocument = std::move_only_function<rpc::Document()>;
  loop::Task<Result<Change>> work_out(MakeDocument desired);
  loop::Task<Result<rpc::ApplyReport>> put_in_force(MakeDocument desired, bool dry_run);
  loop::Task<Result<void>> run_plan(const Change& change);
  loop::Task<Result<void>> keep(const std::vector<rpc::DrawnIdentity>& drawn, const rpc::Document& desired);
  loop::Task<Result<void>> open_volume(rpc::VolumeDocument volume, std::string place);
  loop::Task<void> set_group(Step step);
  loop::Task<void> publish(std::shared_ptr<const rpc::Document> document);
  loop::Task<Result<void>> resize_volume(std::string name, uint64_t size_bytes);
  loop::Task<void> stop_servers(loop::Nanoseconds grace);
  void tell(std::string kind, std::map<std::string, std::string> fields);
  void server_event(iscsi::ServerEvent event);
  rpc::VolumeStatus volume_status(const rpc::VolumeDocument& volume, Registrations registrations) const;

  loop::Shards& shards_;
  EngineOptions options_;
  State state_ = State::fresh;
  loop::Instant started_;
  uint64_t applied_ = 0;

  scsi::Domain::Group domains_;  // entry i made, used and destroyed on shard i
  iscsi::Server::Group servers_;
  Portals portals_;
  Volumes volumes_;
  std::shared_ptr<const iscsi::Directory> directory_;

  std::shared_ptr<const rpc::Document> running_ = std::make_shared<const rpc::Document>();
  uint64_t revision_ = 0;                 // of running_; begins anywhere, so that no two lives share one
  std::unique_ptr<UnitRecords> records_;  // null without a state folder
  Turnstile turnstile_;
  EventLog events_;
};

}  // namespace ashlar::engine
