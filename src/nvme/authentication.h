// The controller's half of DH-HMAC-CHAP on one queue (NVMe base 2.0 8.13.5). Pure: randomness and time come from the caller, and
// exponentiations are the caller's work.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/dhchap.h"
#include "loop/time.h"
#include "unit/host_view.h"
#include "wire/nvme_authentication.h"

namespace ashlar::nvme {

/// Fills the span with bytes that nobody can guess (Loop::random).
using RandomSource = std::function<void(std::span<uint8_t>)>;

/// A transaction after the other: AUTH_Negotiate begins one at any time. Messages come in by apply(), the answers are asked for
/// by answer(). After a failure was told, nothing more is.
class Authentication {
 public:
  /// `host` and `subsystem`: NQNs.
  Authentication(std::string host, std::string subsystem, RandomSource random);
  ~Authentication() { forget(); }

  struct Step {
    /// To be run before anything else; what comes of it goes to computed().
    std::optional<DhExponentiation> work;
    bool proof_failed = false;  ///< a guess: it counts against its source
    bool over = false;          ///< the host gave up: nothing is left to be said
    bool proved = false;        ///< the host is who it says, from now on
  };
  /// What the host sent. `view` (may be null, and without credentials) is held as long as the transaction lasts, so that no secret
  /// is copied; `held_back`: how long its source must still wait before it may try.
  Step apply(ConstBytes message, std::shared_ptr<const unit::HostView> view, loop::Nanoseconds held_back);
  Step computed(Result<std::vector<uint8_t>> value);

  struct Answer {
    std::vector<uint8_t> message;
    bool proved = false;
    bool failed = false;  ///< the queue ends after it
  };
  /// What the host is to hear, once. None: it is not its turn to listen.
  std::optional<Answer> answer();
  /// Something is under way that has to come to its end.
  bool under_way() const { return state_ != State::idle && state_ != State::over; }
  bool failed() const { return state_ == State::failure_ready || state_ == State::over; }
  /// Why it failed, for people. No challenge, response or key is in it.
  const std::string& reason() const { return reason_; }
  /// "none" before the first proof; "mutual DH-HMAC-CHAP sha-256 ffdhe3072".
  const std::string& text() const { return text_; }

 private:
  enum class State : uint8_t {
    idle,  ///< no transaction, or the last one went well
    computing_value,
    challenge_ready,
    awaiting_reply,
    computing_session,
    success_ready,
    awaiting_success2,
    failure_ready,
    over,
  };
  Step hold_back(loop::Nanoseconds span);
  Step negotiate(ConstBytes message, loop::Nanoseconds held_back);
  Step take_reply(ConstBytes message);
  Step verify();
  Step fail(wire::nvme::AuthenticationFailure why, std::string reason);
  Step prove();
  void forget();
  bool choose(const wire::nvme::AuthenticationNegotiate& offered);
  const unit::DhchapCredentials& credentials() const { return *view_->dhchap; }
  DhchapProof proof(ConstBytes challenge, uint32_t sequence) const;
  std::vector<uint8_t> challenge_message();

  const std::string host_, subsystem_;
  RandomSource random_;
  State state_ = State::idle;
  std::shared_ptr<const unit::HostView> view_;  // with credentials, while under way
  uint16_t transaction_ = 0;
  DhchapHash hash_ = DhchapHash::sha256;
  DhchapGroup group_ = DhchapGroup::null;
  uint32_t sequence_ = 0;                          // S1
  std::vector<uint8_t> challenge_;                 // C1
  std::vector<uint8_t> secret_, value_, session_;  // x, g^x and g^xy
  wire::nvme::DhchapReply reply_;
  std::vector<uint8_t> response_;  // R2; empty: not asked for
  wire::nvme::AuthenticationFailure failure_ = wire::nvme::AuthenticationFailure::failed;
  std::string reason_, text_ = "none";
};

}  // namespace ashlar::nvme
