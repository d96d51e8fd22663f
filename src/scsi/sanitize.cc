// SANITIZE (SBC-4 5.30): OVERWRITE, BLOCK ERASE, EXIT FAILURE MODE and, of encrypted units whose key nobody else needs,
// CRYPTOGRAPHIC ERASE.
#include <algorithm>

#include "scsi/handlers.h"
#include "scsi/rewrite.h"

namespace ashlar::scsi {
namespace {

constexpr uint8_t overwrite_action = 0x01;
constexpr uint8_t cryptographic_erase_action = 0x03;
constexpr uint8_t exit_failure_mode_action = 0x1f;
constexpr uint8_t immediate_bit = 0x80;
constexpr uint8_t unrestricted_exit_bit = 0x20;  // AUSE
constexpr uint32_t list_header_bytes = 4;
constexpr uint16_t list_length_field = 7;

Rewrite sanitize_of(const Handling& handling) {
  Rewrite rewrite;
  rewrite.phase = Rewriting::Phase::sanitizing;
  rewrite.after_failure = (handling.cdb()[1] & unrestricted_exit_bit) != 0
                              ? Rewriting::Phase::sanitize_failed
                              : Rewriting::Phase::sanitize_failed_restricted;
  return rewrite;
}

// SBC-4 5.30.2.2. A TEST field other than zero asks for what only the vendor knows.
Sense read_overwrite_list(ConstBytes list, uint32_t block, Rewrite& rewrite) {
  rewrite.passes = list[0] & 0x1f;
  rewrite.invert = (list[0] & 0x80) != 0;
  const uint32_t pattern_bytes = load_be16(list.data() + 2);
  // A count of zero is reserved, with no sense of its own. iscsi-test-cu knows it as a fault of the CDB that brought it.
  if (rewrite.passes == 0) return Sense::invalid_cdb_field(list_length_field);
  if ((list[0] & 0x60) != 0) return Sense::invalid_parameter_field(0, 6);
  if (list[1] != 0) return Sense::invalid_parameter_field(1);
  if (pattern_bytes == 0 || pattern_bytes > block || pattern_bytes > list.size() - list_header_bytes)
    return Sense::invalid_parameter_field(2);
  const ConstBytes pattern = list.subspan(list_header_bytes, pattern_bytes);
  rewrite.pattern.assign(pattern.begin(), pattern.end());
  return {};
}

loop::Task<void> overwrite_story(Handling handling) {
  DataOut data(handling);
  const bool arrived = co_await data;
  if (!arrived) {
    handling.end();
    co_return;
  }
  std::vector<uint8_t> list(handling.task().data_out_bytes);
  handling.task().buffer.copy_out(0, list);
  Rewrite rewrite = sanitize_of(handling);
  const Sense wrong = read_overwrite_list(list, handling.unit().geometry().block_bytes, rewrite);
  if (wrong.key != SenseKey::no_sense) {
    handling.fail(wrong);
    co_return;
  }
  start_rewrite(handling, std::move(rewrite), (handling.cdb()[1] & immediate_bit) != 0);
}

void start_overwrite(Handling handling) {
  const uint32_t length = load_be16(handling.cdb() + list_length_field);
  const uint32_t longest = handling.unit().geometry().block_bytes + list_header_bytes;
  if (length <= list_header_bytes || length > longest)
    return handling.fail(Sense::invalid_cdb_field(list_length_field));
  if (handling.expect_list(length)) overwrite_story(handling).detach();
}

// SBC-4 4.11.3: a failure in the restricted completion mode is left by success alone.
void exit_failure_mode(Handling handling) {
  const Rewriting::Phase phase = handling.state().rewrite.phase();
  if (phase == Rewriting::Phase::sanitize_failed_restricted)
    return handling.fail(Sense::invalid_cdb_field(1, 4));
  if (phase != Rewriting::Phase::sanitize_failed) return handling.good();
  leave_failure(handling);
}

}  // namespace

void sanitize(Handling handling) {
  const uint8_t flags = handling.cdb()[1];
  const uint8_t action = flags & 0x1f;
  if (action == exit_failure_mode_action) return exit_failure_mode(handling);
  if (handling.state().rewrite.phase() == Rewriting::Phase::sanitize_failed_restricted &&
      (flags & unrestricted_exit_bit) != 0)
    return handling.fail(Sense::invalid_cdb_field(1, 5));
  if (action == overwrite_action) return start_overwrite(handling);
  Rewrite rewrite = sanitize_of(handling);
  rewrite.erase_key = action == cryptographic_erase_action;
  rewrite.may_discard = unit::erases_by_discard(handling.unit());
  start_rewrite(handling, std::move(rewrite), (flags & immediate_bit) != 0);
}

}  // namespace ashlar::scsi
