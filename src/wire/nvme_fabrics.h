// Fabrics commands (NVMe-oF 1.1 3.3): Connect and its data, properties.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/identity.h"
#include "wire/nvme_command.h"

namespace ashlar::wire::nvme {

constexpr size_t connect_data_bytes = 1024;
constexpr size_t name_field_bytes = 256;
/// An NQN has at most 223 bytes and a zero behind it (NVMe base 2.0 4.5).
constexpr size_t most_name_bytes = 223;
constexpr std::string_view discovery_name = "nqn.2014-08.org.nvmexpress.discovery";

/// The text of a field that a zero ends; none when there is no zero, or it is empty or too long.
inline std::optional<std::string> name_of_field(ConstBytes field) {
  const std::string_view text = text_of(field);
  const size_t end = text.find('\0');
  if (end == 0 || end == std::string_view::npos || end > most_name_bytes) return std::nullopt;
  return std::string(text.substr(0, end));
}

/// Connect: what is in the entry.
struct Connect {
  uint16_t record_format = 0;
  uint16_t queue_id = 0;
  uint16_t queue_entries = 0;  ///< SQSIZE, from 0
  bool no_flow_control = false;
  uint32_t keep_alive_milliseconds = 0;

  static Connect decode(const Submission& entry) {
    return {load_le16(entry.at(40)), load_le16(entry.at(42)), load_le16(entry.at(44)),
            (entry.bytes[46] & 4) != 0, load_le32(entry.at(48))};
  }
  void encode(Submission& entry) const {
    entry.set_opcode(fabrics_opcode);
    entry.bytes[4] = static_cast<uint8_t>(FabricsType::connect);
    store_le16(entry.at(40), record_format);
    store_le16(entry.at(42), queue_id);
    store_le16(entry.at(44), queue_entries);
    entry.bytes[46] = no_flow_control ? 4 : 0;
    store_le32(entry.at(48), keep_alive_milliseconds);
  }
  bool operator==(const Connect&) const = default;
};

/// AUTHREQ in DW0 of its answer (figure 22): the host must authenticate itself before any other command (ATR), or make a secure
/// channel of it, too (ASCR).
constexpr uint32_t authentication_required_bit = 1u << 17, secure_channel_required_bit = 1u << 18;

/// Offsets that a refusal names (figure 21: IPO).
struct ConnectField {
  static constexpr uint16_t queue_id = 42, queue_entries = 44, keep_alive = 48;            ///< of the entry
  static constexpr uint16_t host_id = 0, controller_id = 16, subsystem = 256, host = 512;  ///< of the data
};
/// DW0 of a refusal: which parameter is wrong.
inline uint32_t invalid_connect_parameter(uint16_t offset, bool of_data) {
  return offset | (of_data ? 1u << 16 : 0u);
}

struct ConnectData {
  Uuid host_id{};
  uint16_t controller_id = dynamic_controller;
  std::optional<std::string> subsystem, host;  ///< NQNs; none: no name in that field

  /// `bytes`: connect_data_bytes.
  static ConnectData decode(ConstBytes bytes) {
    ConnectData data;
    std::memcpy(data.host_id.data(), bytes.data(), data.host_id.size());
    data.controller_id = load_le16(bytes.data() + 16);
    data.subsystem = name_of_field(bytes.subspan(256, name_field_bytes));
    data.host = name_of_field(bytes.subspan(512, name_field_bytes));
    return data;
  }
  std::array<uint8_t, connect_data_bytes> encode() const {
    std::array<uint8_t, connect_data_bytes> bytes{};
    std::memcpy(bytes.data(), host_id.data(), host_id.size());
    store_le16(bytes.data() + 16, controller_id);
    if (subsystem) std::memcpy(bytes.data() + 256, subsystem->data(), subsystem->size());
    if (host) std::memcpy(bytes.data() + 512, host->data(), host->size());
    return bytes;
  }
  bool operator==(const ConnectData&) const = default;
};

/// Properties (figure 34): what other transports have as registers.
enum class Property : uint32_t {
  capabilities = 0x00,   ///< CAP, 8 bytes
  version = 0x08,        ///< VS
  configuration = 0x14,  ///< CC
  status = 0x1c,         ///< CSTS
  subsystem_reset = 0x20,
};
/// Property Get and Set: CDW10 has the size, CDW11 the offset, CDW12 and 13 the value.
struct PropertyAccess {
  bool eight_bytes = false;
  Property property = Property::capabilities;
  uint64_t value = 0;
  bool known_size = true;  ///< ATTRIB says 4 or 8 bytes

  static PropertyAccess decode(const Submission& entry) {
    const unsigned size = entry.bytes[40] & 7;
    return {size == 1, static_cast<Property>(entry.word(11)), entry.pair(12), size <= 1};
  }
  void encode(Submission& entry, FabricsType type) const {
    entry.set_opcode(fabrics_opcode);
    entry.bytes[4] = static_cast<uint8_t>(type);
    entry.bytes[40] = eight_bytes ? 1 : 0;
    entry.set_word(11, static_cast<uint32_t>(property));
    entry.set_pair(12, value);
  }
  bool operator==(const PropertyAccess&) const = default;
};

}  // namespace ashlar::wire::nvme
