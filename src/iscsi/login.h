// The login phase of one connection as a pure state machine (RFC 7143 sections 7.3, 11.12, 11.13): a request in, a response out.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "iscsi/chap.h"
#include "iscsi/directory.h"
#include "iscsi/negotiate.h"
#include "loop/time.h"
#include "wire/iscsi_pdu.h"

namespace ashlar::iscsi {

/// What one login request leads to. Send `response` with `text` as its data segment, then look at `finished` and `close`.
struct LoginOutcome {
  /// All but StatSN, ExpCmdSN, MaxCmdSN, which the connection sets. With `finished` the session sets the TSIH too (not 0).
  wire::iscsi::LoginResponse response;
  std::string text;  ///< at most LoginMachine::max_data_segment_bytes; its length is in the response already
  bool finished = false;  ///< full feature phase begins after this response
  bool close = false;     ///< the login failed: close the connection after this response
  /// One line for the log when finished or closed: why it was refused, or who logged in to what and how.
  std::string reason;
};

/// A session that a further connection may join (RFC 7143 6.3.3).
struct Joining {
  uint16_t tsih = 0;
  std::string initiator, target;
  uint16_t portal_group_tag = 0;
  SessionParameters parameters;  ///< of the session; what is a connection's own is agreed on anew
};

/// One per connection, until full feature phase. Knows no socket, clock or session; not thread safe.
class LoginMachine {
 public:
  /// MaxRecvDataSegmentLength of both sides during login (RFC 7143 13.12: the default until full feature phase).
  static constexpr size_t max_data_segment_bytes = 8192;
  /// Requests of one login. Far above what hosts need (2 to 8), so that none can keep it going for ever.
  static constexpr uint32_t max_requests = 64;

  LoginMachine(std::shared_ptr<const Directory> directory, Portal portal, loop::Endpoint local,
               loop::Endpoint peer, RandomSource random);
  LoginMachine(const LoginMachine&) = delete;
  LoginMachine& operator=(const LoginMachine&) = delete;

  /// Takes a request and its data segment (without padding). After `finished` or `close` every further one is refused.
  LoginOutcome apply(const wire::iscsi::LoginRequest& request, ConstBytes data);
  /// A request has been taken.
  bool begun() const { return requests_ > 0; }
  /// Before the first apply(): the session that its TSIH and ISID name.
  void join(Joining joining);
  bool joins() const { return joining_.has_value(); }
  /// How long this source must still wait because proofs of its failed; set before each apply(). A login that needs a proof
  /// is then refused as "service unavailable", which hosts try again.
  void hold_back(loop::Nanoseconds span) { held_back_ = span; }

  /// The login ended because a proof of the host's was wrong.
  bool proof_failed() const { return proof_failed_; }

  // What was agreed; valid after `finished`.
  bool discovery() const { return discovery_; }
  const std::string& initiator() const { return initiator_; }              ///< lower-cased
  const std::string& initiator_alias() const { return initiator_alias_; }  ///< may be empty
  const std::array<uint8_t, 6>& isid() const { return isid_; }
  uint16_t connection_id() const { return connection_id_; }
  /// Null for discovery.
  const std::shared_ptr<const Target>& target() const { return target_; }
  const std::shared_ptr<const unit::HostView>& view() const { return view_; }
  /// Of the portal that the host came in by; 0 for discovery.
  uint16_t portal_group_tag() const { return portal_group_tag_; }
  const SessionParameters& parameters() const { return negotiation_.parameters(); }
  /// "none", "CHAP SHA-256", "mutual CHAP MD5".
  std::string authentication() const { return chap_ ? chap_->text() : "none"; }
  const Portal& portal() const { return portal_; }
  const loop::Endpoint& local() const { return local_; }
  const loop::Endpoint& peer() const { return peer_; }

 private:
  using Stage = wire::iscsi::LoginStage;
  using Status = wire::iscsi::LoginStatus;
  /// Why a login ends: the status for the host and the words for the log.
  struct Refusal {
    Status status;
    std::string reason;
    std::string redirect = {};  ///< TargetAddress, with class 1
  };
  using Verdict = std::optional<Refusal>;

  Verdict step(const wire::iscsi::LoginRequest& request, ConstBytes data);
  Verdict check_request(const wire::iscsi::LoginRequest& request, ConstBytes data) const;
  Verdict check_stages(const wire::iscsi::LoginRequest& request) const;
  Verdict begin(const wire::iscsi::LoginRequest& request);
  Verdict gather(const wire::iscsi::LoginRequest& request, ConstBytes data);
  Verdict take_text(const wire::iscsi::LoginRequest& request);
  Verdict identify(const wire::iscsi::TextPairs& pairs, wire::iscsi::TextWriter& answer);
  Verdict check_joining() const;
  Verdict find_target(std::string_view name);
  void find_discovery_views();
  Verdict take_security(const wire::iscsi::TextPairs& pairs, wire::iscsi::TextWriter& answer);
  Verdict choose_method(std::string_view offered, wire::iscsi::TextWriter& answer);
  Verdict check_transit(const wire::iscsi::LoginRequest& request) const;
  LoginOutcome respond(const wire::iscsi::LoginRequest& request);
  LoginOutcome refuse(const wire::iscsi::LoginRequest& request, Refusal refusal);
  bool authenticated() const { return chap_ ? chap_->done() : !authentication_required_; }
  std::string who() const;
  std::string success_text() const;

  std::shared_ptr<const Directory> directory_;
  Portal portal_;
  loop::Endpoint local_;
  loop::Endpoint peer_;
  RandomSource random_;
  Negotiation negotiation_;

  bool over_ = false;
  uint32_t requests_ = 0;
  std::optional<Stage> stage_;  ///< none before the first request
  bool identified_ = false;     ///< the first complete text was taken
  std::string input_;           ///< text gathered over requests with the C bit
  uint32_t input_pdus_ = 0;
  std::string output_;  ///< text not sent yet

  std::array<uint8_t, 6> isid_{};
  uint16_t tsih_ = 0;  ///< 0: a new session
  uint16_t connection_id_ = 0;
  bool discovery_ = false;
  std::string initiator_, initiator_alias_;
  std::shared_ptr<const Target> target_;
  std::shared_ptr<const unit::HostView> view_;
  uint16_t portal_group_tag_ = 0;
  bool authentication_required_ = false;
  std::vector<std::shared_ptr<const unit::HostView>> credential_views_;  ///< views with CHAP credentials
  std::optional<ChapTarget> chap_;
  std::optional<Joining> joining_;
  loop::Nanoseconds held_back_{};
  bool proof_failed_ = false;
};

}  // namespace ashlar::iscsi
