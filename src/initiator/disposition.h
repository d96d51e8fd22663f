// What an answer means for a command that may go by several paths: over, again here, again elsewhere, or failed. Pure: the one
// place where statuses and sense of SCSI and the statuses of NVMe are sorted.
#pragma once

#include <cstdint>
#include <string>

#include "block/request.h"
#include "initiator/command.h"
#include "loop/time.h"
#include "wire/nvme_status.h"

namespace ashlar::initiator {

enum class Verdict : uint8_t {
  done,
  retry_here,       ///< the same path will do, after `pause`
  retry_elsewhere,  ///< this path will not do now
  fail,             ///< with `status`: no path would do better
  not_sent,         ///< no byte of it left: any path, at once
  lost,             ///< the connection died before the answer: it may be done, and it may still be done later
};

struct Disposition {
  Verdict verdict = Verdict::done;
  block::Status status = block::Status::ok;  ///< of fail, and of a command whose time runs out
  bool look_again = false;                   ///< access state, size or identity may have changed
  bool maybe_done = false;                   ///< over, and some of it may have been done
  bool closed = false;                       ///< the path is not to be used until it was looked at again
  loop::Nanoseconds pause{0};
  uint32_t code = 0;              ///< SCSI: status << 24 | key << 16 | ASC << 8 | ASCQ; NVMe: status field
  std::string_view cause = "ok";  ///< for people

  bool done() const { return verdict == Verdict::done; }
  /// "the unit is in transition (02020a)"
  std::string text() const;
};

/// Of a command that a session has ended. `sense` as received.
Disposition disposition_of(Outcome outcome, uint8_t status, ConstBytes sense);
/// Of a completion of an I/O command. `retry_delay`: what CRD stands for with this controller.
Disposition disposition_of(wire::nvme::Outcome outcome, loop::Nanoseconds retry_delay);
/// Of a command whose queue was lost; `sent`: some of it may have left.
Disposition disposition_of_loss(bool sent);

/// Sense data of both formats (SPC-4 4.5).
struct SenseCode {
  uint8_t key = 0;
  uint16_t code = 0;  ///< ASC << 8 | ASCQ
};
SenseCode sense_code_of(ConstBytes sense);

}  // namespace ashlar::initiator
