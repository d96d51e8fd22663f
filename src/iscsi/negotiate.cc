#include "iscsi/negotiate.h"

#include <algorithm>

namespace ashlar::iscsi {
namespace {

using wire::iscsi::TextPair;
using wire::iscsi::TextPairs;
using wire::iscsi::TextWriter;
using P = SessionParameters;
using S = Settings;

constexpr uint8_t login_only = in_security | in_operational;
constexpr uint8_t any_phase = in_security | in_operational | in_full_feature;
constexpr uint32_t largest_24_bits = 0xffffff;

bool choose_digest(bool enabled, std::string_view item, bool& chosen) {
  if (item == "CRC32C" && enabled)
    chosen = true;
  else if (item == "None")
    chosen = false;
  else
    return false;
  return true;
}

bool choose_header_digest(const S& settings, std::string_view item, P& parameters) {
  return choose_digest(settings.header_digest, item, parameters.header_digest);
}

bool choose_data_digest(const S& settings, std::string_view item, P& parameters) {
  return choose_digest(settings.data_digest, item, parameters.data_digest);
}

// FastAbort (RFC 7143 4.2.3.4) is not taken: other hosts' tasks end by TASK ABORTED status or unit attention here.
bool choose_task_reporting(const S&, std::string_view item, P& parameters) {
  if (item != "RFC3720" && item != "ResponseFence") return false;
  parameters.task_reporting = item;
  return true;
}

KeyRow text_key(std::string_view name, uint8_t phases, bool from_initiator, bool leading_only = false) {
  return {.name = name,
          .kind = KeyKind::declared_text,
          .phases = phases,
          .from_initiator = from_initiator,
          .leading_only = leading_only};
}

KeyRow list_key(std::string_view name, decltype(KeyRow::choose) choose) {
  return {.name = name,
          .kind = KeyKind::list,
          .phases = in_operational,
          .from_initiator = true,
          .choose = choose};
}

// Every boolean and nearly every number of section 13 is leading-only; what is not says so in its row.
KeyRow flag_key(std::string_view name, KeyKind kind, bool P::* flag, bool (*wish)(const S&)) {
  return {.name = name,
          .kind = kind,
          .phases = in_operational,
          .from_initiator = true,
          .leading_only = true,
          .irrelevant_in_discovery = true,
          .flag = flag,
          .flag_wish = wish};
}

struct Range {
  uint32_t lowest, highest;
};

KeyRow number_key(std::string_view name, KeyKind kind, Range range, bool irrelevant_in_discovery,
                  uint32_t P::* number, uint32_t (*wish)(const S&)) {
  return {.name = name,
          .kind = kind,
          .phases = in_operational,
          .from_initiator = true,
          .leading_only = true,
          .irrelevant_in_discovery = irrelevant_in_discovery,
          .lowest = range.lowest,
          .highest = range.highest,
          .number = number,
          .number_wish = wish};
}

KeyRow plain_key(std::string_view name, KeyKind kind, uint8_t phases) {
  return {.name = name, .kind = kind, .phases = phases, .from_initiator = true};
}

// Order and numbers are RFC 7143's: 13.1 to 13.25, then 12.1.
const std::vector<KeyRow>& table() {
  static const std::vector<KeyRow> rows = {
      list_key("HeaderDigest", choose_header_digest),
      list_key("DataDigest", choose_data_digest),
      number_key("MaxConnections", KeyKind::minimum, {1, 65535}, true, &P::max_connections,
                 [](const S& s) -> uint32_t { return s.max_connections_per_session; }),
      plain_key("SendTargets", KeyKind::inquiry, in_full_feature),
      text_key("TargetName", any_phase, true),
      text_key("InitiatorName", login_only, true),
      text_key("TargetAlias", any_phase, false),
      text_key("InitiatorAlias", any_phase, true),
      text_key("TargetAddress", any_phase, false),
      text_key("TargetPortalGroupTag", any_phase, false),
      flag_key("InitialR2T", KeyKind::boolean_or, &P::initial_r2t, [](const S& s) { return s.initial_r2t; }),
      flag_key("ImmediateData", KeyKind::boolean_and, &P::immediate_data,
               [](const S& s) { return s.immediate_data; }),
      {.name = "MaxRecvDataSegmentLength",
       .kind = KeyKind::declared_number,
       .phases = in_operational | in_full_feature,
       .from_initiator = true,
       .lowest = 512,
       .highest = largest_24_bits,
       .number = &P::initiator_max_receive_data_segment_bytes},
      number_key("MaxBurstLength", KeyKind::minimum, {512, largest_24_bits}, true, &P::max_burst_bytes,
                 [](const S& s) { return s.max_burst_bytes; }),
      number_key("FirstBurstLength", KeyKind::minimum, {512, largest_24_bits}, true, &P::first_burst_bytes,
                 [](const S& s) { return s.first_burst_bytes; }),
      // Nothing is kept of a lost connection (ErrorRecoveryLevel 0), so a host need not wait for us nor hurry.
      number_key("DefaultTime2Wait", KeyKind::maximum, {0, 3600}, false, &P::default_time2wait_seconds,
                 [](const S&) -> uint32_t { return 0; }),
      number_key("DefaultTime2Retain", KeyKind::minimum, {0, 3600}, false, &P::default_time2retain_seconds,
                 [](const S&) -> uint32_t { return 0; }),
      number_key("MaxOutstandingR2T", KeyKind::minimum, {1, 65535}, true, &P::max_outstanding_r2t,
                 [](const S& s) -> uint32_t { return s.max_outstanding_r2t; }),
      flag_key("DataPDUInOrder", KeyKind::boolean_or, &P::data_pdu_in_order, [](const S&) { return true; }),
      flag_key("DataSequenceInOrder", KeyKind::boolean_or, &P::data_sequence_in_order,
               [](const S&) { return true; }),
      number_key("ErrorRecoveryLevel", KeyKind::minimum, {0, 2}, false, &P::error_recovery_level,
                 [](const S&) -> uint32_t { return 0; }),
      text_key("SessionType", login_only, true, true),
      {.name = "TaskReporting",
       .kind = KeyKind::list,
       .phases = in_operational,
       .from_initiator = true,
       .leading_only = true,
       .irrelevant_in_discovery = true,
       .choose = choose_task_reporting},
      number_key("iSCSIProtocolLevel", KeyKind::minimum, {0, 31}, true, &P::protocol_level,
                 [](const S&) -> uint32_t { return 1; }),
      text_key("X#NodeArchitecture", any_phase, true, true),
      plain_key("IFMarker", KeyKind::refused_no, in_operational),
      plain_key("OFMarker", KeyKind::refused_no, in_operational),
      plain_key("IFMarkInt", KeyKind::refused, in_operational),
      plain_key("OFMarkInt", KeyKind::refused, in_operational),
      plain_key("AuthMethod", KeyKind::security, in_security),
      plain_key("CHAP_A", KeyKind::security, in_security),
      plain_key("CHAP_I", KeyKind::security, in_security),
      plain_key("CHAP_C", KeyKind::security, in_security),
      plain_key("CHAP_N", KeyKind::security, in_security),
      plain_key("CHAP_R", KeyKind::security, in_security),
  };
  return rows;
}

std::string_view phase_name(KeyPhase phase) {
  switch (phase) {
    case in_security: return "security negotiation";
    case in_operational: return "operational negotiation";
    case in_full_feature: return "full feature phase";
  }
  return "this phase";
}

}  // namespace

std::span<const KeyRow> key_table() { return table(); }

const KeyRow* find_key(std::string_view name) {
  const auto& rows = table();
  const auto found =
      std::find_if(rows.begin(), rows.end(), [&](const KeyRow& row) { return row.name == name; });
  return found == rows.end() ? nullptr : &*found;
}

Result<void> Negotiation::apply(const TextPairs& pairs, const Situation& situation, TextWriter& answer) {
  // FirstBurstLength is bounded by MaxBurstLength (RFC 7143 13.14), which the host may write behind it.
  const TextPair* first_burst = nullptr;
  for (const TextPair& pair : pairs) {
    // The first one waits; a second one is taken now, and then the first fails as the repetition.
    if (pair.key == "FirstBurstLength" && first_burst == nullptr) {
      first_burst = &pair;
      continue;
    }
    TRY(take(pair, situation, answer));
  }
  if (first_burst != nullptr) TRY(take(*first_burst, situation, answer));
  return {};
}

Result<void> Negotiation::take(const TextPair& pair, const Situation& situation, TextWriter& answer) {
  const std::string key(pair.key);
  if (!seen_.insert(key).second) return fail(ErrorCode::protocol_error, key, "came twice in one negotiation");
  const KeyRow* row = find_key(pair.key);
  // Words that answer an offer. We make none that must be answered, so they change nothing and get no answer.
  const bool answer_only = wire::iscsi::is_text_answer_only(pair.value);
  if (row == nullptr) {
    if (!answer_only) answer.add(pair.key, wire::iscsi::text_not_understood);
    return {};
  }
  if (answer_only && row->kind != KeyKind::security) return {};
  if (!row->from_initiator) return fail(ErrorCode::protocol_error, key, "is a target's key");
  if ((row->phases & situation.phase) == 0) {
    // In full feature phase a refusal is enough; in login it is the end of it (RFC 7143 7.12).
    if (situation.phase == in_full_feature) {
      answer.add(pair.key, wire::iscsi::text_reject);
      return {};
    }
    return fail(ErrorCode::protocol_error, key, "is not allowed in {}", phase_name(situation.phase));
  }
  if (row->leading_only && !situation.leading)
    return fail(ErrorCode::protocol_error, key, "is only for the first connection of a session");
  if (row->irrelevant_in_discovery && situation.discovery) {
    answer.add(pair.key, wire::iscsi::text_irrelevant);
    return {};
  }
  return negotiate(*row, pair.value, answer);
}

Result<void> Negotiation::negotiate(const KeyRow& row, std::string_view value, TextWriter& answer) {
  switch (row.kind) {
    case KeyKind::declared_text:
    case KeyKind::security:
    case KeyKind::inquiry: return {};
    case KeyKind::declared_number:
    case KeyKind::minimum:
    case KeyKind::maximum: return take_number(row, value, answer);
    case KeyKind::boolean_and:
    case KeyKind::boolean_or: take_flag(row, value, answer); return {};
    case KeyKind::list: take_list(row, value, answer); return {};
    case KeyKind::refused_no: answer.add(row.name, false); return {};
    case KeyKind::refused: answer.add(row.name, wire::iscsi::text_reject); return {};
  }
  return {};
}

uint32_t Negotiation::agreed_number(const KeyRow& row, uint32_t offered) const {
  const uint32_t wish = row.number_wish(settings_);
  if (row.kind == KeyKind::maximum) return std::max(offered, wish);
  const uint32_t lower = std::min(offered, wish);
  return row.number == &P::first_burst_bytes ? std::min(lower, parameters_.max_burst_bytes) : lower;
}

Result<void> Negotiation::take_number(const KeyRow& row, std::string_view value, TextWriter& answer) {
  const Result<uint64_t> offered = wire::iscsi::parse_number(row.name, value);
  const bool in_range = offered && *offered >= row.lowest && *offered <= row.highest;
  if (row.kind == KeyKind::declared_number) {
    if (!in_range) {
      return fail(ErrorCode::protocol_error, std::string(row.name), "'{}' is not a number from {} to {}",
                  wire::iscsi::shortened(value), row.lowest, row.highest);
    }
    parameters_.*row.number = static_cast<uint32_t>(*offered);
    return {};
  }
  if (!in_range) {
    answer.add(row.name, wire::iscsi::text_reject);
    return {};
  }
  const uint32_t agreed = agreed_number(row, static_cast<uint32_t>(*offered));
  parameters_.*row.number = agreed;
  answer.add(row.name, uint64_t{agreed});
  if (row.number == &P::first_burst_bytes) first_burst_agreed_ = true;
  if (row.number == &P::max_burst_bytes && parameters_.first_burst_bytes > agreed) {
    if (first_burst_agreed_)
      return fail(ErrorCode::protocol_error, std::string(row.name), "is below the agreed FirstBurstLength");
    parameters_.first_burst_bytes = agreed;
  }
  return {};
}

void Negotiation::take_flag(const KeyRow& row, std::string_view value, TextWriter& answer) {
  const Result<bool> offered = wire::iscsi::parse_boolean(row.name, value);
  if (!offered) {
    answer.add(row.name, wire::iscsi::text_reject);
    return;
  }
  const bool wish = row.flag_wish(settings_);
  const bool agreed = row.kind == KeyKind::boolean_and ? *offered && wish : *offered || wish;
  parameters_.*row.flag = agreed;
  answer.add(row.name, agreed);
}

void Negotiation::take_list(const KeyRow& row, std::string_view value, TextWriter& answer) {
  const auto items = wire::iscsi::parse_list(row.name, value);
  const auto choose = [&](std::string_view item) { return row.choose(settings_, item, parameters_); };
  const auto chosen = items ? std::find_if(items->begin(), items->end(), choose) : decltype(items->begin()){};
  answer.add(row.name, items && chosen != items->end() ? *chosen : wire::iscsi::text_reject);
}

void Negotiation::join(const SessionParameters& session) {
  const SessionParameters defaults;
  parameters_ = session;
  parameters_.header_digest = defaults.header_digest;
  parameters_.data_digest = defaults.data_digest;
  parameters_.max_receive_data_segment_bytes = defaults.max_receive_data_segment_bytes;
  parameters_.initiator_max_receive_data_segment_bytes = defaults.initiator_max_receive_data_segment_bytes;
}

void Negotiation::declare(TextWriter& answer) {
  if (declared_) return;
  declared_ = true;
  parameters_.max_receive_data_segment_bytes = settings_.max_receive_data_segment_bytes;
  answer.add("MaxRecvDataSegmentLength", uint64_t{settings_.max_receive_data_segment_bytes});
}

}  // namespace ashlar::iscsi
