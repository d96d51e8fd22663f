#include "wire/nvme_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace ashlar::wire::nvme {
namespace {

constexpr size_t error_bytes = 64;
constexpr size_t log_header_bytes = 16;
constexpr size_t group_bytes = 32;

// 128 bits of which the upper half is zero.
void put_wide(uint8_t* to, uint64_t value) { store_le64(to, value); }

// DATA UNITS are thousands of 512 bytes, rounded up.
uint64_t data_units(uint64_t bytes) { return (bytes / 512 + 999) / 1000; }

std::string trimmed(ConstBytes field) {
  std::string_view text = text_of(field);
  text = text.substr(0, text.find('\0'));
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return std::string(text);
}

void put_padded(uint8_t* to, size_t width, std::string_view text) {
  std::memset(to, ' ', width);
  std::memcpy(to, text.data(), std::min(width, text.size()));
}

}  // namespace

std::vector<uint8_t> encode_errors(const std::vector<ErrorEntry>& newest_first, size_t entries) {
  std::vector<uint8_t> page(entries * error_bytes);
  for (size_t i = 0; i < std::min(entries, newest_first.size()); ++i) {
    const ErrorEntry& entry = newest_first[i];
    uint8_t* to = page.data() + i * error_bytes;
    store_le64(to, entry.number);
    store_le16(to + 8, entry.queue_id);
    store_le16(to + 10, entry.command_id);
    store_le16(to + 12, entry.outcome.field());
    store_le16(to + 14, 0xffff);  // no one parameter is named
    store_le64(to + 16, entry.lba);
    store_le32(to + 24, entry.namespace_id);
    to[29] = 3;  // TRTYPE: TCP
  }
  return page;
}

std::vector<uint8_t> encode(const Health& health) {
  std::vector<uint8_t> page(512);
  uint8_t* to = page.data();
  to[0] = static_cast<uint8_t>((health.spare_low ? 1 : 0) | (health.unreliable ? 4 : 0) |
                               (health.read_only ? 8 : 0));
  store_le16(to + 1, 298);  // 25 degrees: an array has no temperature of one medium
  to[3] = health.spare_percent;
  to[4] = health.spare_threshold_percent;
  put_wide(to + 32, data_units(health.read_bytes));
  put_wide(to + 48, data_units(health.written_bytes));
  put_wide(to + 64, health.read_commands);
  put_wide(to + 80, health.write_commands);
  put_wide(to + 128, health.power_on_hours);
  put_wide(to + 160, health.media_errors);
  put_wide(to + 176, health.error_entries);
  return page;
}

std::vector<uint8_t> encode_firmware_slot(std::string_view firmware) {
  std::vector<uint8_t> page(512);
  page[0] = 1;
  put_padded(page.data() + 8, 8, firmware);
  return page;
}

std::vector<uint8_t> encode_changed_namespaces(const std::vector<uint32_t>& ascending) {
  std::vector<uint8_t> page(4096);
  if (ascending.size() > 1024) {
    store_le32(page.data(), every_namespace);
    return page;
  }
  for (size_t i = 0; i < ascending.size(); ++i) store_le32(page.data() + 4 * i, ascending[i]);
  return page;
}

std::vector<uint8_t> encode_command_effects(const std::vector<CommandEffect>& admin,
                                            const std::vector<CommandEffect>& io) {
  std::vector<uint8_t> page(4096);
  const auto put = [&page](size_t base, const CommandEffect& effect) {
    store_le32(page.data() + base + size_t{effect.opcode} * 4, effect.effects | Effects::supported);
  };
  for (const CommandEffect& effect : admin) put(0, effect);
  for (const CommandEffect& effect : io) put(1024, effect);
  return page;
}

std::vector<uint8_t> encode_feature_effects(const std::vector<FeatureEffect>& features) {
  std::vector<uint8_t> page(1024);
  for (const FeatureEffect& each : features)
    store_le32(page.data() + size_t{each.id} * 4, each.effects | Effects::supported);
  return page;
}

std::vector<uint8_t> encode_management_effects() { return std::vector<uint8_t>(4096); }

std::vector<uint8_t> encode_supported_pages(const std::vector<LogPage>& pages) {
  std::vector<uint8_t> page(1024);
  for (const LogPage each : pages) {
    page[static_cast<size_t>(each) * 4] = 1;
    // ECRH: the header alone can be read with a new context.
    if (each == LogPage::persistent_events) page[static_cast<size_t>(each) * 4 + 2] = 1;
  }
  return page;
}

std::vector<uint8_t> encode_access_groups(const std::vector<AccessGroup>& groups, uint64_t changes,
                                          bool groups_only) {
  std::vector<uint8_t> page(log_header_bytes);
  store_le64(page.data(), changes);
  store_le16(page.data() + 8, static_cast<uint16_t>(groups.size()));
  for (const AccessGroup& group : groups) {
    const size_t listed = groups_only ? 0 : group.namespaces.size();
    const size_t at = page.size();
    page.resize(at + group_bytes + 4 * listed);
    uint8_t* to = page.data() + at;
    store_le32(to, group.id);
    store_le32(to + 4, static_cast<uint32_t>(listed));
    store_le64(to + 8, group.changes);
    to[16] = static_cast<uint8_t>(group.state);
    for (size_t i = 0; i < listed; ++i) store_le32(to + group_bytes + 4 * i, group.namespaces[i]);
  }
  return page;
}

