// What rules a unit beside its device, one truth for the hosts of every protocol: reservations, access states, and what stops
// all work on it. The protocol that keeps it stands behind Governor; the others learn of changes as Subjects.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "loop/task.h"
#include "unit/access.h"
#include "unit/logical_unit.h"
#include "unit/nexus.h"
#include "unit/reservations.h"
#include "unit/rewrite_history.h"
#include "unit/rewriting.h"

namespace ashlar::unit {

/// What stands on one unit now. Any thread; lives as long as somebody holds it.
class UnitRules {
 public:
  virtual ~UnitRules() = default;
  /// Never null.
  virtual std::shared_ptr<const Reservations> reservations() const = 0;
  virtual std::shared_ptr<const AccessStates> access() const = 0;
  /// The whole medium is being rewritten, or that failed: no data of it may be read or written.
  bool being_rewritten() const { return rewrite.phase() != Rewriting::Phase::idle; }
  /// A host has protected it against all writes.
  virtual bool write_protected() const = 0;

  Rewriting rewrite;  ///< sanitize and format; resets and lost nexuses leave it alone
  RewriteHistory rewrite_history;
};

struct Rewritten;

/// A protocol's nexuses of one shard, told on their shard of every change before it is answered.
class Subject {
 public:
  /// `done` is called, once and never inside, when no command of a nexus that the outcome aborts can touch the medium any more.
  virtual void take_reservations(const std::string& volume, const Reservations& now,
                                 const ReservationOutcome& outcome, std::move_only_function<void()> done) = 0;
  virtual void take_access(const std::string& volume, const AccessStates& now, AccessNews news) = 0;
  virtual void take_attention(const std::string& volume, Attention attention) = 0;
  /// A sanitize of it has ended, well or not.
  virtual void take_sanitized(const std::string& volume) = 0;

 protected:
  ~Subject() = default;
};

/// One shard's door to them; every call on that shard.
class Governor {
 public:
  virtual ~Governor() = default;
  virtual std::shared_ptr<UnitRules> rules_of(const std::string& volume, LogicalUnit& unit) = 0;
  /// Decides in the order of asking, over all shards; resumes here when every nexus knows. `rules` are those of the volume.
  virtual loop::Task<ReservationStatus> change_reservations(std::shared_ptr<UnitRules> rules,
                                                            std::string volume,
                                                            ReservationRequest request) = 0;
  /// The unit as what rewrites it needs it (unit/rewriter.h); may outlive the governor.
  virtual Rewritten rewritten(std::shared_ptr<UnitRules> rules, std::string volume,
                              std::shared_ptr<LogicalUnit> unit) = 0;
  /// Reservations can outlive the engine.
  virtual bool keeps() const = 0;
  /// `subject` lives until it is removed.
  virtual void add(Subject& subject) = 0;
  virtual void remove(Subject& subject) = 0;
};

}  // namespace ashlar::unit
