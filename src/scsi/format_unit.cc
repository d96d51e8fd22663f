// FORMAT UNIT (SBC-4 5.4), as far as a volume has a format: every block becomes zero. Sizes of blocks and protection
// information are fixed, and there are no defects to list.
#include <algorithm>

#include "scsi/handlers.h"
#include "scsi/rewrite.h"

namespace ashlar::scsi {
namespace {

constexpr uint8_t long_list_bit = 0x20, format_data_bit = 0x10, complete_list_bit = 0x08;
constexpr uint8_t option_bits = 0x70;  // DPRY, DCRT, STPF: of defects and certification, which are not there
constexpr uint8_t options_valid_bit = 0x80;
constexpr uint8_t pattern_bit = 0x08, obsolete_bit = 0x04, immediate_bit = 0x02, vendor_bit = 0x01;

void start(Handling handling, bool immediate) {
  Rewrite rewrite;
  rewrite.phase = Rewriting::Phase::formatting;
  rewrite.after_failure = Rewriting::Phase::format_corrupt;
  rewrite.may_discard = unit::erases_by_discard(handling.unit());
  start_rewrite(handling, std::move(rewrite), immediate);
}

// SBC-4 5.4.2.2: byte 1 of both headers.
Sense check_options(uint8_t options) {
  if ((options & options_valid_bit) == 0 && (options & (option_bits | pattern_bit)) != 0)
    return Sense::invalid_parameter_field(1, 7);
  if ((options & pattern_bit) != 0) return Sense::invalid_parameter_field(1, 3);  // no initialization pattern
  if ((options & obsolete_bit) != 0) return Sense::invalid_parameter_field(1, 2);
  if ((options & vendor_bit) != 0) return Sense::invalid_parameter_field(1, 0);
  return {};
}

Sense check_header(ConstBytes list, bool long_list) {
  if (list[0] != 0) return Sense::invalid_parameter_field(0);  // PROTECTION FIELD USAGE
  const Sense options = check_options(list[1]);
  if (options.key != SenseKey::no_sense) return options;
  if (long_list && list[2] != 0) return Sense::invalid_parameter_field(2);
  if (long_list && list[3] != 0)
    return Sense::invalid_parameter_field(3);  // P_I_INFORMATION and the exponent
  const uint32_t defects = long_list ? load_be32(list.data() + 4) : load_be16(list.data() + 2);
  if (defects != 0) return Sense::invalid_parameter_field(long_list ? 4 : 2);
  return {};
}

loop::Task<void> format_with_list(Handling handling, bool long_list) {
  DataOut data(handling);
  const bool arrived = co_await data;
  if (!arrived) {
    handling.end();
    co_return;
  }
  std::array<uint8_t, 8> bytes{};
  const Bytes list = Bytes(bytes).first(long_list ? 8 : 4);
  handling.task().buffer.copy_out(0, list);
  const Sense wrong = check_header(list, long_list);
  if (wrong.key != SenseKey::no_sense) {
    handling.fail(wrong);
  } else {
    start(handling, (list[1] & immediate_bit) != 0);
  }
}

}  // namespace

void format_unit(Handling handling) {
  const uint8_t flags = handling.cdb()[1];
  if ((flags & format_data_bit) == 0) {
    // Without parameter data there is no list for the other bits to speak of.
    if ((flags & long_list_bit) != 0) return handling.fail(Sense::invalid_cdb_field(1, 5));
    if ((flags & complete_list_bit) != 0) return handling.fail(Sense::invalid_cdb_field(1, 3));
    return start(handling, false);
  }
  const bool long_list = (flags & long_list_bit) != 0;
  const uint32_t header_bytes = long_list ? 8 : 4;
  if (handling.expect_list(header_bytes)) format_with_list(handling, long_list).detach();
}

}  // namespace ashlar::scsi
