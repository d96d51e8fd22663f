// The one door from a CDB to its handler, and every check that is the same for all commands.
#include "scsi/access.h"
#include "scsi/handlers.h"
#include "scsi/pass_through.h"
#include "scsi/rewrite.h"
#include "scsi/vpd.h"

namespace ashlar::scsi {
namespace {

Sense invalid_opcode() { return Sense::of(SenseKey::illegal_request, 0x2000); }

// SPC-4 4.2.5.1: an unknown operation code, or a known one with a service action that is not there.
Sense not_found(const uint8_t* cdb, bool known) {
  if (!known) return invalid_opcode();
  return cdb[0] == variable_length ? Sense::invalid_cdb_field(8) : Sense::invalid_cdb_field(1, 4);
}

// SPC-4 4.2.3: ADDITIONAL CDB LENGTH counts what follows it, and the transport brought as much.
bool has_whole_cdb(Handling handling, const Opcode& opcode) {
  return handling.cdb()[7] == opcode.length - 8 && handling.task().cdb_length >= opcode.length;
}

// True if the CDB sets a bit that this command does not look at; the task has ended then.
bool refuse_reserved_bits(Handling handling, const Opcode& opcode) {
  const int wrong = first_invalid_bit(opcode, handling.cdb());
  if (opcode.length > 16 && !has_whole_cdb(handling, opcode)) {
    handling.fail(Sense::invalid_cdb_field(7));
    return true;
  }
  if (wrong < 0) [[likely]]
    return false;
  handling.fail(Sense::invalid_cdb_field(static_cast<uint16_t>(wrong >> 3), wrong & 7));
  return true;
}

// Who may not read may not write either. RELEASE of what another nexus holds does nothing, and is GOOD (SPC-2 5.5.1).
bool is_kept_out(const LunState& lun, const Opcode& opcode) {
  if (lun.kept_out_wholly) return !opcode.has(past_attention) && opcode.handler != &release_unit;
  if (opcode.has(writes) || opcode.has(alters)) return true;
  return opcode.has(shares) && lun.kept_from_reading;
}

// SAM-5 4.7.1 and SPC-4 clause 8: a LUN with nothing behind it, and the REPORT LUNS well known logical unit.
void dispatch_without_unit(Handling handling, const Opcode* opcode, bool known) {
  const bool well_known_unit = handling.lun().well_known;
  const bool allowed = opcode != nullptr && opcode->has(well_known_unit ? well_known : anywhere);
  if (!allowed) {
    if (!well_known_unit)
      return handling.fail(Sense::of(SenseKey::illegal_request, 0x2500));  // LOGICAL UNIT NOT SUPPORTED
    return handling.fail(opcode != nullptr ? invalid_opcode() : not_found(handling.cdb(), known));
  }
  if (refuse_reserved_bits(handling, *opcode)) return;
  if (asks_for_allegiance(handling.cdb()))  // NORMACA is of units alone
    return handling.fail(Sense::invalid_cdb_field(static_cast<uint16_t>(opcode->length - 1), 2));
  opcode->handler(handling);
}

// True if the task has ended, or is held: what reaches the unit is decided before who may use it.
bool keep_back(Handling handling, const Opcode& opcode) {
  const LunState& lun = handling.lun();
  if (!unit::allows(lun.access, opcode.access_need())) {
    hold_or_refuse(handling);
    return true;
  }
  if (!(lun.kept_from_writing || lun.kept_out_wholly) || !is_kept_out(lun, opcode)) return false;
  handling.fail_status(ScsiStatus::reservation_conflict);
  return true;
}

}  // namespace

void dispatch(Handling handling) {
  LunState& lun = handling.lun();
  bool known = false;
  const Opcode* opcode = find_opcode(handling.cdb()[0], service_action_of(handling.cdb()), known, lun.kind);
  if (opcode != nullptr) handling.begin(*opcode);
  if (lun.unit == nullptr) [[unlikely]]
    return dispatch_without_unit(handling, opcode, known);
  if (lun.is_device && pass_through(handling)) [[unlikely]]
    return;
  if (!lun.attentions.empty() && (opcode == nullptr || !opcode->has(past_attention))) [[unlikely]] {
    // SPC-4 7.5.8: interlocked, it stays until REQUEST SENSE has told it.
    const bool stays =
        lun.state->attention_interlock.load(std::memory_order_relaxed) != AttentionInterlock::none;
    return handling.fail(sense_of(stays ? lun.attentions.front() : lun.attentions.pop()));
  }
  if (opcode == nullptr) return handling.fail(not_found(handling.cdb(), known));
  if ((opcode->flags & (thin | atomic | steers_access | keyed)) != 0 && !is_supported(handling, *opcode))
      [[unlikely]]
    return handling.fail(opcode->has(keyed) ? not_found(handling.cdb(), true) : invalid_opcode());
  if (refuse_reserved_bits(handling, *opcode)) return;
  go_on(handling);
}

void go_on(Handling handling) {
  const LunState& lun = handling.lun();
  const Opcode& opcode = handling.opcode();
  if (lun.restrained && keep_back(handling, opcode)) [[unlikely]]
    return;
  if (lun.state->rewrite.phase() != Rewriting::Phase::idle) [[unlikely]] {
    const Sense refusal = refused_by_rewrite(*lun.state, opcode);
    if (refusal.key != SenseKey::no_sense) return handling.fail(refusal);
  }
  if (opcode.has(medium) && !lun.state->ready()) return handling.fail(readiness(*lun.state));
  if (opcode.has(writes)) {
    const Sense protection = write_protection(lun);
    if (protection.key != SenseKey::no_sense) return handling.fail(protection);
  }
  opcode.handler(handling);
}

bool is_supported(Handling handling, const Opcode& opcode) {
  if (opcode.has(thin)) return is_thin(handling.unit());
  if (opcode.has(atomic)) return atomic_limits(handling.unit()).most_blocks != 0;
  if (opcode.has(keyed)) return handling.unit().limits().erasable_key;
  return !opcode.has(steers_access) || handling.state().access()->explicit_changes;
}

bool is_thin(unit::LogicalUnit& unit) {
  const unit::Geometry geometry = unit.geometry();
  // A store that was opened for reading discards nothing, but its volume is no less thin: UNMAP then meets the protection.
  return geometry.thin && (geometry.read_only || unit.limits().discard_granularity_bytes != 0);
}

Sense readiness(const UnitState& state) {
  const Sense rewriting = rewrite_sense(state);
  if (rewriting.key != SenseKey::no_sense) return rewriting;
  if (state.ejected.load(std::memory_order_relaxed))  // MEDIUM NOT PRESENT, for a drive: - TRAY OPEN
    return Sense::of(SenseKey::not_ready, state.has_tray.load(std::memory_order_relaxed) ? 0x3a02 : 0x3a00);
  if (state.no_medium.load(std::memory_order_relaxed))
    return Sense::of(SenseKey::not_ready, 0x3a01);  // MEDIUM NOT PRESENT - TRAY CLOSED
  if (state.stopped.load(std::memory_order_relaxed))
    return Sense::of(SenseKey::not_ready, 0x0402);  // START UNIT REQUIRED
  return {};
}

Sense write_protection(const LunState& lun) {
  if (lun.read_only || lun.unit->geometry().read_only) return Sense::of(SenseKey::data_protect, 0x2700);
  if (lun.state->software_write_protect.load(std::memory_order_relaxed))
    return Sense::of(SenseKey::data_protect, 0x2702);
  return {};
}

}  // namespace ashlar::scsi
