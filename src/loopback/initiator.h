// A transport with no network: a host in the same process that sends CDBs to a nexus and keeps the answers.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "loop/task.h"
#include "scsi/nexus_state.h"

namespace ashlar::loopback {

/// How a command ended. Plain data.
struct Answer {
  bool aborted = false;  ///< no answer: a task management function or the end of the nexus took it
  scsi::ScsiStatus status = scsi::ScsiStatus::good;
  scsi::Sense sense;  ///< valid with check_condition
  bool descriptor_sense = false;
  std::vector<uint8_t> data;  ///< data-in, cut to the room that was offered
  int64_t residual = 0;       ///< bytes: above 0 the host offered more than was moved, below 0 less

  bool good() const { return !aborted && status == scsi::ScsiStatus::good; }
  /// "GOOD", "5/24/00", "status 28" or "aborted".
  std::string text() const;
};

/// A command before it is sent.
struct Request {
  std::vector<uint8_t> cdb;  ///< 6, 10, 12 or 16 bytes
  uint16_t lun = 0;
  std::vector<uint8_t> data_out;
  uint32_t data_in_room = 0;
  scsi::TaskAttribute attribute = scsi::TaskAttribute::simple;
};

/// The host's end of one nexus, on the nexus's shard. Allocates: for tests and for commands of our own, not for traffic.
/// All commands must have been answered before it dies (close the nexus first).
class Initiator {
 public:
  explicit Initiator(scsi::NexusState& nexus) : nexus_(nexus) {}
  ~Initiator();
  Initiator(const Initiator&) = delete;
  Initiator& operator=(const Initiator&) = delete;

  /// Sends; `done` is called once, never inside this call. Gives the tag that ABORT TASK names.
  uint64_t send(Request request, std::move_only_function<void(Answer)> done);
  /// Sends, and gives the answer to the awaiting story.
  loop::Task<Answer> command(Request request);
  loop::Task<scsi::TaskManagementResponse> manage(scsi::TaskManagement function, uint16_t lun,
                                                  uint64_t tag = 0);
  size_t in_flight() const { return in_flight_; }

 private:
  class Command;
  scsi::NexusState& nexus_;
  uint64_t next_tag_ = 1;
  size_t in_flight_ = 0;
};

}  // namespace ashlar::loopback
