// READ BUFFER(10), READ BUFFER(16) and WRITE BUFFER (SPC-4 6.18, 6.49; SPC-5 6.19): the echo buffer, by which a host tries its
// path. There is no microcode to load and no memory to look at.
#include "scsi/handlers.h"

namespace ashlar::scsi {
namespace {

enum class BufferMode : uint8_t {
  descriptor = 0x03,
  echo = 0x0a,
  echo_descriptor = 0x0b,
  error_history = 0x1c
};
BufferMode mode_of(const uint8_t* cdb) { return static_cast<BufferMode>(cdb[1] & 0x1f); }

// Where READ BUFFER(10) and (16) have the same fields.
struct ReadFields {
  uint64_t offset;
  uint32_t allocation_length;
  uint8_t id, id_field, offset_field;
};
ReadFields read_fields(const uint8_t* cdb) {
  if (cdb[0] == 0x9b) return {load_be64(cdb + 2), load_be32(cdb + 10), cdb[14], 14, 2};
  return {load_be24(cdb + 3), load_be24(cdb + 6), cdb[2], 2, 3};
}

// SPC-4 6.18.5: what the last WRITE BUFFER of this nexus left.
void read_echo(Handling handling, uint32_t allocation_length) {
  const std::vector<uint8_t>& echo = handling.lun().echo;
  if (echo.empty())
    return handling.fail(Sense::of(SenseKey::illegal_request, 0x2c00));  // COMMAND SEQUENCE ERROR
  handling.reply(echo, allocation_length);
}

void read_echo_descriptor(Handling handling, uint32_t allocation_length) {
  uint8_t data[4] = {};  // EBOS is zero: another nexus has a buffer of its own
  store_be16(data + 2, echo_buffer_bytes);
  handling.reply(data, allocation_length);
}

// SPC-4 6.18.4: of any buffer, that it is not there.
void read_descriptor(Handling handling, uint32_t allocation_length) {
  const uint8_t data[4] = {};
  handling.reply(data, allocation_length);
}

loop::Task<void> write_echo(Handling handling) {
  DataOut data(handling);
  const bool arrived = co_await data;
  if (!arrived) {
    handling.end();
    co_return;
  }
  std::vector<uint8_t>& echo = handling.lun().echo;
  echo.resize(handling.task().data_out_bytes);
  handling.task().buffer.copy_out(0, echo);
  handling.good();
}

}  // namespace

void read_buffer(Handling handling) {
  const uint8_t* cdb = handling.cdb();
  const ReadFields fields = read_fields(cdb);
  const BufferMode mode = mode_of(cdb);
  // The echo buffer has no id and is read from its begin (6.18.5); both fields are ignored there.
  if (mode == BufferMode::echo) return read_echo(handling, fields.allocation_length);
  if (mode == BufferMode::echo_descriptor) return read_echo_descriptor(handling, fields.allocation_length);
  if (mode != BufferMode::descriptor) return handling.fail(Sense::invalid_cdb_field(1, 4));
  if (fields.offset != 0) return handling.fail(Sense::invalid_cdb_field(fields.offset_field));
  read_descriptor(handling, fields.allocation_length);
}

void write_buffer(Handling handling) {
  const uint8_t* cdb = handling.cdb();
  if (mode_of(cdb) != BufferMode::echo) return handling.fail(Sense::invalid_cdb_field(1, 4));
  constexpr uint8_t length_field = 6;
  const uint32_t length = load_be24(cdb + length_field);
  handling.task().data_out_wanted_bytes = length;
  if (length > echo_buffer_bytes) return handling.fail(Sense::invalid_cdb_field(length_field));
  if (handling.expect_list(length)) write_echo(handling).detach();
}

}  // namespace ashlar::scsi
