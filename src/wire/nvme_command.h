// Submission and completion queue entries (NVMe base 2.0 figures 87 to 91, NVMe-oF 1.1 2.1): fields of 64 and 16 bytes. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstring>

#include "base/bytes.h"
#include "wire/nvme_status.h"

namespace ashlar::wire::nvme {

inline void store_le16(uint8_t* to, uint16_t value) { std::memcpy(to, &value, sizeof value); }

constexpr size_t submission_bytes = 64;
constexpr size_t completion_bytes = 16;
constexpr uint32_t every_namespace = 0xffffffff;
/// CNTLID of Connect: any dynamic controller (NVMe-oF 1.1 3.3).
constexpr uint16_t dynamic_controller = 0xffff;
/// Any static controller that is free.
constexpr uint16_t static_controller = 0xfffe;
/// The largest that a controller can have.
constexpr uint16_t last_controller = 0xffef;

/// Of every queue: fabrics commands are told apart by FCTYPE.
constexpr uint8_t fabrics_opcode = 0x7f;

enum class AdminOpcode : uint8_t {
  get_log_page = 0x02,
  identify = 0x06,
  abort = 0x08,
  set_features = 0x09,
  get_features = 0x0a,
  asynchronous_event_request = 0x0c,
  namespace_attachment = 0x15,
  keep_alive = 0x18,
  format_nvm = 0x80,
  sanitize = 0x84,
};

enum class IoOpcode : uint8_t {
  flush = 0x00,
  write = 0x01,
  read = 0x02,
  write_uncorrectable = 0x04,
  compare = 0x05,
  write_zeroes = 0x08,
  dataset_management = 0x09,
  verify = 0x0c,
  reservation_register = 0x0d,
  reservation_report = 0x0e,
  reservation_acquire = 0x11,
  reservation_release = 0x15,
  copy = 0x19,
};

enum class FabricsType : uint8_t {
  property_set = 0x00,
  connect = 0x01,
  property_get = 0x04,
  authentication_send = 0x05,
  authentication_receive = 0x06,
  disconnect = 0x08,
};

/// FUSE (figure 87).
enum class Fuse : uint8_t { none = 0, first = 1, second = 2, reserved = 3 };

/// Where the data of a command is, as its one descriptor says (base 2.0 figure 108 and NVMe/TCP 1.0 3.3.2).
struct DataDescriptor {
  enum class Kind : uint8_t {
    in_capsule,  ///< data block with an offset: behind the entry, in its capsule
    transport,   ///< the transport fetches and brings it
    unknown,
  };
  Kind kind = Kind::unknown;
  uint64_t offset = 0;  ///< in_capsule
  uint32_t length = 0;  ///< bytes
};

/// The 64 bytes that a host submits.
struct Submission {
  std::array<uint8_t, submission_bytes> bytes{};

  static Submission copy_of(const uint8_t* from) {
    Submission entry;
    std::memcpy(entry.bytes.data(), from, submission_bytes);
    return entry;
  }
  const uint8_t* at(size_t offset) const { return bytes.data() + offset; }
  uint8_t* at(size_t offset) { return bytes.data() + offset; }

  uint8_t opcode() const { return bytes[0]; }
  Fuse fuse() const { return static_cast<Fuse>(bytes[1] & 3); }
  /// PSDT: 01b or 10b, descriptors; 00b, PRPs, which no fabric has.
  uint8_t data_pointer_kind() const { return bytes[1] >> 6; }
  uint16_t command_id() const { return load_le16(at(2)); }
  uint32_t namespace_id() const { return load_le32(at(4)); }
  uint32_t word(unsigned number) const { return load_le32(at(size_t{number} * 4)); }  ///< CDWn
  uint64_t pair(unsigned number) const { return load_le64(at(size_t{number} * 4)); }  ///< CDWn and the next
  void set_opcode(uint8_t opcode) { bytes[0] = opcode; }
  void set_fuse(Fuse fuse) { bytes[1] = static_cast<uint8_t>((bytes[1] & ~3u) | static_cast<uint8_t>(fuse)); }
  void set_command_id(uint16_t id) { store_le16(at(2), id); }
  void set_namespace_id(uint32_t id) { store_le32(at(4), id); }
  void set_word(unsigned number, uint32_t value) { store_le32(at(size_t{number} * 4), value); }
  void set_pair(unsigned number, uint64_t value) { store_le64(at(size_t{number} * 4), value); }

  bool is_fabrics() const { return opcode() == fabrics_opcode; }
  FabricsType fabrics_type() const { return static_cast<FabricsType>(bytes[4]); }

  /// Bits 1:0 of the opcode, or of FCTYPE: 01b to the controller, 10b from it.
  bool sends_data() const { return ((is_fabrics() ? bytes[4] : bytes[0]) & 3) == 1; }
  bool takes_data() const { return ((is_fabrics() ? bytes[4] : bytes[0]) & 3) == 2; }

  DataDescriptor data() const {
    DataDescriptor found;
    found.length = load_le32(at(32));
    switch (bytes[39]) {
      case 0x01:
        found.kind = DataDescriptor::Kind::in_capsule;
        found.offset = load_le64(at(24));
        break;
      case 0x5a: found.kind = DataDescriptor::Kind::transport; break;
      default: break;
    }
    return found;
  }
  void set_data(const DataDescriptor& data) {
    bytes[1] = static_cast<uint8_t>((bytes[1] & 0x3f) | 0x40);
    std::memset(at(24), 0, 16);
    store_le32(at(32), data.length);
    if (data.kind == DataDescriptor::Kind::in_capsule) {
      store_le64(at(24), data.offset);
      bytes[39] = 0x01;
    } else {
      bytes[39] = 0x5a;
    }
  }
  bool operator==(const Submission&) const = default;
};

/// The 16 bytes that answer one.
struct Completion {
  uint64_t result = 0;  ///< DW0 and DW1
  uint16_t submission_head = 0;
  uint16_t queue_id = 0;
  uint16_t command_id = 0;
  Outcome outcome;

  void encode(uint8_t* to) const {
    store_le64(to, result);
    store_le16(to + 8, submission_head);
    store_le16(to + 10, queue_id);
    store_le16(to + 12, command_id);
    store_le16(to + 14, outcome.field());
  }
  static Completion decode(const uint8_t* from) {
    return {load_le64(from), load_le16(from + 8), load_le16(from + 10), load_le16(from + 12),
            Outcome::of_field(load_le16(from + 14))};
  }
  bool operator==(const Completion&) const = default;
};

/// Blocks of a command of the NVM command set (NVM 1.0 figure 22): SLBA in CDW10 and 11, NLB, from 0, in CDW12.
struct BlockRange {
  uint64_t lba = 0;
  uint32_t blocks = 0;  ///< 1 to 65536
};
inline BlockRange block_range(const Submission& entry) {
  return {entry.pair(10), (entry.word(12) & 0xffff) + 1};
}
inline bool force_unit_access(const Submission& entry) { return (entry.word(12) & 1u << 30) != 0; }
inline bool may_deallocate(const Submission& entry) { return (entry.word(12) & 1u << 25) != 0; }
/// PRINFO with PRACT or checks: these formats have no protection information (NVM 1.0 figure 23).
inline bool asks_for_protection(const Submission& entry) { return (entry.word(12) >> 26 & 0xf) != 0; }

}  // namespace ashlar::wire::nvme
