#include "initiator/scsi_block.h"

#include <algorithm>

namespace ashlar::initiator {

using loop::Task;

namespace {

constexpr uint8_t status_check_condition = 0x02;
constexpr uint8_t key_unit_attention = 0x06;
constexpr int max_attentions = 16;
constexpr size_t max_luns = 1024;

Cdb cdb16(uint8_t opcode, uint64_t lba, uint32_t blocks) {
  Cdb cdb{};
  cdb[0] = opcode;
  store_be64(&cdb[2], lba);
  store_be32(&cdb[10], blocks);
  return cdb;
}

}  // namespace

uint8_t Answer::sense_key() const {
  if (sense.size() < 3) return 0;
  const bool descriptor = (sense[0] & 0x7e) == 0x72;  // SPC-4 4.5.1: 70h, 71h fixed; 72h, 73h descriptor
  return (descriptor ? sense[1] : sense[2]) & 0x0f;
}

uint16_t Answer::additional_code() const {
  const bool descriptor = !sense.empty() && (sense[0] & 0x7e) == 0x72;
  if (descriptor) return sense.size() < 4 ? uint16_t{0} : load_be16(&sense[2]);
  return sense.size() < 14 ? uint16_t{0} : load_be16(&sense[12]);
}

std::string Answer::text() const {
  if (outcome != Outcome::answered) return std::string(name_of(outcome));
  if (status == 0) return "GOOD";
  if (status != status_check_condition) return fmt::format("status {:02x}", status);
  return fmt::format("CHECK CONDITION, sense {:x}/{:04x}", sense_key(), additional_code());
}

Result<void> Answer::result() const {
  if (good()) return {};
  ErrorCode code = ErrorCode::io_error;
  if (outcome == Outcome::not_sent) code = ErrorCode::closed;
  if (outcome == Outcome::aborted) code = ErrorCode::aborted;
  if (outcome == Outcome::unknown) code = ErrorCode::timed_out;
  return fail(code, "command", "{}", text());
}

LunBytes lun_bytes(uint16_t lun) {
  LunBytes bytes{};
  bytes[0] = lun < 256 ? uint8_t{0} : static_cast<uint8_t>(0x40 | (lun >> 8 & 0x3f));
  bytes[1] = static_cast<uint8_t>(lun);
  return bytes;
}

Task<Answer> BlockUnit::execute(Cdb cdb, ConstBytes data_out, Bytes data_in) {
  Command command;
  loop::Event done;
  const iovec out{const_cast<uint8_t*>(data_out.data()),
                  data_out.size()};  // iovec knows no const; it is only read
  const iovec in{data_in.data(), data_in.size()};
  command.cdb = cdb;
  command.lun = lun_;
  if (!data_out.empty()) command.data_out = {&out, 1};
  if (!data_in.empty()) command.data_in = {&in, 1};
  command.owner = &done;
  command.done = [](Command& finished) { static_cast<loop::Event*>(finished.owner)->set(); };
  session_.submit(command);
  co_await done;
  Answer answer;
  answer.outcome = command.outcome;
  answer.status = command.status;
  answer.sense.assign(command.sense().begin(), command.sense().end());
  answer.residual = command.residual;
  answer.residual_bytes = command.residual_bytes;
  answer.received_bytes = command.received_bytes;
  co_return answer;
}

Task<Answer> BlockUnit::read(uint64_t lba, uint32_t blocks, Bytes out, bool fua) {
  Cdb cdb = cdb16(0x88, lba, blocks);
  if (fua) cdb[1] = 0x08;
  return execute(cdb, ConstBytes(), out);
}

Task<Answer> BlockUnit::write(uint64_t lba, uint32_t blocks, ConstBytes data, bool fua) {
  Cdb cdb = cdb16(0x8a, lba, blocks);
  if (fua) cdb[1] = 0x08;
  return execute(cdb, data, Bytes());
}

Task<Answer> BlockUnit::flush(uint64_t lba, uint32_t blocks) {
  return execute(cdb16(0x91, lba, blocks), ConstBytes(), Bytes());
}

Task<Answer> BlockUnit::test_unit_ready() { return execute(Cdb{}, ConstBytes(), Bytes()); }

Task<Answer> BlockUnit::unmap(std::vector<UnmapRange> ranges) {
  // UNMAP parameter list (SBC-3 5.28.2): an 8-byte header, 16 bytes a descriptor.
  std::vector<uint8_t> list(8 + 16 * ranges.size());
  store_be16(&list[0], static_cast<uint16_t>(list.size() - 2));
  store_be16(&list[2], static_cast<uint16_t>(list.size() - 8));
  for (size_t i = 0; i < ranges.size(); ++i) {
    store_be64(&list[8 + 16 * i], ranges[i].lba);
    store_be32(&list[16 + 16 * i], ranges[i].blocks);
  }
  Cdb cdb{};
  cdb[0] = 0x42;
  store_be16(&cdb[7], static_cast<uint16_t>(list.size()));
  Answer answer = co_await execute(cdb, list, Bytes());
  co_return answer;
}

Task<Answer> BlockUnit::write_same(uint64_t lba, uint32_t blocks, ConstBytes block, bool unmap) {
  Cdb cdb = cdb16(0x93, lba, blocks);
  cdb[1] = static_cast<uint8_t>((unmap ? 0x08 : 0) | (block.empty() ? 0x01 : 0));
  return execute(cdb, block, Bytes());
}

Task<Result<void>> BlockUnit::become_ready() {
  Answer answer;
  for (int i = 0; i < max_attentions; ++i) {
    answer = co_await test_unit_ready();
    if (answer.outcome != Outcome::answered || answer.sense_key() != key_unit_attention) break;
  }
  co_return answer.result();
}

Task<Result<Capacity>> BlockUnit::read_capacity() {
  std::array<uint8_t, 32> data{};
  Cdb cdb{};
  cdb[0] = 0x9e;
  cdb[1] = 0x10;  // READ CAPACITY (16)
  store_be32(&cdb[10], data.size());
  const Answer answer = co_await execute(cdb, ConstBytes(), data);
  if (!answer.good()) co_return std::unexpected(answer.result().error());
  if (answer.received_bytes < 12)
    co_return fail(ErrorCode::protocol_error, "command", "{} bytes of capacity", answer.received_bytes);
  Capacity capacity;
  capacity.blocks = load_be64(data.data()) + 1;
  capacity.block_bytes = load_be32(&data[8]);
  capacity.physical_exponent = data[13] & 0x0f;
  capacity.thin = (data[14] & 0x80) != 0;
  capacity.reads_zeroes = (data[14] & 0x40) != 0;
  co_return capacity;
}

Task<Result<std::vector<uint8_t>>> BlockUnit::inquiry(std::optional<uint8_t> page,
                                                      uint16_t allocation_bytes) {
  std::vector<uint8_t> data(allocation_bytes);
  Cdb cdb{};
  cdb[0] = 0x12;
  cdb[1] = page ? 1 : 0;
  cdb[2] = page.value_or(0);
  store_be16(&cdb[3], allocation_bytes);
  const Answer answer = co_await execute(cdb, ConstBytes(), data);
  if (!answer.good()) co_return std::unexpected(answer.result().error());
  data.resize(answer.received_bytes);
  co_return std::move(data);
}

Task<Result<std::vector<LunBytes>>> BlockUnit::report_luns() {
  std::vector<uint8_t> data(8 + 8 * max_luns);
  Cdb cdb{};
  cdb[0] = 0xa0;
  store_be32(&cdb[6], static_cast<uint32_t>(data.size()));
  const Answer answer = co_await execute(cdb, ConstBytes(), data);
  if (!answer.good()) co_return std::unexpected(answer.result().error());
  const size_t told = answer.received_bytes < 8 ? 0 : load_be32(data.data());
  if (told % 8 != 0 || told + 8 > answer.received_bytes) {
    co_return fail(ErrorCode::protocol_error, "command", "a LUN list of {} bytes in {}", told,
                   answer.received_bytes);
  }
  std::vector<LunBytes> luns(told / 8);
  for (size_t i = 0; i < luns.size(); ++i) std::copy_n(&data[8 + 8 * i], 8, luns[i].begin());
  co_return std::move(luns);
}

}  // namespace ashlar::initiator
