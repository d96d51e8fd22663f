// An I/O command as the host sends it over NVMe/TCP: filled by the caller, carried by an NvmeSession, completed once.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <span>

#include "base/check.h"
#include "base/intrusive_list.h"
#include "initiator/command.h"
#include "loop/ready.h"
#include "wire/nvme_command.h"

namespace ashlar::initiator {

struct NvmeCommandTag;
struct NvmeTransferTag;

/// Intrusive and pooled by the caller, on the session's loop. Fill the first part, NvmeSession::submit(), wait for `done`: once,
/// from the ready list, never inside submit(). Everything it points at stays alive and untouched until then. Reusable after.
class NvmeCommand final : public loop::Ready,
                          public ListNode<NvmeCommandTag>,
                          public ListNode<NvmeTransferTag> {
 public:
  using Done = void (*)(NvmeCommand&);

  // Filled by the caller. A command moves data one way at most.
  wire::nvme::Submission entry;     ///< less command id and data descriptor, which the session fills in
  std::span<const iovec> data_out;  ///< to the controller; at most Command::max_pieces
  std::span<const iovec> data_in;   ///< from the controller; likewise
  Done done = nullptr;
  void* owner = nullptr;

  // Valid when done.
  Outcome outcome = Outcome::unknown;  ///< answered, not_sent or unknown
  wire::nvme::Completion completion;   ///< with Outcome::answered
  uint32_t received_bytes = 0;         ///< that arrived, from the beginning of data_in
  bool good() const { return outcome == Outcome::answered && completion.outcome.ok(); }

  NvmeCommand() = default;
  ~NvmeCommand() { CHECK(state_ == State::idle, "an NVMe command was destroyed in flight"); }
  bool in_flight() const { return state_ != State::idle; }

 private:
  friend class NvmeSession;
  enum class State : uint8_t {
    idle,
    waiting,     // not sent yet
    sent,        // the controller has it, or is being sent it
    lingering,   // answered, but the batch under way still points at its data
    completing,  // on the ready list
  };
  void run() override {
    state_ = State::idle;
    done(*this);
  }
  void begin();

  State state_ = State::idle;
  bool in_batch_ = false;  // the batch under way points at data_out
  uint16_t slot_ = 0;
  uint32_t expected_bytes_ = 0;
  // The R2T under way (MAXR2T is one).
  uint16_t transfer_tag_ = 0;
  uint32_t asked_offset_ = 0, asked_bytes_ = 0, given_bytes_ = 0;
};

}  // namespace ashlar::initiator
