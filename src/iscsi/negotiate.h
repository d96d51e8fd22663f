// Text negotiation: every key of RFC 7143 section 13 is one row of one table. Pure: pairs in, answers and parameters out.
#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "iscsi/directory.h"
#include "wire/iscsi_text.h"

namespace ashlar::iscsi {

/// How the result of a key comes about (RFC 7143 6.2).
enum class KeyKind : uint8_t {
  declared_text,  ///< the sender says it, nobody answers; who needs it finds it in the pairs
  declared_number,  ///< the same with a range; out of it the negotiation fails, as there is no answer to reject it with
  boolean_and,
  boolean_or,
  minimum,
  maximum,
  list,        ///< the first item of the initiator's list that we take
  security,    ///< AuthMethod and the keys of CHAP: the login's business (RFC 7143 12)
  inquiry,     ///< SendTargets: the text exchange's business
  refused_no,  ///< obsolete markers: "No" (RFC 7143 13.25)
  refused,     ///< obsolete marker intervals: "Reject"
};

/// When a key may come, as bits.
enum KeyPhase : uint8_t {
  in_security = 1,
  in_operational = 2,
  in_full_feature = 4,
};

/// What was agreed, beginning with the defaults of RFC 7143 section 13.
struct SessionParameters {
  bool header_digest = false;
  bool data_digest = false;
  uint32_t max_connections = 1;
  bool initial_r2t = true;
  bool immediate_data = true;
  uint32_t max_receive_data_segment_bytes = 8192;  ///< ours: no data segment from the host may be longer
  uint32_t initiator_max_receive_data_segment_bytes =
      8192;  ///< the host's: no data segment to it may be longer
  uint32_t max_burst_bytes = 262144;
  uint32_t first_burst_bytes = 65536;  ///< never above max_burst_bytes
  uint32_t default_time2wait_seconds = 2;
  uint32_t default_time2retain_seconds = 20;
  uint32_t max_outstanding_r2t = 1;
  bool data_pdu_in_order = true;
  bool data_sequence_in_order = true;
  uint32_t error_recovery_level = 0;
  uint32_t protocol_level = 1;
  std::string task_reporting = "RFC3720";
  bool operator==(const SessionParameters&) const = default;
};

struct KeyRow {
  std::string_view name;
  KeyKind kind;
  uint8_t phases;             ///< KeyPhase bits
  bool from_initiator;        ///< else only a target may send it
  bool leading_only = false;  ///< only on the first connection of a session
  bool irrelevant_in_discovery = false;
  uint32_t lowest = 0, highest = 0;
  uint32_t SessionParameters::* number = nullptr;
  bool SessionParameters::* flag = nullptr;
  uint32_t (*number_wish)(const Settings&) = nullptr;
  bool (*flag_wish)(const Settings&) = nullptr;
  /// list: takes the item into the parameters, or says that we do not support it.
  bool (*choose)(const Settings&, std::string_view item, SessionParameters&) = nullptr;
};

/// All keys of RFC 7143 section 13 and the CHAP keys of section 12.
std::span<const KeyRow> key_table();
/// The row of that name, or null: answer NotUnderstood. Names are case-sensitive (RFC 7143 6.1).
const KeyRow* find_key(std::string_view name);

/// Where a negotiation stands when pairs arrive.
struct Situation {
  KeyPhase phase = in_operational;
  bool discovery = false;
  bool leading = true;  ///< false for a connection that is added to a session
};

/// One negotiation: the whole login of a connection, or one text exchange of full feature phase. A key may come once in it.
class Negotiation {
 public:
  /// `settings` outlives it; `parameters` are what is in force before it.
  explicit Negotiation(const Settings& settings, SessionParameters parameters = {})
      : settings_(settings), parameters_(std::move(parameters)) {}

  /// For a connection that joins a session: what the session agreed on stands, what is a connection's own (digests, data
  /// segment lengths) begins with its defaults.
  void join(const SessionParameters& session);
  /// Takes the pairs of one complete text in order and writes the answers they need. Errors (protocol_error, the key is the
  /// place): a key came twice, in the wrong phase, from the wrong side, or declared a value out of range. Security and
  /// inquiry keys are checked for that and otherwise left to the caller.
  Result<void> apply(const wire::iscsi::TextPairs& pairs, const Situation& situation,
                     wire::iscsi::TextWriter& answer);
  /// Declares our MaxRecvDataSegmentLength, once per negotiation; it is in force from then on.
  void declare(wire::iscsi::TextWriter& answer);
  const SessionParameters& parameters() const { return parameters_; }

 private:
  Result<void> take(const wire::iscsi::TextPair& pair, const Situation& situation,
                    wire::iscsi::TextWriter& answer);
  Result<void> negotiate(const KeyRow& row, std::string_view value, wire::iscsi::TextWriter& answer);
  Result<void> take_number(const KeyRow& row, std::string_view value, wire::iscsi::TextWriter& answer);
  void take_flag(const KeyRow& row, std::string_view value, wire::iscsi::TextWriter& answer);
  void take_list(const KeyRow& row, std::string_view value, wire::iscsi::TextWriter& answer);
  uint32_t agreed_number(const KeyRow& row, uint32_t offered) const;

  const Settings& settings_;
  SessionParameters parameters_;
  std::set<std::string, std::less<>> seen_;  ///< bounded by who bounds the text
  bool first_burst_agreed_ = false;
  bool declared_ = false;
};

}  // namespace ashlar::iscsi
