// The array: the one desired state, and the only way to change it. validate -> plan -> generation N+1 on disk -> storage ->
// engine -> commit; what fails is undone, and generation N stays in force.
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "access/role.h"
#include "agent/engine_link.h"
#include "agent/planner.h"
#include "agent/secret_fields.h"
#include "api/configuration.h"
#include "api/plan.h"
#include "base/bytes.h"
#include "base/identity.h"
#include "base/result.h"
#include "state/generations.h"
#include "state/secrets.h"
#include "storage/pool_driver.h"
#include "storage/privileged.h"

namespace ashlar::agent {

/// What is in force, as one value that does not change: readers hold it as long as they like.
struct View {
  state::GenerationInfo generation;
  api::Configuration configuration;
};

struct Change {
  std::string author, comment;
  bool dry_run = false;
  bool force = false;
  bool one_time_passwords = false;  ///< passwords in it count for one login
  access::Role role =
      access::Role::admin;  ///< of the author: who has less may not apply the plan of a dry run
  /// Makes the wish from what is in force; its errors are the change's. Runs under the array's lock.
  std::function<Result<void>(api::Configuration& next)> edit;
};

struct Outcome {
  api::Plan plan;
  bool applied = false;
  uint64_t generation = 0;
  /// What was in force right after it: somebody else may have changed it since.
  std::shared_ptr<const View> view;
};

/// The error of a change that only `force` would make: the plan says whom it disturbs.
struct Refusal {
  Error error;
  std::optional<api::Plan> plan;
};

struct ArrayParts {
  state::FileSystem* files = nullptr;
  std::string folder;  ///< config/ and secrets/ are in it
  storage::Privileged* privileged = nullptr;
  EngineLink* engine = nullptr;
  std::function<void(Bytes)> random;
  std::function<int64_t()> now;  ///< seconds since 1970
  /// Told after a commit, in order, off the lock's path: what differs between the two views. May be empty.
  std::function<void(const View& before, const View& after, const Change& change)> committed;
  /// "state_not_writable" and the like: raised or cleared. May be empty.
  std::function<void(const std::string& name, const std::string& message, bool raised)> alarm;
};

/// Any thread; one change at a time.
class Array {
 public:
  static Result<std::unique_ptr<Array>> open(ArrayParts parts);

  std::shared_ptr<const View> view() const;
  std::expected<Outcome, Refusal> change(const Change& change);
  /// What a wish would change, for whoever may read: no pool and no engine is asked, no plan is kept.
  Result<std::vector<api::Difference>> compare(
      const std::function<Result<void>(api::Configuration& next)>& edit);
  /// A plan of a dry run, if nothing has changed since. not_found, stale (something has), permission_denied.
  std::expected<Outcome, Refusal> apply_plan(const std::string& id, const std::string& author,
                                             access::Role role, bool force);
  Result<api::Plan> find_plan(const std::string& id);

  /// Gives the engine what is in force, as after its restart. What cannot be served (a disk is gone) is left out and told in
  /// failures(); the rest is served.
  Result<void> serve();
  /// Resource ("volumes/db1") to the reason why it is not served.
  std::map<std::string, std::string> failures() const;

  Result<std::string> secret(const std::string& reference) const;
  Result<std::vector<state::GenerationInfo>> generations() const;
  Result<state::Generation> generation(uint64_t number) const;
  /// The driver of a pool that exists; its error is why it cannot be used.
  Result<std::shared_ptr<storage::PoolDriver>> pool(const std::string& name);
  std::vector<std::string> damaged() const;
  /// The last change could be kept.
  bool state_writable() const { return state_writable_; }
  bool helper_answers() const;

 private:
  explicit Array(ArrayParts parts) : parts_(std::move(parts)) { parts_.random(nobody_knows_); }

  struct Prepared {
    api::Configuration next;
    Planned planned;
  };
  struct KeptPlan {
    api::Plan plan;
    api::Configuration wish;  ///< with secrets as they were sent
    std::string comment;
    access::Role role = access::Role::admin;
    int64_t until = 0;
  };

  void recover();
  Result<void> take_back_unfinished();
  static bool remove_backing(const Result<std::shared_ptr<storage::PoolDriver>>& driver,
                             const std::string& pool, const std::string& backing);
  std::expected<Outcome, Refusal> change_locked(const Change& change);
  Result<Prepared> prepare(api::Configuration next, const Change& change);
  Result<void> check_room(const api::Configuration& next);
  Result<void> check_new_pools(const api::Configuration& next);
  Result<std::string> choose_device(const api::Configuration& next, const api::Volume& volume);
  Result<void> find_adopted_sizes(api::Configuration& next);
  Result<void> carry_out(Prepared& prepared, const Change& change);
  Result<void> do_before(const Work& work, const api::Configuration& next);
  void do_afterwork();
  Result<void> forget_in_engine(const state::Afterwork& work);
  using Failures = std::map<std::string, std::string>;
  Result<void> tell_engine(const api::Configuration& next, const Work& work);
  Result<void> give(const api::Configuration& next, const Work& work, Failures& failures);
  Result<void> serve_locked();
  Result<void> apply_whole(const rpc::Document& document);
  Result<void> apply_over(const rpc::Document& document);
  Result<void> apply(rpc::Document& document, Failures& failures, const Failures* may_fail);
  Result<rpc::Document> document_of(const api::Configuration& configuration, Failures& failures);
  static std::string api_place(const rpc::Document& document, const std::string& place);
  void forget_drivers();
  Result<std::shared_ptr<storage::PoolDriver>> driver_of(const api::Pool& pool);
  Result<std::shared_ptr<storage::PoolDriver>> driver_in(const api::Configuration& configuration,
                                                         const std::string& pool);
  Result<void> take_in(api::Configuration& next, const api::Configuration& before, const Change& change);
  bool is_secret(const std::string& reference, SecretKind kind, const std::string& plain,
                 const Change& change) const;
  Result<std::string> keep_secret(const std::string& plain, bool dry_run);
  void remove_old_secrets();
  std::string keep_plan(const api::Plan& plan, const api::Configuration& wish, const Change& change);
  void publish();
  void raise(const std::string& name, const Result<void>& outcome);

  ArrayParts parts_;
  std::array<uint8_t, 32>
      nobody_knows_{};  // in the place of a lost secret; one, so that the document stays the same
  std::atomic<bool> state_writable_ = true;
  mutable std::mutex changes_;  // one change at a time; the stores are used under it
  std::unique_ptr<state::GenerationStore> generations_;
  std::unique_ptr<state::SecretStore> secrets_;
  std::map<std::string, KeptPlan> plans_;

  mutable std::mutex mutex_;  // what follows; held for moments
  std::shared_ptr<const View> view_;
  /// For each pool as it is described: one that is only tried does not take the place of the one in force.
  std::vector<std::pair<api::Pool, std::shared_ptr<storage::PoolDriver>>> drivers_;
  std::map<std::string, std::string> failures_;
};

}  // namespace ashlar::agent
