#include "scsi/opcode.h"

#include <bit>
#include <cstring>

#include "scsi/handlers.h"

namespace ashlar::scsi {
namespace {

constexpr Tallied tallied_of(void (*handler)(Handling)) {
  if (handler == &read || handler == &read_cd) return Tallied::read;
  if (handler == &write || handler == &write_atomic || handler == &write_and_verify) return Tallied::write;
  if (handler == &unmap) return Tallied::unmap;
  if (handler == &write_same || handler == &or_write || handler == &compare_and_write) return Tallied::modify;
  return handler == &verify ? Tallied::verified : Tallied::nothing;
}

constexpr uint8_t service_action_bits = 0x1f;

constexpr std::array<uint64_t, 4> forbidden_bits(const Opcode& opcode) {
  std::array<uint8_t, 32> mask{};
  for (size_t byte = 1; byte < opcode.length; ++byte) mask[byte] = static_cast<uint8_t>(~opcode.usage[byte]);
  if (opcode.opcode == variable_length) {
    mask[8] = mask[9] = 0;
  } else if (opcode.service_action >= 0) {
    mask[1] &= static_cast<uint8_t>(~service_action_bits);
  }
  return std::bit_cast<std::array<uint64_t, 4>>(mask);
}

// NACA, the one bit of the CONTROL byte that is looked at (SAM-5 5.2), is every command's.
constexpr Opcode complete(Opcode opcode) {
  opcode.usage[opcode.opcode == variable_length ? 1 : opcode.length - 1] |= normal_allegiance_bit;
  opcode.forbidden = forbidden_bits(opcode);
  return opcode;
}

#define OPCODE(name, code, action, length, flags, handler, ...) \
  complete({name, code, action, length, flags, tallied_of(&handler), handler, {code, __VA_ARGS__}, {}}),
constexpr Opcode disk_opcodes[] = {
#include "scsi/opcodes.def"
};
constexpr Opcode cd_opcodes[] = {
#include "scsi/cd_opcodes.def"
};
#undef OPCODE

struct Table {
  std::span<const Opcode> opcodes;
  std::array<uint8_t, 256> first{};  // by operation code, position in `opcodes` + 1; 0: there is none
};

constexpr Table make_table(std::span<const Opcode> opcodes) {
  Table table{opcodes};
  for (size_t i = 0; i < opcodes.size(); ++i) {
    uint8_t& first = table.first[opcodes[i].opcode];
    if (first == 0) first = static_cast<uint8_t>(i + 1);
  }
  return table;
}

// By DeviceKind.
constexpr Table tables[] = {make_table(disk_opcodes), make_table(cd_opcodes)};

const Table& table_of(unit::DeviceKind kind) { return tables[static_cast<size_t>(kind)]; }

}  // namespace

// SPC-4 5.15.2.4.4 names what works in standby; READ CAPACITY beside it, so that a host can attach the disk by such a way.
unit::AccessNeed Opcode::access_need() const {
  if (has(past_attention) || has(in_any_state)) return unit::AccessNeed::nothing;
  if (has(steers_access)) return unit::AccessNeed::steering;
  const bool of_medium = (has(medium) && !has(in_standby)) || has(active);
  return of_medium ? unit::AccessNeed::medium : unit::AccessNeed::parameters;
}

std::span<const Opcode> all_opcodes(unit::DeviceKind kind) { return table_of(kind).opcodes; }

// By the group of the operation code, also of commands that are not there (SPC-4 4.2.2).
bool asks_for_allegiance(const uint8_t* cdb) {
  switch (cdb[0] >> 5) {
    case 0: return (cdb[5] & normal_allegiance_bit) != 0;
    case 1:
    case 2: return (cdb[9] & normal_allegiance_bit) != 0;
    case 3: return cdb[0] == variable_length && (cdb[1] & normal_allegiance_bit) != 0;
    case 4: return (cdb[15] & normal_allegiance_bit) != 0;
    case 5: return (cdb[11] & normal_allegiance_bit) != 0;
    default: return false;
  }
}

uint16_t service_action_of(const uint8_t* cdb) {
  return cdb[0] == variable_length ? load_be16(cdb + 8) : cdb[1] & service_action_bits;
}

const Opcode* find_opcode(uint8_t operation_code, uint16_t service_action, bool& known,
                          unit::DeviceKind kind) {
  const Table& table = table_of(kind);
  const uint8_t first = table.first[operation_code];
  known = first != 0;
  if (!known) return nullptr;
  for (size_t i = first - 1u; i < table.opcodes.size() && table.opcodes[i].opcode == operation_code; ++i) {
    const Opcode& opcode = table.opcodes[i];
    if (opcode.service_action < 0 || opcode.service_action == service_action) return &opcode;
  }
  return nullptr;
}

int first_invalid_bit(const Opcode& opcode, const uint8_t* cdb) {
  const auto& forbidden = opcode.forbidden;
  uint64_t words[4] = {};
  std::memcpy(words, cdb, 16);
  words[0] &= forbidden[0];
  words[1] &= forbidden[1];
  if (opcode.length > 16) [[unlikely]] {
    std::memcpy(words + 2, cdb + 16, 16);
    words[2] &= forbidden[2];
    words[3] &= forbidden[3];
  }
  if ((words[0] | words[1] | words[2] | words[3]) == 0) [[likely]]
    return -1;
  uint8_t wrong[32];
  std::memcpy(wrong, words, sizeof wrong);
  int byte = 0;
  while (wrong[byte] == 0) ++byte;
  return byte << 3 | (std::bit_width(wrong[byte]) - 1);
}

}  // namespace ashlar::scsi
