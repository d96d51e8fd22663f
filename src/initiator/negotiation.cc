#include "initiator/negotiation.h"

#include <algorithm>

#include "initiator/command.h"

namespace ashlar::initiator {

namespace iscsi = wire::iscsi;

namespace {

constexpr uint32_t smallest_length = 512;
constexpr uint32_t largest_length = (1u << 24) - 1;

std::string_view text_of(DigestWish wish) {
  switch (wish) {
    case DigestWish::none: return "None";
    case DigestWish::prefer_none: return "None,CRC32C";
    case DigestWish::prefer_crc32c: return "CRC32C,None";
    case DigestWish::crc32c: return "CRC32C";
  }
  return "None";
}

Result<void> check_range(std::string_view name, uint64_t value, uint64_t least, uint64_t most) {
  if (value >= least && value <= most) return {};
  return fail(ErrorCode::out_of_range, std::string(name), "{} is not from {} to {}", value, least, most);
}

std::unexpected<Error> wrong(std::string_view key, std::string_view value, std::string_view offered) {
  return fail(ErrorCode::protocol_error, "target", "{}={} does not answer {}={}", key, value, key, offered);
}

}  // namespace

Result<void> check_options(const LoginOptions& options) {
  TRY(check_range("first_burst_bytes", options.first_burst_bytes, smallest_length, largest_length));
  TRY(check_range("max_burst_bytes", options.max_burst_bytes, smallest_length, largest_length));
  TRY(check_range("max_receive_data_segment_bytes", options.max_receive_data_segment_bytes, smallest_length,
                  largest_length));
  TRY(check_range("max_outstanding_r2t", options.max_outstanding_r2t, 1, Command::max_outstanding_r2t));
  TRY(check_range("max_commands", options.max_commands, 1, 4096));
  if (options.first_burst_bytes > options.max_burst_bytes) {
    return fail(ErrorCode::invalid_argument, "first_burst_bytes", "must not exceed max_burst_bytes");
  }
  if (options.initiator_name.empty())
    return fail(ErrorCode::invalid_argument, "initiator_name", "is missing");
  if (options.chap && options.chap->algorithms.empty()) {
    return fail(ErrorCode::invalid_argument, "chap.algorithms", "is empty");
  }
  if (options.chap && !options.chap->mutual_secret.empty() &&
      options.chap->mutual_secret == options.chap->secret) {
    return fail(ErrorCode::invalid_argument, "chap.mutual_secret",
                "must differ from secret: else an answer can be reflected");
  }
  return {};
}

Negotiation::Negotiation(const LoginOptions& options) {
  parameters_.max_receive_data_segment_bytes = options.max_receive_data_segment_bytes;
  add("HeaderDigest", text_of(options.header_digest));
  add("DataDigest", text_of(options.data_digest));
  add("MaxRecvDataSegmentLength", std::to_string(options.max_receive_data_segment_bytes), false);
  add("DefaultTime2Wait", "2");
  add("DefaultTime2Retain", "0");
  add("ErrorRecoveryLevel", "0");
  if (options.target_name.empty()) return;
  add("InitialR2T", options.initial_r2t ? "Yes" : "No");
  add("ImmediateData", options.immediate_data ? "Yes" : "No");
  add("MaxBurstLength", std::to_string(options.max_burst_bytes));
  add("FirstBurstLength", std::to_string(options.first_burst_bytes));
  add("MaxOutstandingR2T", std::to_string(options.max_outstanding_r2t));
  add("MaxConnections", "1");
  add("DataPDUInOrder", "Yes");
  add("DataSequenceInOrder", "Yes");
}

void Negotiation::add(std::string_view key, std::string_view value, bool wants_answer) {
  offered_.push_back({std::string(key), std::string(value), wants_answer});
}

std::string Negotiation::offer() {
  iscsi::TextWriter writer;
  for (const Offered& offered : offered_) writer.add(offered.key, std::string_view(offered.value));
  return writer.take();
}

Result<void> Negotiation::take(std::string_view key, std::string_view value) {
  const auto found = std::find_if(offered_.begin(), offered_.end(), [key](const Offered& offered) {
    return offered.key == key && offered.wants_answer;
  });
  if (found == offered_.end()) return declaration(key, value);
  if (found->answered) return fail(ErrorCode::protocol_error, "target", "{} was answered twice", key);
  found->answered = true;
  if (key == "HeaderDigest" || key == "DataDigest") return take_digest(*found, value);
  // FirstBurstLength and the like may be beside the point (RFC 7143 6.2); the default then holds.
  if (value == iscsi::text_irrelevant) return {};
  if (found->value == "Yes" || found->value == "No") {
    TRY_ASSIGN(const bool yes, iscsi::parse_boolean(key, value));
    return take_boolean(*found, yes);
  }
  TRY_ASSIGN(const uint64_t number, iscsi::parse_number(key, value));
  return take_number(*found, number);
}

/// What the target says of itself, and what it asks of us that we do not know.
Result<void> Negotiation::declaration(std::string_view key, std::string_view value) {
  if (key == "MaxRecvDataSegmentLength") {
    TRY_ASSIGN(const uint64_t bytes, iscsi::parse_number(key, value));
    if (bytes < smallest_length || bytes > largest_length) return wrong(key, value, "512-16777215");
    parameters_.max_send_data_segment_bytes = static_cast<uint32_t>(bytes);
  } else if (key == "TargetPortalGroupTag") {
    TRY_ASSIGN(const uint64_t tag, iscsi::parse_number(key, value));
    parameters_.portal_group_tag = static_cast<uint16_t>(tag);
  } else if (key == "TargetAlias") {
    parameters_.target_alias = value;
  } else if (iscsi::is_text_answer_only(value)) {
    return fail(ErrorCode::protocol_error, "target", "{}={} answers nothing that was offered", key, value);
  } else {
    answers_.add(key, iscsi::text_not_understood);
  }
  return {};
}

Result<void> Negotiation::take_digest(const Offered& offered, std::string_view value) {
  TRY_ASSIGN(const auto items, iscsi::parse_list(offered.key, offered.value));
  if (std::find(items.begin(), items.end(), value) == items.end())
    return wrong(offered.key, value, offered.value);
  (offered.key == "HeaderDigest" ? parameters_.header_digest : parameters_.data_digest) = value == "CRC32C";
  return {};
}

Result<void> Negotiation::take_boolean(const Offered& offered, bool value) {
  // Results are OR for the first three of these, AND for ImmediateData (RFC 7143 13.10, 13.11, 13.18, 13.19).
  const bool and_result = offered.key == "ImmediateData";
  const bool ours = offered.value == "Yes";
  const std::string_view text = value ? "Yes" : "No";
  if (and_result ? value && !ours : ours && !value) return wrong(offered.key, text, offered.value);
  if (offered.key == "InitialR2T") parameters_.initial_r2t = value;
  if (offered.key == "ImmediateData") parameters_.immediate_data = value;
  return {};
}

Result<void> Negotiation::take_number(const Offered& offered, uint64_t value) {
  TRY_ASSIGN(const uint64_t ours, iscsi::parse_number(offered.key, offered.value));
  const bool larger_wins = offered.key == "DefaultTime2Wait";
  if (larger_wins ? value < ours : value > ours)
    return wrong(offered.key, std::to_string(value), offered.value);
  const bool length = offered.key == "MaxBurstLength" || offered.key == "FirstBurstLength";
  const bool count = offered.key == "MaxOutstandingR2T" || offered.key == "MaxConnections";
  if ((length && value < smallest_length) || (count && value == 0)) {
    return wrong(offered.key, std::to_string(value), offered.value);
  }
  const auto number = static_cast<uint32_t>(value);
  if (offered.key == "MaxBurstLength") parameters_.max_burst_bytes = number;
  if (offered.key == "FirstBurstLength") parameters_.first_burst_bytes = number;
  if (offered.key == "MaxOutstandingR2T") parameters_.max_outstanding_r2t = static_cast<uint16_t>(number);
  return {};
}

Result<void> Negotiation::finish() const {
  for (const Offered& offered : offered_) {
    if (offered.wants_answer && !offered.answered) {
      return fail(ErrorCode::protocol_error, "target", "{} was never answered", offered.key);
    }
  }
  return {};
}

}  // namespace ashlar::initiator
