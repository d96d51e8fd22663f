#include "initiator/command.h"

namespace ashlar::initiator {
namespace {

uint32_t sum(std::span<const iovec> parts) {
  CHECK(parts.size() <= Command::max_pieces, "{} pieces", parts.size());
  uint64_t bytes = 0;
  for (const iovec& part : parts) bytes += part.iov_len;
  CHECK(bytes <= UINT32_MAX, "{} bytes in one command", bytes);
  return static_cast<uint32_t>(bytes);
}

}  // namespace

std::string_view name_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::answered: return "answered";
    case Outcome::target_failure: return "target failure";
    case Outcome::aborted: return "aborted";
    case Outcome::not_sent: return "not sent";
    case Outcome::unknown: return "unknown";
  }
  return "?";
}

std::string Command::describe() const {
  return fmt::format("CDB {:02x} {} bytes {}, ITT {:08x}", cdb[0], expected_bytes_,
                     data_out.empty() ? "in" : "out", initiator_task_tag_);
}

void Command::begin() {
  CHECK(state_ == State::idle, "submitted twice: {}", describe());
  CHECK(data_out.empty() || data_in.empty(), "data both ways: {}", describe());
  CHECK(done != nullptr);
  expected_bytes_ = sum(data_out) + sum(data_in);
  state_ = State::waiting;
  outcome = Outcome::unknown;
  status = 0;
  residual = Residual::none;
  residual_bytes = received_bytes = 0;
  in_batch_ = false;
  sense_bytes_ = r2t_count_ = 0;
  initiator_task_tag_ = wire::iscsi::reserved_task_tag;
  cmd_sn_ = unsolicited_bytes_ = unsolicited_sent_ = unsolicited_data_sn_ = asked_bytes_ = 0;
  r2t_sn_ = data_sn_ = sequence_bytes_ = 0;
}

}  // namespace ashlar::initiator
