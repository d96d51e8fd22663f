// A third-party copy under way: the units that it may touch, and what can end it before its time.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "scsi/copy_records.h"
#include "scsi/handling.h"
#include "scsi/nexus_impl.h"
#include "unit/copier.h"

namespace ashlar::scsi {

/// A unit as the nexus that copies sees it. Looked up again before every step: mappings and reservations change.
struct CopyUnit {
  uint16_t lun = 0;
  std::string volume;
  std::shared_ptr<unit::LogicalUnit> unit;
  /// A source that is not mapped here but has a token: then who made that must still be allowed to read. `lun` is nothing.
  std::shared_ptr<const RodToken> token = {};
};

/// Why a side may not be used now: the sense of the whole command, but for its segment. no_sense: it may.
Sense copy_trouble(NexusState::Impl& nexus, const CopyUnit& side, unit::CopySide as);
/// COPY ABORTED, THIRD-PARTY DEVICE FAILURE, with what that unit said (SPC-4 5.17.7.4).
Sense third_party_failure(unit::CopySide side, ScsiStatus status, const Sense& theirs);

/// From the checks until the last request has ended. Lives in the story that runs it; a nexus or reset that wants it gone stops
/// it and waits for its end.
class CopyOperation final : public ListNode<CopyTag>, public unit::CopyWarden {
 public:
  /// Of the task of `handling`, which ends after it, unless answered_early().
  CopyOperation(Handling handling, std::shared_ptr<CopyRecord> record, std::vector<CopyUnit> units);
  ~CopyOperation();

  unit::Copier& copier() { return copier_; }
  CopyRecord& record() { return *record_; }
  bool touches(const std::string& volume) const;
  void stop() { stopped_ = true; }
  /// IMMED: the task is answered, and the nexus waits for this when it closes.
  void answered_early();
  /// The units of the step to come; null: none on that side.
  void set_sides(const CopyUnit* source, const CopyUnit* destination);
  bool may_go_on() override;
  /// What a copy that did not end well is to its host.
  Sense failure(const unit::CopyOutcome& outcome) const;
  /// The last word, for RECEIVE COPY STATUS.
  void ended(const Sense& sense);

 private:
  NexusState::Impl& nexus_;
  Task* task_;
  std::shared_ptr<CopyRecord> record_;
  std::vector<CopyUnit> units_;
  unit::Copier copier_;
  const CopyUnit* source_ = nullptr;
  const CopyUnit* destination_ = nullptr;
  bool stopped_ = false;
  Sense trouble_;
};

}  // namespace ashlar::scsi
