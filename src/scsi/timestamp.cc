// REPORT TIMESTAMP and SET TIMESTAMP (SPC-4 5.2, 6.39, 6.46): the time of day as hosts see it, and set it.
#include "scsi/handlers.h"

namespace ashlar::scsi {
namespace {

constexpr uint32_t timestamp_list_bytes = 12;
constexpr uint8_t set_by_host = 0x02;         // TIMESTAMP ORIGIN 010b
constexpr uint8_t set_by_other_means = 0x03;  // 011b: it is the system's clock

// What a host has set goes by a clock that nobody sets.
int64_t steady_milliseconds(Handling handling) { return handling.loop().now().nanoseconds / 1'000'000; }

loop::Task<void> take_timestamp(Handling handling) {
  DataOut data(handling);
  const bool arrived = co_await data;
  if (!arrived) {
    handling.end();
    co_return;
  }
  std::array<uint8_t, timestamp_list_bytes> list;
  handling.task().buffer.copy_out(0, list);
  if (list[4] > 0xf0) {
    handling.fail(Sense::invalid_parameter_field(4));
    co_return;
  }
  const uint64_t wanted = uint64_t{load_be16(&list[4])} << 32 | load_be32(&list[6]);
  handling.state().timestamp_offset_ms = static_cast<int64_t>(wanted) - steady_milliseconds(handling);
  handling.state().timestamp_set = true;
  NexusState& nexus = handling.nexus();
  nexus.domain().raise_everywhere(handling.lun().volume, unit::Attention::timestamp_changed, &nexus.nexus());
  handling.good();
}

}  // namespace

void report_timestamp(Handling handling) {
  const UnitState& state = handling.state();
  const bool set = state.timestamp_set && state.timestamp_by_hosts;
  uint8_t data[12] = {};
  store_be16(data, 10);
  data[2] = set ? set_by_host : set_by_other_means;
  const int64_t now = set ? steady_milliseconds(handling) + state.timestamp_offset_ms
                          : handling.loop().wall_clock() / loop::milliseconds(1);
  const auto milliseconds = static_cast<uint64_t>(now);
  store_be16(data + 4, static_cast<uint16_t>(milliseconds >> 32));
  store_be32(data + 6, static_cast<uint32_t>(milliseconds));
  handling.reply(data, load_be32(handling.cdb() + 6));
}

// SPC-4 7.5.9: without SCSIP the system's clock alone says what time it is.
void set_timestamp(Handling handling) {
  if (!handling.state().timestamp_by_hosts) return handling.fail(Sense::invalid_cdb_field(1, 4));
  const uint32_t list_bytes = load_be32(handling.cdb() + 6);
  if (list_bytes != 0 && list_bytes < timestamp_list_bytes) {
    handling.task().data_out_wanted_bytes = list_bytes;
    return handling.fail(Sense::parameter_list_length_error());
  }
  if (handling.expect_list(list_bytes, timestamp_list_bytes)) take_timestamp(handling).detach();
}

}  // namespace ashlar::scsi
