// TEST UNIT READY, REQUEST SENSE, START STOP UNIT and PREVENT ALLOW MEDIUM REMOVAL.
#include "scsi/handlers.h"

namespace ashlar::scsi {
namespace {

// SPC-4 6.39: a pending unit attention is told (and cleared), else why the unit cannot be reached or is not ready, else NO SENSE.
Sense pollable_sense(LunState& lun) {
  if (lun.unit == nullptr) {
    return lun.well_known ? Sense{}
                          : Sense::of(SenseKey::illegal_request, 0x2500);  // LOGICAL UNIT NOT SUPPORTED
  }
  if (!lun.attentions.empty()) return sense_of(lun.attentions.pop());
  if (!unit::is_active(lun.access)) return sense_of(lun.access);
  return readiness(*lun.state);
}

// SBC-3 5.20: what is in a volatile cache goes to the medium before the unit stops or the medium leaves.
loop::Task<void> flush_and_set(Handling handling, std::atomic<bool>* state) {
  block::Request& request = handling.request(block::Operation::flush, 0, 0);
  UnitWork flush(handling);
  const block::Status status = co_await flush;
  if (status != block::Status::ok) {
    handling.fail(sense_of(status, true, request.offset));
    co_return;
  }
  if (!handling.interrupted()) state->store(true);
  handling.good();
}

void load_medium(Handling handling) {
  UnitState& state = handling.state();
  state.stopped = false;
  if (state.ejected.exchange(false)) tell_medium_changed(handling);
  handling.good();
}

void set_after_flush(Handling handling, std::atomic<bool>& state, bool no_flush) {
  if (!no_flush) return flush_and_set(handling, &state).detach();
  state = true;
  handling.good();
}

}  // namespace

void tell_medium_changed(Handling handling) {
  NexusState& nexus = handling.nexus();
  nexus.domain().raise_everywhere(handling.lun().volume, unit::Attention::medium_changed, &nexus.nexus());
}

void test_unit_ready(Handling handling) { handling.good(); }

void request_sense(Handling handling) {
  const uint8_t* cdb = handling.cdb();
  uint8_t data[max_sense_bytes];
  const size_t length = encode(pollable_sense(handling.lun()), (cdb[1] & 0x01) != 0, data);
  handling.reply({data, length}, cdb[4]);
}

void start_stop_unit(Handling handling) {
  const uint8_t flags = handling.cdb()[4];
  const bool no_flush = (flags & 0x04) != 0;
  const bool load_or_eject = (flags & 0x02) != 0;
  const bool start = (flags & 0x01) != 0;
  UnitState& state = handling.state();
  const bool removable = handling.unit().geometry().removable;
  // SBC-3 table 13: starting is for everybody.
  if ((!start || (flags & 0xf0) != 0) && refuse_reserved(handling)) return;
  // With a POWER CONDITION the other bits are ignored (SBC-3 5.20). Nothing spins here, so each condition is as good as active.
  if ((flags & 0xf0) != 0) return handling.good();
  if (load_or_eject) {
    if (!removable) return handling.fail(Sense::invalid_cdb_field(4, 1));
    if (state.prevents > 0)
      return handling.fail(Sense::of(SenseKey::illegal_request, 0x5302));  // MEDIUM REMOVAL PREVENTED
    return start ? load_medium(handling) : set_after_flush(handling, state.ejected, no_flush);
  }
  if (start) {
    state.stopped = false;
    return handling.good();
  }
  // A removable medium is not stopped, only ejected: hosts (and libiscsi's NoLoej test) expect that it stays in reach.
  if (removable) return handling.good();
  set_after_flush(handling, state.stopped, no_flush);
}

void prevent_allow(Handling handling) {
  LunState& lun = handling.lun();
  if ((handling.cdb()[4] & 0x01) == 0) {
    lun.allow_removal();
  } else if (refuse_reserved(handling)) {
    return;
  } else if (!lun.prevents) {
    lun.prevents = true;
    ++lun.state->prevents;
  }
  handling.good();
}

}  // namespace ashlar::scsi
