#include "scsi/passage.h"

#include <algorithm>
#include <span>

#include "scsi/opcode.h"

namespace ashlar::scsi {
namespace {

using unit::CommandEffect;
using Way = Passage::Way;

// What a command of a kind of device does; those of disks are in opcodes.def.
struct Rule {
  uint8_t opcode;
  CommandEffect effect;
  bool changes;
};
constexpr CommandEffect none = CommandEffect::none, reads = CommandEffect::reads,
                        writes = CommandEffect::writes;

// SSC-3 table 20: nearly everything moves the tape, and is kept out by every reservation. READ BLOCK LIMITS; what reads,
// spaces, locates and rewinds; ALLOW OVERWRITE, ERASE, FORMAT MEDIUM, SET CAPACITY, WRITE and WRITE FILEMARKS.
constexpr Rule tape_rules[] = {
    {0x01, writes, false}, {0x04, writes, true},  {0x05, none, false},   {0x08, writes, false},
    {0x0a, writes, true},  {0x0b, writes, true},  {0x0f, writes, false}, {0x10, writes, true},
    {0x11, writes, false}, {0x13, writes, false}, {0x14, writes, false}, {0x19, writes, true},
    {0x1b, writes, false}, {0x2b, writes, false}, {0x34, writes, false}, {0x44, writes, false},
    {0x80, writes, true},  {0x81, writes, false}, {0x82, writes, true},  {0x88, writes, false},
    {0x8a, writes, true},  {0x8f, writes, false}, {0x91, writes, false}, {0x92, writes, false},
    {0x93, writes, true},  {0xa3, none, false},
};
// SMC-3 table 9: INITIALIZE ELEMENT STATUS, OPEN/CLOSE, POSITION TO ELEMENT, INITIALIZE ... WITH RANGE, MOVE MEDIUM, EXCHANGE
// MEDIUM, REQUEST VOLUME ELEMENT ADDRESS, SEND VOLUME TAG, READ ELEMENT STATUS, INITIALIZE ... WITH RANGE of old.
constexpr Rule changer_rules[] = {
    {0x07, writes, false}, {0x1b, writes, true},  {0x2b, writes, true},  {0x37, writes, false},
    {0xa5, writes, true},  {0xa6, writes, true},  {0xb5, writes, false}, {0xb6, writes, true},
    {0xb8, writes, false}, {0xe7, writes, false},
};
// MMC-6: what reads the disc or asks about it, then what writes it. SEND KEY and REPORT KEY have codes that elsewhere are the
// maintenance commands, BLANK that of ATA PASS-THROUGH(12).
constexpr Rule multimedia_rules[] = {
    {0x04, writes, true},  {0x23, none, false},   {0x25, none, false},  {0x28, reads, false},
    {0x2a, writes, true},  {0x2b, reads, false},  {0x2c, writes, true}, {0x2e, writes, true},
    {0x2f, reads, false},  {0x35, writes, false}, {0x42, none, false},  {0x43, none, false},
    {0x44, reads, false},  {0x45, reads, false},  {0x46, none, false},  {0x47, reads, false},
    {0x48, reads, false},  {0x4a, none, false},   {0x4b, reads, false}, {0x4e, reads, false},
    {0x51, none, false},   {0x52, none, false},   {0x53, writes, true}, {0x54, writes, true},
    {0x58, writes, true},  {0x5b, writes, true},  {0x5c, none, false},  {0x5d, writes, true},
    {0xa1, writes, true},  {0xa3, reads, false},  {0xa4, reads, false}, {0xa5, reads, false},
    {0xa8, reads, false},  {0xaa, writes, true},  {0xac, none, false},  {0xad, none, false},
    {0xb6, writes, false}, {0xb9, reads, false},  {0xba, reads, false}, {0xbb, writes, false},
    {0xbd, none, false},   {0xbe, reads, false},  {0xbf, writes, true},
};
// Of all kinds, beside opcodes.def (SPC-4 table 46): READ and WRITE ATTRIBUTE, SECURITY PROTOCOL IN and OUT; of zoned disks ZBC
// OUT and IN.
constexpr Rule common_rules[] = {
    {0x8c, writes, false}, {0x8d, writes, true}, {0xa2, writes, false},
    {0xb5, writes, true},  {0x94, writes, true}, {0x95, reads, false},
};

const Rule* find_rule(std::span<const Rule> rules, uint8_t opcode) {
  const auto found = std::ranges::find(rules, opcode, &Rule::opcode);
  return found == rules.end() ? nullptr : &*found;
}

std::span<const Rule> rules_of(DeviceType type) {
  switch (type) {
    case DeviceType::tape: return tape_rules;
    case DeviceType::changer: return changer_rules;
    case DeviceType::multimedia: return multimedia_rules;
    default: return {};
  }
}

bool is_disk(DeviceType type) {
  return type == DeviceType::disk || type == DeviceType::write_once || type == DeviceType::optical ||
         type == DeviceType::simplified_disk || type == DeviceType::zoned_disk;
}

// SPC-4 4.2.5.1: the group of the operation code says how long it is. Of a maker's own groups nothing does; adapters of today
// send 16 bytes whatever is said, those of old only what is not zero.
uint8_t length_of(ConstBytes cdb) {
  const auto ends_by = [cdb](size_t length) {
    return std::ranges::all_of(cdb.first(16).subspan(length), [](uint8_t byte) { return byte == 0; });
  };
  switch (cdb[0] >> 5) {
    case 0: return 6;
    case 1:
    case 2: return 10;
    case 3: return cdb[0] == variable_length ? static_cast<uint8_t>(std::min(cdb[7] + 8, 255)) : 16;
    case 4: return 16;
    case 5: return 12;
    default: return ends_by(10) ? 10 : ends_by(12) ? 12 : 16;
  }
}

// SPC-4 4.2.4: another command stands within it, past all that is looked at here.
constexpr uint8_t extended_cdb = 0x7e;

Sense no_such_command() { return Sense::of(SenseKey::illegal_request, 0x2000); }

Passage refused(const Sense& sense) {
  Passage passage;
  passage.way = Way::refuse;
  passage.refusal = sense;
  return passage;
}

// SAM-5 4.7.6: an ACA condition of the device would hold the commands of hosts that know nothing of it.
bool asks_for_aca(ConstBytes cdb, uint8_t length) {
  constexpr uint8_t naca = 0x04;
  const bool vendor = cdb[0] >= 0xc0;
  return !vendor && (cdb[cdb[0] == variable_length ? 1 : length - 1u] & naca) != 0;
}

// Third-party copies name units by themselves, beside every mapping (CVE-2020-28374); aliases and access controls do, too.
bool names_other_units(ConstBytes cdb, DeviceType type) {
  switch (cdb[0]) {
    case 0x18:  // COPY, COMPARE, COPY AND VERIFY of old
    case 0x39:
    case 0x3a:
    case 0x83:
    case 0x84:
    case 0x86:
    case 0x87: return true;
    case 0xa3: return type != DeviceType::multimedia && (cdb[1] & 0x1f) == 0x0b;
    case 0xa4: return type != DeviceType::multimedia && ((cdb[1] & 0x1f) == 0x0b || (cdb[1] & 0x1f) == 0x0c);
    default: return false;
  }
}

// WRITE BUFFER modes (SPC-4 6.49.1) that leave the device's microcode alone: data, echo buffer, application client error history.
bool is_harmless_buffer(ConstBytes cdb) {
  const uint8_t mode = cdb[1] & 0x1f;
  return mode == 0x02 || mode == 0x0a || mode == 0x1c;
}

// SEND DIAGNOSTIC: the default self-test alone, without UNITOFFL and DEVOFFL.
bool is_plain_self_test(ConstBytes cdb) { return (cdb[1] & ~0x10) == 0x04; }

bool is_ata(ConstBytes cdb, DeviceType type) {
  constexpr uint16_t ata_pass_through_32 = 0x1ff0;
  return cdb[0] == 0x85 || (cdb[0] == 0xa1 && type != DeviceType::multimedia) ||
         (cdb[0] == variable_length && load_be16(cdb.data() + 8) == ata_pass_through_32);
}

// FORMAT UNIT, FORMAT WITH PRESET and SANITIZE; REMOVE ELEMENT AND TRUNCATE and RESTORE ELEMENTS AND REBUILD (SBC-4), REMOVE ELEMENT
// AND MODIFY ZONES (ZBC-2), which take data and capacity with them.
bool reformats(ConstBytes cdb) {
  const uint8_t action = cdb[1] & 0x1f;
  return cdb[0] == 0x04 || cdb[0] == 0x38 || cdb[0] == 0x48 ||
         (cdb[0] == 0x9e && action >= 0x18 && action <= 0x1a);
}

// The refusal of what the administrator has to allow; NO SENSE: none.
Sense forbidden(ConstBytes cdb, DeviceType type, const block::PassthroughPolicy& policy) {
  if (names_other_units(cdb, type)) return no_such_command();
  if (is_ata(cdb, type) && !policy.ata) return no_such_command();
  if (is_disk(type) && reformats(cdb) && !policy.format) return no_such_command();
  switch (cdb[0]) {
    case extended_cdb: return no_such_command();
    case 0x3b: return policy.firmware || is_harmless_buffer(cdb) ? Sense{} : Sense::invalid_cdb_field(1, 4);
    case 0x1d:
      // An enclosure is steered by nothing else (SES-3 4.2).
      return policy.diagnostics || type == DeviceType::enclosure || is_plain_self_test(cdb)
                 ? Sense{}
                 : Sense::invalid_cdb_field(1, 7);
    default: return {};
  }
}

// REPORT LUNS, the reservations, and how the unit is reached by which target port.
bool is_ours(ConstBytes cdb, DeviceType type) {
  switch (cdb[0]) {
    case 0x16:
    case 0x17:
    case 0x56:
    case 0x57:
    case 0x5e:
    case 0x5f:
    case 0xa0: return true;
    case 0xa3: {
      const uint8_t action = cdb[1] & 0x1f;
      return type != DeviceType::multimedia && (action == 0x0a || action == 0x0d);
    }
    case 0xa4: return type != DeviceType::multimedia && (cdb[1] & 0x1f) == 0x0a;
    default: return false;
  }
}

Passage::News news_of(ConstBytes cdb, DeviceType type) {
  switch (cdb[0]) {
    case 0x15:
    case 0x55: return Passage::News::mode_parameters;
    case 0x4c: return Passage::News::log_parameters;
    case 0x1b: {
      if (type == DeviceType::changer) return Passage::News::none;
      // LOAD UNLOAD with LOAD; START STOP UNIT with LOEJ and START.
      const uint8_t load = type == DeviceType::tape ? 0x01 : 0x03;
      return (cdb[4] & load) == load ? Passage::News::medium : Passage::News::none;
    }
    default: return Passage::News::none;
  }
}

// By nature long: formatting, erasing, a tape from one end to the other, a robot's ways.
bool is_long(ConstBytes cdb, DeviceType type) {
  static constexpr uint8_t tape[] = {0x01, 0x04, 0x11, 0x13, 0x19, 0x1b, 0x2b, 0x82, 0x8f, 0x91, 0x92, 0x93};
  static constexpr uint8_t changer[] = {0x07, 0x37, 0xa5, 0xa6, 0xe7};
  static constexpr uint8_t other[] = {0x04, 0x1d, 0x38, 0x3b, 0x48, 0x5b, 0xa1};
  const std::span<const uint8_t> codes = type == DeviceType::tape      ? std::span<const uint8_t>(tape)
                                         : type == DeviceType::changer ? std::span<const uint8_t>(changer)
                                                                       : std::span<const uint8_t>(other);
  return std::ranges::find(codes, cdb[0]) != codes.end();
}

loop::Nanoseconds timeout_of(ConstBytes cdb, DeviceType type, const block::PassthroughPolicy& policy) {
  if (is_long(cdb, type)) return loop::seconds(4 * 3600);
  if (policy.timeout.count() > 0) return policy.timeout;
  switch (type) {
    case DeviceType::tape:
    case DeviceType::changer: return loop::seconds(900);
    case DeviceType::multimedia: return loop::seconds(120);
    default: return loop::seconds(60);
  }
}

void take_opcode(Passage& passage, const Opcode& opcode) {
  passage.effect = opcode.has(OpcodeFlag::writes) || opcode.has(alters) ? writes
                   : opcode.has(shares)                                 ? reads
                                                                        : none;
  passage.changes = opcode.has(OpcodeFlag::writes);
  passage.past_attention = opcode.has(past_attention);
  passage.need = opcode.access_need();
}

void take_rules(Passage& passage, ConstBytes cdb, DeviceType type) {
  const Rule* rule = find_rule(rules_of(type), cdb[0]);
  bool known = false;
  const Opcode* const opcode = find_opcode(cdb[0], service_action_of(cdb.data()), known);
  if (rule == nullptr && opcode == nullptr) rule = find_rule(common_rules, cdb[0]);
  if (rule != nullptr) {
    passage.effect = rule->effect;
    passage.changes = rule->changes;
  } else if (opcode != nullptr) {
    take_opcode(passage, *opcode);
  } else if (cdb[0] == 0xa3) {  // MAINTENANCE IN reports
    passage.effect = none;
    passage.changes = false;
  }
  // START STOP UNIT and PREVENT ALLOW MEDIUM REMOVAL: what starts and what allows is for everybody (SBC-3 table 13).
  if (cdb[0] == 0x1b && rule == nullptr) passage.effect = (cdb[4] & 0xf1) == 0x01 ? none : writes;
  if (cdb[0] == 0x1e) passage.effect = (cdb[4] & 0x01) == 0 ? none : writes;
  passage.releases = cdb[0] == 0x17 || cdb[0] == 0x57;
}

Way way_of(ConstBytes cdb, DeviceType type) {
  if (is_ours(cdb, type)) return Way::ours;
  switch (cdb[0]) {
    case 0x03: return Way::sense;
    case 0x12: return Way::inquire;
    case 0x1e: return Way::prevent;
    default: return Way::pass;
  }
}

}  // namespace

Passage passage_of(ConstBytes cdb, uint8_t device_type, const block::PassthroughPolicy& policy) {
  const auto type = static_cast<DeviceType>(device_type);
  const uint8_t length = length_of(cdb);
  constexpr uint8_t least_variable_bytes =
      12;  // the service action stands at 8 and 9, and lengths are multiples of four
  if (length > cdb.size() || (cdb[0] == variable_length && length < least_variable_bytes))
    return refused(Sense::invalid_cdb_field(7));
  const Sense refusal = forbidden(cdb, type, policy);
  if (refusal.key != SenseKey::no_sense) return refused(refusal);
  if (asks_for_aca(cdb, length))
    return refused(
        Sense::invalid_cdb_field(cdb[0] == variable_length ? 1 : static_cast<uint16_t>(length - 1), 2));
  Passage passage;
  passage.way = way_of(cdb, type);
  passage.cdb_length = length;
  passage.news = news_of(cdb, type);
  passage.timeout = timeout_of(cdb, type, policy);
  take_rules(passage, cdb, type);
  return passage;
}

}  // namespace ashlar::scsi
