#include "scsi/copy_operation.h"

#include <algorithm>

#include "scsi/handlers.h"

namespace ashlar::scsi {

Sense third_party_failure(unit::CopySide side, ScsiStatus status, const Sense& theirs) {
  Sense sense = Sense::of(SenseKey::copy_aborted, 0x0d01);
  sense.third_party = {side, static_cast<uint8_t>(status), theirs.key, theirs.code};
  return sense;
}

namespace {

Sense token_trouble(const RodToken& token) {
  if (token.revoked) return Sense::of(SenseKey::illegal_request, 0x2306);  // TOKEN REVOKED
  const std::shared_ptr<const unit::Reservations> reservations = token.state->reservations();
  if (unit::keeps_out(*reservations, token.creator, unit::CommandEffect::reads) ||
      unit::keeps_out_wholly(*reservations, token.creator))
    return third_party_failure(unit::CopySide::source, ScsiStatus::reservation_conflict, {});
  const Sense theirs = readiness(*token.state);
  if (theirs.key == SenseKey::no_sense) return {};
  return third_party_failure(unit::CopySide::source, ScsiStatus::check_condition, theirs);
}

}  // namespace

Sense copy_trouble(NexusState::Impl& nexus, const CopyUnit& side, unit::CopySide as) {
  if (side.token) return token_trouble(*side.token);
  const LunState* lun = nexus.find(side.lun);
  if (lun == nullptr || lun->unit != side.unit)
    return Sense::of(SenseKey::copy_aborted, 0x0d02);  // COPY TARGET DEVICE NOT REACHABLE
  const bool writes = as == unit::CopySide::destination;
  if (lun->kept_out_wholly || (writes ? lun->kept_from_writing : lun->kept_from_reading))
    return third_party_failure(as, ScsiStatus::reservation_conflict, {});
  Sense theirs = readiness(*lun->state);
  if (theirs.key == SenseKey::no_sense && writes) theirs = write_protection(*lun);
  if (theirs.key == SenseKey::no_sense) return {};
  return third_party_failure(as, ScsiStatus::check_condition, theirs);
}

CopyOperation::CopyOperation(Handling handling, std::shared_ptr<CopyRecord> record,
                             std::vector<CopyUnit> units)
    : nexus_(handling.nexus().impl()),
      task_(&handling.task()),
      record_(std::move(record)),
      units_(std::move(units)),
      copier_(nexus_.domain.impl().copy_budget, nexus_.self.nexus(), *this) {
  record_->operation = this;
  nexus_.copies.push_back(*this);
}

CopyOperation::~CopyOperation() {
  record_->operation = nullptr;
  nexus_.copies.remove(*this);
  nexus_.domain.impl().ended(this);
  if (task_ != nullptr) return;
  --nexus_.managing;
  nexus_.maybe_closed();
}

bool CopyOperation::touches(const std::string& volume) const {
  return std::ranges::any_of(units_, [&](const CopyUnit& unit) { return unit.volume == volume; });
}

void CopyOperation::answered_early() {
  record_->background = true;
  task_ = nullptr;
  ++nexus_.managing;
}

void CopyOperation::set_sides(const CopyUnit* source, const CopyUnit* destination) {
  source_ = source;
  destination_ = destination;
}

bool CopyOperation::may_go_on() {
  if (source_ != nullptr) trouble_ = copy_trouble(nexus_, *source_, unit::CopySide::source);
  if (destination_ != nullptr && trouble_.key == SenseKey::no_sense)
    trouble_ = copy_trouble(nexus_, *destination_, unit::CopySide::destination);
  if (trouble_.key != SenseKey::no_sense) return false;
  return !stopped_ && (task_ == nullptr || !Handling(*task_).interrupted());
}

Sense CopyOperation::failure(const unit::CopyOutcome& outcome) const {
  using unit::CopySide;
  if (outcome.side == CopySide::neither) {
    if (trouble_.key != SenseKey::no_sense) return trouble_;
    return Sense::of(SenseKey::aborted_command, 0x2f02);  // COMMANDS CLEARED BY DEVICE SERVER
  }
  const Sense theirs = sense_of(outcome.status, outcome.side == CopySide::destination, 0);
  return third_party_failure(outcome.side, ScsiStatus::check_condition, theirs);
}

void CopyOperation::ended(const Sense& sense) {
  record_->bytes = copier_.bytes_done();
  record_->stopped = stopped_;
  if (sense.key == SenseKey::no_sense) return;
  record_->status = ScsiStatus::check_condition;
  record_->sense = sense;
}

}  // namespace ashlar::scsi
