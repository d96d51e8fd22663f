// SEND DIAGNOSTIC and RECEIVE DIAGNOSTIC RESULTS (SPC-4 6.31, 6.20). A self-test reads blocks from all over the medium and
// throws them away; those of the foreground alone, since the results of others stand in a log page that is not there.
#include <algorithm>

#include "scsi/handlers.h"

namespace ashlar::scsi {
namespace {

constexpr uint8_t self_test_bit = 0x04;
constexpr uint8_t page_format_bit = 0x10;
constexpr uint32_t page_bytes = 4;  // the one page that is sent: 00h, without parameters

// How many places a test looks at, the first block and the last among them.
constexpr uint32_t default_samples = 3, short_samples = 16, extended_samples = 1024;

// SELF-TEST CODE (SPC-4 table 231); 0: none that we have.
uint32_t samples_of(uint8_t code) {
  switch (code) {
    case 5: return short_samples;     // foreground short
    case 6: return extended_samples;  // foreground extended
    default: return 0;
  }
}

loop::Task<void> self_test(Handling handling, uint32_t samples) {
  const unit::Geometry geometry = handling.unit().geometry();
  const uint64_t last = geometry.blocks() - 1;
  Buffer scratch;
  if (!handling.loop().buffers().allocate(scratch, geometry.block_bytes)) {
    handling.fail_memory();
    co_return;
  }
  for (uint32_t i = 0; i < samples && !handling.interrupted(); ++i) {
    const uint64_t lba = last / (samples - 1) * i + last % (samples - 1) * i / (samples - 1);
    block::Request& request =
        handling.request(block::Operation::read, lba * geometry.block_bytes, geometry.block_bytes);
    request.parts = scratch.segments();
    UnitWork reading(handling);
    const block::Status status = co_await reading;
    if (status == block::Status::medium_error || status == block::Status::device_failed) {
      handling.fail(Sense::of(SenseKey::hardware_error, 0x3e03));  // LOGICAL UNIT FAILED SELF-TEST
      co_return;
    }
    if (status != block::Status::ok) {
      handling.fail(sense_of(status, false, lba));
      co_return;
    }
  }
  handling.finish(Sense{});
}

loop::Task<void> take_page(Handling handling) {
  DataOut data(handling);
  const bool arrived = co_await data;
  if (!arrived) {
    handling.end();
    co_return;
  }
  std::array<uint8_t, page_bytes> page{};
  handling.task().buffer.copy_out(0, page);
  const auto wrong = std::ranges::find_if(page, [](uint8_t byte) { return byte != 0; });
  if (wrong != page.end()) {
    handling.fail(Sense::invalid_parameter_field(static_cast<uint16_t>(wrong - page.begin())));
  } else {
    handling.good();
  }
}

}  // namespace

void send_diagnostic(Handling handling) {
  constexpr uint8_t length_field = 3;
  const uint8_t* cdb = handling.cdb();
  const uint8_t code = cdb[1] >> 5;
  const uint16_t length = load_be16(cdb + length_field);
  handling.task().data_out_wanted_bytes = length;
  if ((cdb[1] & self_test_bit) != 0) {
    if (code != 0) return handling.fail(Sense::invalid_cdb_field(1, 7));
    if (length != 0) return handling.fail(Sense::invalid_cdb_field(length_field));
    return self_test(handling, default_samples).detach();
  }
  if (code != 0) {
    const uint32_t samples = samples_of(code);
    if (samples == 0) return handling.fail(Sense::invalid_cdb_field(1, 7));
    if (length != 0) return handling.fail(Sense::invalid_cdb_field(length_field));
    return self_test(handling, samples).detach();
  }
  if (length == 0) return handling.good();
  if ((cdb[1] & page_format_bit) == 0) return handling.fail(Sense::invalid_cdb_field(1, 4));
  if (length != page_bytes) return handling.fail(Sense::invalid_cdb_field(length_field));
  if (handling.expect_list(length)) take_page(handling).detach();
}

// The page that lists the pages is the only one, whether it is asked for (PCV) or was the last that was sent.
void receive_diagnostic(Handling handling) {
  const uint8_t* cdb = handling.cdb();
  if (cdb[2] != 0) return handling.fail(Sense::invalid_cdb_field(2));
  const uint8_t page[5] = {0x00, 0x00, 0x00, 0x01, 0x00};
  handling.reply(page, load_be16(cdb + 3));
}

}  // namespace ashlar::scsi