std::vector<AccessGroup> decode_access_groups(ConstBytes page) {
  std::vector<AccessGroup> groups;
  if (page.size() < log_header_bytes) return groups;
  const uint16_t count = load_le16(page.data() + 8);
  size_t at = log_header_bytes;
  for (uint16_t i = 0; i < count && page.size() - at >= group_bytes; ++i) {
    const uint8_t* from = page.data() + at;
    AccessGroup group;
    group.id = load_le32(from);
    group.changes = load_le64(from + 8);
    group.state = static_cast<AccessGroupState>(from[16] & 0xf);
    at += group_bytes;
    const size_t room = (page.size() - at) / 4;
    const size_t listed = std::min<size_t>(load_le32(from + 4), room);
    for (size_t n = 0; n < listed; ++n) group.namespaces.push_back(load_le32(page.data() + at + 4 * n));
    at += 4 * listed;
    groups.push_back(std::move(group));
  }
  return groups;
}

std::vector<uint8_t> encode_reservation_notice(uint64_t count, ReservationNotice notice, uint8_t more,
                                               uint32_t namespace_id) {
  std::vector<uint8_t> page(64);
  store_le64(page.data(), count);
  page[8] = static_cast<uint8_t>(notice);
  page[9] = more;
  store_le32(page.data() + 12, namespace_id);
  return page;
}

std::vector<uint8_t> encode(const SanitizeStatus& status) {
  std::vector<uint8_t> page(512);
  store_le16(page.data(), status.progress);
  store_le16(page.data() + 2, status.status_field());
  store_le32(page.data() + 4, status.command);
  std::fill(page.begin() + 8, page.begin() + 32, uint8_t{0xff});
  return page;
}

std::vector<uint8_t> encode_discovery(uint64_t generation, const std::vector<DiscoveryEntry>& entries) {
  std::vector<uint8_t> page(discovery_entry_bytes * (1 + entries.size()));
  store_le64(page.data(), generation);
  store_le64(page.data() + 8, entries.size());
  for (size_t i = 0; i < entries.size(); ++i) {
    const DiscoveryEntry& entry = entries[i];
    uint8_t* to = page.data() + discovery_entry_bytes * (1 + i);
    to[0] = 3;  // TRTYPE: TCP
    to[1] = entry.address.find(':') == std::string::npos ? 1 : 2;
    to[2] = static_cast<uint8_t>(entry.kind);
    to[3] = static_cast<uint8_t>((entry.flow_control_optional ? 4 : 0) |
                                 static_cast<uint8_t>(entry.secure_channel));
    store_le16(to + 4, entry.port_id);
    store_le16(to + 6, entry.controller_id);
    store_le16(to + 8, entry.admin_queue_entries);
    store_le16(to + 10, static_cast<uint16_t>((entry.duplicate ? 1 : 0) | (entry.persistent ? 2 : 0)));
    put_padded(to + 32, 32, fmt::format("{}", entry.port));
    std::memcpy(to + 256, entry.subsystem.data(), std::min<size_t>(entry.subsystem.size(), 223));
    put_padded(to + 512, 256, entry.address);
    to[768] = entry.tls ? 2 : 0;
  }
  return page;
}

DiscoveryLog decode_discovery(ConstBytes page) {
  DiscoveryLog log;
  if (page.size() < discovery_entry_bytes) return log;
  log.generation = load_le64(page.data());
  const uint64_t count =
      std::min<uint64_t>(load_le64(page.data() + 8), page.size() / discovery_entry_bytes - 1);
  for (uint64_t i = 0; i < count; ++i) {
    const ConstBytes from = page.subspan(discovery_entry_bytes * (1 + i), discovery_entry_bytes);
    DiscoveryEntry entry;
    entry.kind = static_cast<DiscoveryEntry::Kind>(from[2]);
    entry.flow_control_optional = (from[3] & 4) != 0;
    entry.secure_channel = static_cast<DiscoveryEntry::SecureChannel>(from[3] & 3);
    entry.tls = from[768] == 2;
    entry.port_id = load_le16(from.data() + 4);
    entry.controller_id = load_le16(from.data() + 6);
    entry.admin_queue_entries = load_le16(from.data() + 8);
    entry.duplicate = (from[10] & 1) != 0;
    entry.persistent = (from[10] & 2) != 0;
    const std::string port = trimmed(from.subspan(32, 32));
    std::from_chars(port.data(), port.data() + port.size(), entry.port);
    entry.subsystem = trimmed(from.subspan(256, 256));
    entry.address = trimmed(from.subspan(512, 256));
    log.entries.push_back(std::move(entry));
  }
  return log;
}

}  // namespace ashlar::wire::nvme
