#include "initiator/disposition.h"

#include <fmt/format.h>

#include <algorithm>

namespace ashlar::initiator {

using block::Status;
using loop::milliseconds;

namespace {

// It had begun.
Disposition begun(Disposition sorted) {
  sorted.maybe_done = true;
  return sorted;
}

constexpr loop::Nanoseconds short_pause = milliseconds(20), usual_pause = milliseconds(200);

Disposition again(std::string_view cause, loop::Nanoseconds pause, bool look = false) {
  return {.verdict = Verdict::retry_here,
          .status = Status::aborted,
          .look_again = look,
          .pause = pause,
          .cause = cause};
}
Disposition elsewhere(std::string_view cause, bool closed) {
  return {.verdict = Verdict::retry_elsewhere,
          .status = Status::aborted,
          .look_again = closed,
          .closed = closed,
          .pause = usual_pause,
          .cause = cause};
}
Disposition failed(std::string_view cause, Status status, bool look = false) {
  return {.verdict = Verdict::fail, .status = status, .look_again = look, .cause = cause};
}

// SPC-4 table 54 (ASC 04h): why the unit is not ready.
Disposition of_not_ready(uint16_t code) {
  switch (code) {
    case 0x040a: return elsewhere("the unit changes its access state", true);
    case 0x040b: return elsewhere("the path is in standby", true);
    case 0x040c: return elsewhere("the path is unavailable", true);
    case 0x0402:
    case 0x0403: return elsewhere("the unit must be started by hand", false);
    case 0x3a00:
    case 0x3a01:
    case 0x3a02: return failed("there is no medium", Status::medium_error);
    default: return again("the unit is becoming ready", usual_pause);
  }
}

Disposition of_attention(uint16_t code) {
  const bool tells_of_change = code >> 8 == 0x2a || code >> 8 == 0x3f || code == 0x2800;
  return again("a unit attention", loop::Nanoseconds(0), tells_of_change);
}

Disposition of_sense(SenseCode sense) {
  switch (sense.key) {
    case 0x0:
    case 0x1: return {.cause = "recovered"};
    case 0x2: return of_not_ready(sense.code);
    case 0x3: return failed("the medium is bad there", Status::medium_error);
    case 0x4: return begun(elsewhere("a hardware error", false));
    case 0x5:
      if (sense.code == 0x2500) return elsewhere("there is no such unit by this path", true);
      return failed("the request is refused", Status::medium_error, sense.code == 0x2100);
    case 0x6: return of_attention(sense.code);
    case 0x7:
      return failed("the unit is write protected, or full",
                    sense.code == 0x2707 ? Status::no_space : Status::medium_error, true);
    case 0xb: return begun(again("the command was aborted", short_pause));
    default: return failed("an error", Status::medium_error);
  }
}

// SAM-5 table 29.
Disposition of_status(uint8_t status, SenseCode sense) {
  switch (status) {
    case 0x00:
    case 0x04: return {};
    case 0x02: return of_sense(sense);
    case 0x08: return again("the unit is busy", usual_pause);
    case 0x18: return failed("a reservation conflict", Status::medium_error);
    case 0x28: return again("the task set is full", short_pause);
    case 0x30: return again("an auto contingent allegiance is there", usual_pause);
    case 0x40: return begun(again("another host aborted the command", short_pause));
    default: return failed("an unknown status", Status::medium_error);
  }
}

}  // namespace

std::string Disposition::text() const { return fmt::format("{} ({:08x}h)", cause, code); }

SenseCode sense_code_of(ConstBytes sense) {
  if (sense.size() < 4) return {};
  if ((sense[0] & 0x7f) >= 0x72) return {static_cast<uint8_t>(sense[1] & 0xf), load_be16(&sense[2])};
  return {static_cast<uint8_t>(sense[2] & 0xf), sense.size() > 13 ? load_be16(&sense[12]) : uint16_t{0}};
}

Disposition disposition_of_loss(bool sent) {
  if (sent)
    return {
        .verdict = Verdict::lost, .status = Status::aborted, .cause = "the path was lost before the answer"};
  return {.verdict = Verdict::not_sent, .status = Status::aborted, .cause = "the path was lost"};
}

Disposition disposition_of(Outcome outcome, uint8_t status, ConstBytes sense) {
  switch (outcome) {
    case Outcome::not_sent: return disposition_of_loss(false);
    case Outcome::unknown:
    case Outcome::aborted: return disposition_of_loss(true);
    case Outcome::target_failure: return begun(elsewhere("the target failed inside", false));
    case Outcome::answered: break;
  }
  const SenseCode code = sense_code_of(sense);
  Disposition sorted = of_status(status, code);
  sorted.code = uint32_t{status} << 24 | uint32_t{code.key} << 16 | code.code;
  return sorted;
}

namespace {

// What one controller says another may say otherwise (NVMe base 2.0 figures 94 to 97).
Disposition of_nvme(wire::nvme::Status status, loop::Nanoseconds delay) {
  using enum wire::nvme::Status;
  switch (status) {
    case access_persistent_loss: return elsewhere("the namespace is lost by this path", true);
    case access_inaccessible: return elsewhere("the path is inaccessible", true);
    case access_transition: return elsewhere("the namespace changes its access state", true);
    case internal_path_error: return begun(elsewhere("an error inside of the path", false));
    case internal_error: return begun(elsewhere("an error inside of the controller", false));
    case invalid_namespace: return elsewhere("there is no such namespace by this path", true);
    case reservation_conflict: return failed("a reservation conflict", block::Status::medium_error);
    case capacity_exceeded: return failed("the namespace is full", block::Status::no_space, true);
    case lba_out_of_range:
      return failed("the range is not there any more", block::Status::medium_error, true);
    case write_fault:
    case unrecovered_read_error: return failed("the medium is bad there", block::Status::medium_error);
    case namespace_not_ready:
    case sanitize_in_progress: return again("the namespace is not ready", std::max(delay, usual_pause));
    case command_interrupted:
    case data_transfer_error:
    case abort_requested:
    case aborted_queue_deleted:
    case keep_alive_expired: return begun(again("the command was aborted", std::max(delay, short_pause)));
    default: break;
  }
  // SCT 3h: another path may do better (figure 97); the rest of the unknown is tried again for as long as there is time.
  if (static_cast<unsigned>(status) >> 8 == 3) return begun(elsewhere("an error of the path", false));
  return begun(again("an error", std::max(delay, usual_pause)));
}

}  // namespace

Disposition disposition_of(wire::nvme::Outcome outcome, loop::Nanoseconds retry_delay) {
  if (outcome.ok()) return {};
  Disposition sorted = of_nvme(outcome.status, retry_delay);
  // Do Not Retry binds this controller; a path related status says that another may answer (base 2.0 figure 92, 8.1).
  const bool of_path = static_cast<unsigned>(outcome.status) >> 8 == 3 ||
                       outcome.status == wire::nvme::Status::invalid_namespace;
  if (outcome.do_not_retry && !of_path && sorted.verdict != Verdict::fail)
    sorted = failed("an error that is not to be tried again", block::Status::medium_error);
  sorted.code = outcome.field();
  return sorted;
}

}  // namespace ashlar::initiator
