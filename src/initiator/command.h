// A SCSI command as the host sends it: filled by the caller, carried by a Session, completed once.
#pragma once

#include <sys/uio.h>

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/check.h"
#include "base/intrusive_list.h"
#include "loop/ready.h"
#include "wire/iscsi_pdu.h"

namespace ashlar::initiator {

/// How a command ended. Only `answered` says what the target did; after `unknown`, `aborted` and `target_failure` a write may
/// or may not be on the medium, now or a little later.
enum class Outcome : uint8_t {
  answered,        ///< status, sense and residual are the target's
  target_failure,  ///< iSCSI response "target failure" (RFC 7143 11.4.3)
  aborted,         ///< a task management function of this session ended it: no answer will come
  not_sent,        ///< no byte of it left: the session was closed, or the queue was full
  unknown,         ///< the connection died before the answer
};
std::string_view name_of(Outcome outcome);

/// Residual of RFC 7143 11.4.5: the CDB asked for less (underflow) or more (overflow) than was announced.
enum class Residual : uint8_t { none, underflow, overflow };

struct CommandTag;
struct SolicitedTag;

/// Intrusive and pooled by the caller, on the session's loop. Fill the first part, Session::submit(), wait for `done`: once,
/// from the ready list, never inside submit(). Everything it points at stays alive and untouched until then. Reusable after.
class Command final : public loop::Ready, public ListNode<CommandTag>, public ListNode<SolicitedTag> {
 public:
  using Done = void (*)(Command&);
  static constexpr size_t max_pieces = 256;       ///< of data_out or data_in
  static constexpr size_t max_sense_bytes = 252;  ///< SPC-4 4.5.1
  static constexpr size_t max_outstanding_r2t = 16;

  // Filled by the caller. A command moves data one way at most (no bidirectional CDBs).
  std::array<uint8_t, 16> cdb{};
  std::array<uint8_t, 8> lun{};
  wire::iscsi::TaskAttribute attribute = wire::iscsi::TaskAttribute::simple;
  bool immediate = false;           ///< I bit: past the command window, not ordered by CmdSN
  std::span<const iovec> data_out;  ///< to the target; its sum is the expected data transfer length
  std::span<const iovec> data_in;   ///< from the target; likewise
  Done done = nullptr;
  void* owner = nullptr;

  // Valid when done.
  Outcome outcome = Outcome::unknown;
  uint8_t status = 0;  ///< SAM-5 status, with Outcome::answered
  Residual residual = Residual::none;
  uint32_t residual_bytes = 0;
  uint32_t received_bytes = 0;  ///< data-in that arrived, from the beginning of data_in
  ConstBytes sense() const { return {sense_.data(), sense_bytes_}; }
  bool good() const { return outcome == Outcome::answered && status == 0; }

  Command() = default;
  ~Command() { CHECK(state_ == State::idle, "a command was destroyed in flight: {}", describe()); }
  bool in_flight() const { return state_ != State::idle; }
  /// "2a 1048576 bytes out, ITT 00010003": what a log line says.
  std::string describe() const;

 private:
  friend class Session;
  enum class State : uint8_t {
    idle,
    waiting,     // not sent yet
    sent,        // the target has it, or is being sent it
    lingering,   // answered, but the batch under way still points at its data
    completing,  // on the ready list
  };
  struct PendingR2t {
    uint32_t target_transfer_tag;
    uint32_t offset;
    uint32_t length;
    uint32_t sent;
    uint32_t data_sn;
  };
  void run() override {
    state_ = State::idle;
    done(*this);
  }
  /// Clears what the last use left.
  void begin();

  State state_ = State::idle;
  bool in_batch_ = false;  // the batch under way points at data_out
  uint8_t sense_bytes_ = 0;
  uint8_t r2t_count_ = 0;  // of r2ts_, oldest first
  uint32_t initiator_task_tag_ = wire::iscsi::reserved_task_tag;
  uint32_t cmd_sn_ = 0;
  uint64_t order_ = 0;  // of sending; immediate commands share a CmdSN, so that does not tell
  uint32_t expected_bytes_ = 0;
  uint32_t unsolicited_bytes_ = 0;  // of data_out, immediate ones included, sent or to be sent without R2T
  uint32_t unsolicited_sent_ = 0;
  uint32_t unsolicited_data_sn_ = 0;
  uint32_t asked_bytes_ = 0;     // of data_out: unsolicited and asked for by R2T
  uint32_t r2t_sn_ = 0;          // of the next R2T
  uint32_t data_sn_ = 0;         // of the next Data-In
  uint32_t sequence_bytes_ = 0;  // of the Data-In sequence under way
  std::array<PendingR2t, max_outstanding_r2t> r2ts_;
  std::array<uint8_t, max_sense_bytes> sense_;
};

}  // namespace ashlar::initiator
