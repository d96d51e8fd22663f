// REPORT LUNS, REPORT SUPPORTED OPERATION CODES and REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS (SPC-4 6.33, 6.35, 6.36).
#include <algorithm>
#include <vector>

#include "scsi/handlers.h"
#include "scsi/nexus_impl.h"
#include "wire/scsi_lun.h"

namespace ashlar::scsi {
namespace {

void append_bytes(std::vector<uint8_t>& data, ConstBytes bytes) {
  data.insert(data.end(), bytes.begin(), bytes.end());
}

// SPC-4 6.35.4: no estimate of the time a command takes, but the descriptor is there.
constexpr uint8_t timeouts_descriptor[12] = {0x00, 0x0a};

void report_all(Handling handling, bool timeouts, uint32_t allocation_length) {
  std::vector<uint8_t> data(4);
  for (const Opcode& opcode : all_opcodes(handling.lun().kind)) {
    if (!is_supported(handling, opcode)) continue;
    uint8_t descriptor[8] = {opcode.opcode};
    if (opcode.service_action >= 0) {
      store_be16(descriptor + 2, static_cast<uint16_t>(opcode.service_action));
      descriptor[5] |= 0x01;  // SERVACTV
    }
    if (timeouts) descriptor[5] |= 0x02;  // CTDP
    store_be16(descriptor + 6, opcode.length);
    append_bytes(data, descriptor);
    if (timeouts) append_bytes(data, timeouts_descriptor);
  }
  store_be32(data.data(), static_cast<uint32_t>(data.size() - 4));
  handling.reply(data, allocation_length);
}

void report_one(Handling handling, const Opcode* opcode, bool timeouts, uint32_t allocation_length) {
  std::vector<uint8_t> data(4);
  data[1] = 0x01;  // SUPPORT: not supported
  if (opcode != nullptr && is_supported(handling, *opcode)) {
    data[1] = static_cast<uint8_t>(0x03 | (timeouts ? 0x80 : 0));
    store_be16(data.data() + 2, opcode->length);
    append_bytes(data, ConstBytes(opcode->usage).first(opcode->length));
    if (timeouts) append_bytes(data, timeouts_descriptor);
  }
  handling.reply(data, allocation_length);
}

}  // namespace

void report_luns(Handling handling) {
  const uint8_t select = handling.cdb()[2];
  if (select > 2) return handling.fail(Sense::invalid_cdb_field(2));
  NexusState::Impl& nexus = handling.nexus().impl();
  std::vector<uint8_t> data(8);
  if (select != 1) {
    for (const auto& [number, state] : nexus.luns) append_bytes(data, wire::scsi::encode_lun(number));
  }
  if (select != 0) append_bytes(data, wire::scsi::report_luns_lun);
  store_be32(data.data(), static_cast<uint32_t>(data.size() - 8));
  // SPC-4 6.33: the host has seen the list, so no unit has to tell that it changed.
  for (auto& [number, state] : nexus.luns) state->attentions.clear(unit::Attention::luns_changed);
  handling.reply(data, load_be32(handling.cdb() + 6));
}

void report_opcodes(Handling handling) {
  const uint8_t* cdb = handling.cdb();
  const bool timeouts = (cdb[2] & 0x80) != 0;
  const uint8_t options = cdb[2] & 0x07;
  const uint16_t action = load_be16(cdb + 4);
  const uint32_t allocation_length = load_be32(cdb + 6);
  if (options == 0) return report_all(handling, timeouts, allocation_length);
  if (options > 3) return handling.fail(Sense::invalid_cdb_field(2, 2));
  const unit::DeviceKind kind = handling.lun().kind;
  const auto first = std::ranges::find(all_opcodes(kind), cdb[3], &Opcode::opcode);
  if (first == all_opcodes(kind).end()) return report_one(handling, nullptr, timeouts, allocation_length);
  const bool has_actions = first->service_action >= 0;
  // 001b: a command without service actions; 010b: one with them; 011b: either, where none is named by zero.
  if (options == 1 && has_actions) return handling.fail(Sense::invalid_cdb_field(2, 2));
  if (options == 2 && !has_actions) return handling.fail(Sense::invalid_cdb_field(2, 2));
  const Opcode* opcode = &*first;
  bool known = false;
  if (has_actions) opcode = find_opcode(cdb[3], action, known, kind);
  if (options == 3 && !has_actions && action != 0) opcode = nullptr;
  report_one(handling, opcode, timeouts, allocation_length);
}

void report_task_management(Handling handling) {
  const uint8_t* cdb = handling.cdb();
  const uint32_t allocation_length = load_be32(cdb + 6);
  if (allocation_length < 4) return handling.fail(Sense::invalid_cdb_field(6));
  // ABORT TASK, ABORT TASK SET, CLEAR ACA, CLEAR TASK SET, LOGICAL UNIT RESET, TARGET RESET.
  uint8_t data[16] = {0xfa};
  const bool extended = (cdb[2] & 0x80) != 0;  // REPD: timeouts, none of which is told
  if (extended) data[3] = 0x0c;
  handling.reply(ConstBytes(data).first(extended ? 16 : 4), allocation_length);
}

}  // namespace ashlar::scsi
