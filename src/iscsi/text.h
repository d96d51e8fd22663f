// Text requests of full feature phase: SendTargets and the keys that may change there (RFC 7143 4.3, 11.10, 11.11, Appendix C).
#pragma once

#include <memory>
#include <string>

#include "iscsi/directory.h"
#include "iscsi/negotiate.h"
#include "wire/iscsi_pdu.h"

namespace ashlar::iscsi {

/// Who asks, and by which way he came in.
struct TextAsker {
  std::string initiator;
  std::shared_ptr<const Target> target;  ///< of a normal session; null: a discovery session
  Portal portal;
  loop::Endpoint local;
  loop::Endpoint peer;
};

/// What one text request leads to: a response with `text` as its data segment, or a Reject.
struct TextOutcome {
  /// All but StatSN, ExpCmdSN, MaxCmdSN; its length and tags are set.
  wire::iscsi::TextResponse response;
  std::string text;
  bool rejected = false;  ///< send a Reject of `reject_reason` instead; the exchange is forgotten
  wire::iscsi::RejectReason reject_reason = wire::iscsi::RejectReason::protocol_error;
  std::string reason;  ///< for the log, when rejected
};

/// The text exchanges of one connection, one at a time. Pure; not thread safe.
class TextExchange {
 public:
  explicit TextExchange(TextAsker asker) : asker_(std::move(asker)) {}

  /// Takes a request and its data segment. `parameters` are the session's: an answer is cut to the host's
  /// MaxRecvDataSegmentLength, and a new value that the host declares is put there.
  TextOutcome apply(const Directory& directory, const wire::iscsi::TextRequest& request, ConstBytes data,
                    SessionParameters& parameters);
  /// A text exchange waits for the host to go on.
  bool open() const { return tag_ != wire::iscsi::reserved_task_tag; }

 private:
  Result<void> gather(const wire::iscsi::TextRequest& request, ConstBytes data);
  Result<void> take_text(const Directory& directory, SessionParameters& parameters);
  TextOutcome respond(const wire::iscsi::TextRequest& request, uint32_t room);
  TextOutcome reject(wire::iscsi::RejectReason reason, std::string why);
  void forget();

  TextAsker asker_;
  uint32_t tag_ = wire::iscsi::reserved_task_tag;  ///< target transfer tag that the host must use to go on
  uint32_t next_tag_ = 1;
  uint32_t initiator_task_tag_ = wire::iscsi::reserved_task_tag;
  std::string input_;
  uint32_t input_pdus_ = 0;
  std::string output_;
};

/// The answer to SendTargets=`wanted` ("All", a name, or empty) for that asker: TargetName and TargetAddress lines of what it
/// may see; "SendTargets=Reject" for what its kind of session may not ask (RFC 7143 Appendix C).
void send_targets(const Directory& directory, const TextAsker& asker, std::string_view wanted,
                  wire::iscsi::TextWriter& answer);

}  // namespace ashlar::iscsi
