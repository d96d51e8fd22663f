// The tables of commands, one for each kind of device: dispatch, the checks of reserved bits, and REPORT SUPPORTED OPERATION CODES all
// read them.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "unit/access.h"
#include "unit/identity.h"

namespace ashlar::scsi {

class Handling;

/// What the dispatcher must know of a command before its handler runs.
enum OpcodeFlag : uint16_t {
  no_flags = 0,
  medium = 1,          ///< needs a unit that is ready
  writes = 2,          ///< refused by a write-protected unit or mapping
  past_attention = 4,  ///< runs although a unit attention is pending (SAM-5 5.14)
  anywhere = 8,        ///< also where no unit is
  well_known = 16,     ///< also on the REPORT LUNS well known logical unit (SPC-4 8.2)
  thin = 32,           ///< only on units that manage their provisioning (LBPME)
  shares = 64,         ///< kept out by exclusive access reservations (SPC-4 table 46, SBC-3 table 13)
  alters = 128,        ///< kept out by every reservation of others; what `writes` does so too
  atomic = 256,        ///< only where the store promises writes that are never torn
  in_rewrite =
      512,  ///< also while SANITIZE or FORMAT UNIT rewrites the medium, and after that failed (SBC-4 4.11)
  mends = 1024,           ///< also on a medium that is format corrupt
  active = 2048,          ///< needs an active way to the unit, as `medium` does
  in_standby = 4096,      ///< works by a way in standby, although it needs the medium
  in_any_state = 8192,    ///< works by a way in any access state; what goes past_attention does so too
  steers_access = 16384,  ///< changes access states: only where hosts may
  keyed = 32768,          ///< only where the medium is encrypted with a key of its own
};

/// What the unit's tally makes of a command (SPC-4 table 375 for the statistics).
enum class Tallied : uint8_t {
  nothing,
  read,      ///< a read command
  write,     ///< a write command; its data-out are logical blocks
  unmap,     ///< a write command without blocks
  modify,    ///< writes blocks, but is no write command: WRITE SAME, ORWRITE, COMPARE AND WRITE
  verified,  ///< VERIFY
};

struct Opcode {
  std::string_view name;
  uint8_t opcode;
  int16_t service_action;  ///< -1: the command has none
  uint8_t length;          ///< of the CDB, bytes
  uint16_t flags;          ///< OpcodeFlag
  Tallied tallied;
  void (*handler)(Handling);
  /// CDB USAGE DATA (SPC-4 6.35.3): a bit is one where the device server looks at it; byte 0 and a service action hold
  /// their value. Bits that are zero are reserved, obsolete or refused: a CDB that sets them has an INVALID FIELD.
  std::array<uint8_t, 32> usage;
  /// The bits that a CDB must not set, as words in the machine's order: the checks of a READ are a load and two ands.
  std::array<uint64_t, 4> forbidden;

  bool has(OpcodeFlag flag) const { return (flags & flag) != 0; }
  unit::AccessNeed access_need() const;
};

/// All commands of a kind of device by ascending opcode and service action.
std::span<const Opcode> all_opcodes(unit::DeviceKind kind = unit::DeviceKind::disk);

/// Operation code of CDBs of any length, whose service action stands at bytes 8 and 9 (SPC-4 4.2.3).
constexpr uint8_t variable_length = 0x7f;

/// NACA in the CONTROL byte: a CHECK CONDITION of this command establishes an ACA condition.
constexpr uint8_t normal_allegiance_bit = 0x04;
bool asks_for_allegiance(const uint8_t* cdb);

/// Where the CDB would have a service action, whether or not its command has one.
uint16_t service_action_of(const uint8_t* cdb);

/// The entry for an operation code and a service action (which does not matter to commands that have none), or null; `known`
/// then tells whether the operation code exists with another service action.
const Opcode* find_opcode(uint8_t operation_code, uint16_t service_action, bool& known,
                          unit::DeviceKind kind = unit::DeviceKind::disk);

/// The first bit that the CDB sets and must not, as byte << 3 | bit, or -1. `cdb` has max(16, opcode.length) bytes.
int first_invalid_bit(const Opcode& opcode, const uint8_t* cdb);

}  // namespace ashlar::scsi
