// RECEIVE COPY STATUS and its kin (SPC-4 6.23 to 6.27): what became of a copy, and what copies may be like.
#include <bit>

#include "scsi/copy_operation.h"
#include "scsi/handlers.h"
#include "scsi/third_party_copy.h"

namespace ashlar::scsi {
namespace {

constexpr uint8_t logical_blocks = 0xf1;  // TRANSFER COUNT UNITS

// SPC-4 table 274: COPY OPERATION STATUS.
uint8_t operation_status(const CopyRecord& record) {
  if (record.operation != nullptr) return record.background ? 0x12 : 0x11;
  if (record.stopped) return 0x60;
  return record.status == ScsiStatus::good ? 0x01 : 0x02;
}

uint64_t bytes_of(const CopyRecord& record) {
  return record.operation != nullptr ? record.operation->copier().bytes_done() : record.bytes;
}

// The record that the CDB names; null: the task has ended.
std::shared_ptr<CopyRecord> find_record(Handling handling, uint32_t list_id) {
  auto record = handling.nexus().impl().copy_records.find(handling.lun().lun, list_id);
  if (!record) handling.fail(Sense::invalid_cdb_field(2));
  return record;
}

size_t encode_sense(const Handling& handling, const CopyRecord& record, Bytes out) {
  if (record.status != ScsiStatus::check_condition) return 0;
  return encode(record.sense, handling.state().descriptor_sense.load(std::memory_order_relaxed), out);
}

// The part that RECEIVE COPY STATUS(LID4) and RECEIVE ROD TOKEN INFORMATION share.
void long_status(Handling handling, const CopyRecord& record, Writer& writer) {
  uint8_t sense[max_sense_bytes] = {};
  const size_t sense_bytes = encode_sense(handling, record, sense);
  writer.zeroes(4);
  writer.u8(record.service_action);
  writer.u8(operation_status(record));
  writer.u16(0);
  writer.u32(record.operation != nullptr ? 100 : 0);  // ESTIMATED STATUS UPDATE DELAY, ms
  writer.u8(static_cast<uint8_t>(record.operation != nullptr ? ScsiStatus::good : record.status));
  const size_t sense_room = (sense_bytes + 3) / 4 * 4;
  writer.u8(static_cast<uint8_t>(sense_room));
  writer.u8(static_cast<uint8_t>(sense_bytes));
  writer.u8(logical_blocks);
  writer.u64(bytes_of(record) / record.block_bytes);
  writer.u16(record.segments);
  writer.zeroes(6);
  writer.bytes(ConstBytes(sense).first(sense_room));
}

void finish_length(Bytes data) { store_be32(data.data(), static_cast<uint32_t>(data.size() - 4)); }

}  // namespace

void receive_copy_status(Handling handling) {
  const auto record = find_record(handling, handling.cdb()[2]);
  if (!record) return;
  uint8_t data[12];
  Writer writer(data);
  writer.u32(sizeof data - 4);
  const bool running = record->operation != nullptr;
  writer.u8(running ? 0x00 : record->status == ScsiStatus::good ? 0x01 : 0x02);  // HDD: no data is held
  writer.u16(record->segments);
  // Bytes, KiB, MiB or GiB: the smallest unit whose count fits into 32 bits.
  const uint64_t bytes = bytes_of(*record);
  const uint8_t unit = static_cast<uint8_t>(bytes >> 32 == 0 ? 0 : (std::bit_width(bytes >> 32) + 9) / 10);
  writer.u8(unit);
  writer.u32(static_cast<uint32_t>(bytes >> (10 * unit)));
  handling.reply(data, load_be32(handling.cdb() + 10));
}

void receive_copy_data(Handling handling) {
  if (!find_record(handling, handling.cdb()[2])) return;
  const uint8_t nothing_held[4] = {};
  handling.reply(nothing_held, load_be32(handling.cdb() + 10));
}

void receive_copy_failure(Handling handling) {
  const auto record = find_record(handling, handling.cdb()[2]);
  if (!record) return;
  if (record->operation != nullptr || record->status == ScsiStatus::good)
    return handling.fail(Sense::invalid_cdb_field(2));
  std::array<uint8_t, 60 + max_sense_bytes> data{};
  const size_t sense_bytes = encode_sense(handling, *record, Bytes(data).subspan(60));
  data[56] = static_cast<uint8_t>(record->status);
  store_be16(&data[58], static_cast<uint16_t>(sense_bytes));
  const Bytes all = Bytes(data).first(60 + sense_bytes);
  finish_length(all);
  handling.reply(all, load_be32(handling.cdb() + 10));
}

void receive_copy_status_lid4(Handling handling) {
  const auto record = find_record(handling, load_be32(handling.cdb() + 2));
  if (!record) return;
  std::array<uint8_t, 32 + max_sense_bytes> data;
  Writer writer(data);
  long_status(handling, *record, writer);
  const Bytes all = writer.written();
  finish_length(all);
  handling.reply(all, load_be32(handling.cdb() + 10));
}

// SPC-4 6.28.
void receive_rod_token(Handling handling) {
  const auto record = find_record(handling, load_be32(handling.cdb() + 2));
  if (!record) return;
  constexpr size_t descriptor_bytes_of_token = 2 + wire::scsi::rod_token_bytes;
  std::array<uint8_t, 32 + max_sense_bytes + 4 + descriptor_bytes_of_token> data;
  Writer writer(data);
  long_status(handling, *record, writer);
  writer.u32(record->token ? descriptor_bytes_of_token : 0);
  if (record->token) {
    writer.u16(0);
    writer.bytes(*record->token);
  }
  const Bytes all = writer.written();
  finish_length(all);
  handling.reply(all, load_be32(handling.cdb() + 10));
}

// SPC-4 6.24.
void receive_copy_parameters(Handling handling) {
  std::array<uint8_t, 48> data;
  Writer writer(data);
  writer.zeroes(4);
  writer.u8(0x01);  // SNLID: a copy without a list identifier is taken
  writer.zeroes(3);
  writer.u16(wire::scsi::max_cscd_descriptors);
  writer.u16(wire::scsi::max_copy_segments);
  writer.u32(wire::scsi::max_descriptor_list_bytes);
  writer.u32(max_copy_segment_bytes);
  writer.u32(0);  // inline data
  writer.u32(0);  // held data
  writer.u32(0);  // stream devices
  writer.zeroes(2);
  writer.u16(unit::CopyBudget::most_copies);
  writer.u8(unit::CopyBudget::most_copies_of_nexus);
  writer.u8(copy_granularity_exponent);
  writer.zeroes(2 + 3);
  writer.u8(sizeof copy_descriptor_types);
  writer.bytes(copy_descriptor_types);
  const Bytes all = writer.written();
  finish_length(all);
  handling.reply(all, load_be32(handling.cdb() + 10));
}

}  // namespace ashlar::scsi
