#include "wire/nvme_identify.h"

#include <algorithm>

namespace ashlar::wire::nvme {
namespace {

void put_text(uint8_t* to, size_t width, std::string_view text) {
  std::memset(to, ' ', width);
  std::memcpy(to, text.data(), std::min(width, text.size()));
}

uint8_t namespace_features(const NamespaceIdentity& identity) {
  unsigned features = 0;
  if (identity.thin) features |= 1u << 0;
  if (identity.atomic_blocks != 0) features |= 1u << 1;
  if (identity.deallocates) features |= 1u << 2;
  if (identity.preferred_blocks != 0) features |= 1u << 4;
  return static_cast<uint8_t>(features);
}

}  // namespace

IdentifyPage encode(const ControllerIdentity& identity) {
  IdentifyPage page{};
  uint8_t* to = page.data();
  put_text(to + 4, 20, identity.serial);
  put_text(to + 24, 40, identity.model);
  put_text(to + 64, 8, identity.firmware);
  // The OUI's bytes stand in reverse (figure 275).
  std::reverse_copy(identity.organization.begin(), identity.organization.end(), to + 73);
  to[76] = static_cast<uint8_t>((identity.many_ports ? 0x03 : 0) | (identity.access_groups > 0 ? 0x08 : 0));
  to[77] = identity.most_transfer;
  store_le16(to + 78, identity.controller_id);
  store_le32(to + 80, 0x00020000);  // VER: 2.0
  store_le32(to + 92, identity.events);
  store_le32(to + 96, 0x01u | (identity.traffic_keeps_alive ? 0x40u : 0u));  // 128-bit host identifiers
  to[111] = identity.discovery ? 2 : 1;
  for (size_t i = 0; i < identity.retry_delays.size(); ++i)
    store_le16(to + 128 + 2 * i, identity.retry_delays[i]);
  store_le16(to + 256, identity.formats ? 1u << 1 : 0);
  to[258] = identity.most_aborts;
  to[259] = identity.most_events;
  to[260] = 0x03;  // one firmware slot, read only
  // LPA: commands supported and effects, extended offsets, supported pages with scopes and effects of features.
  to[261] = static_cast<uint8_t>(0x26 | (identity.persistent_log_units != 0 ? 0x10 : 0));
  to[262] = identity.error_entries;
  store_le16(to + 266, 343);  // WCTEMP, CCTEMP: 70 and 85 degrees
  store_le16(to + 268, 358);
  store_le16(to + 320, identity.keep_alive_granularity);
  store_le32(to + 328, identity.sanitize);
  to[342] = identity.access_change_seconds;
  to[343] = identity.access_support;
  store_le32(to + 344, identity.last_access_group);
  store_le32(to + 348, identity.access_groups);
  store_le32(to + 352, identity.persistent_log_units);
  if (!identity.discovery) {
    to[512] = 0x66;  // SQES, CQES: 64 and 16 bytes
    to[513] = 0x44;
  }
  store_le16(to + 514, identity.queue_entries);
  store_le32(to + 516, identity.last_namespace);
  store_le16(to + 520, identity.commands);
  store_le16(to + 522, identity.fused);
  if (identity.formats) to[524] = format_attributes(identity.formats_erase_keys);
  // Bits 2:1 10b: Flush takes no broadcast.
  if (!identity.discovery) to[525] = static_cast<uint8_t>(0x04 | (identity.write_cache ? 1 : 0));
  store_le16(to + 534, identity.copy_formats);
  store_le32(to + 536, 1u | 1u << 20);  // SGLS: descriptors of any alignment, offsets in capsules
  store_le32(to + 540, identity.most_namespaces);
  std::memcpy(to + 768, identity.subsystem.data(), std::min<size_t>(identity.subsystem.size(), 223));
  if (!identity.discovery) {
    store_le32(to + 1792, static_cast<uint32_t>((submission_bytes + identity.capsule_data_bytes) / 16));
  } else {
    store_le32(to + 1792, submission_bytes / 16);
  }
  store_le32(to + 1796, completion_bytes / 16);
  to[1803] = 1;  // MSDBD
  store_le16(to + 1804, identity.deletes_queues ? 1 : 0);
  return page;
}

IdentifyPage encode(const NamespaceIdentity& identity) {
  IdentifyPage page{};
  uint8_t* to = page.data();
  store_le64(to, identity.blocks);
  store_le64(to + 8, identity.blocks);
  store_le64(to + 16, identity.used_blocks);
  to[24] = namespace_features(identity);
  to[30] = 0x01;  // NMIC: other controllers may have it
  to[31] = identity.reservations;
  to[32] = static_cast<uint8_t>(0x80 | identity.format_remains);
  to[33] = static_cast<uint8_t>(identity.deallocates ? 0x09 : 0x00);  // zeroes; Write Zeroes deallocates
  if (identity.atomic_blocks != 0) {
    store_le16(to + 34, static_cast<uint16_t>(identity.atomic_blocks - 1));
    store_le16(to + 36, static_cast<uint16_t>(identity.atomic_blocks - 1));
  }
  if (identity.preferred_blocks != 0) {
    const auto granularity = static_cast<uint16_t>(identity.preferred_blocks - 1);
    const auto deallocation = static_cast<uint16_t>(
        std::min<uint32_t>(std::max<uint32_t>(identity.deallocate_blocks, 1), 65536) - 1);
    store_le16(to + 64, granularity);
    store_le16(to + 66, granularity);
    store_le16(to + 68, deallocation);
    store_le16(to + 70, deallocation);
  }
  store_le16(to + 74, identity.copy_range_blocks);
  store_le32(to + 76, identity.copy_blocks);
  to[80] = identity.copy_ranges;
  store_le32(to + 92, identity.access_group);
  to[99] = identity.write_protected ? 1 : 0;
  std::ranges::copy(identity.guid, to + 104);
  std::ranges::copy(identity.eui64, to + 120);
  to[128 + 2] = identity.block_shift;
  return page;
}

IdentifyPage encode_independent(const NamespaceIdentity& identity) {
  IdentifyPage page{};
  uint8_t* to = page.data();
  to[0] = identity.rotational ? 1u << 4 : 0;
  to[1] = 0x01;
  to[2] = identity.reservations;
  to[3] = static_cast<uint8_t>(0x80 | identity.format_remains);
  store_le32(to + 4, identity.access_group);
  to[8] = identity.write_protected ? 1 : 0;
  to[14] = 0x01;  // NSTAT: ready
  return page;
}

IdentifyPage encode_descriptors(const NamespaceIdentity& identity) {
  IdentifyPage page{};
  size_t at = 0;
  const auto put = [&](uint8_t type, ConstBytes value) {
    page[at] = type;
    page[at + 1] = static_cast<uint8_t>(value.size());
    std::ranges::copy(value, page.begin() + static_cast<std::ptrdiff_t>(at) + 4);
    at += 4 + value.size();
  };
  const uint8_t command_set = 0;
  put(1, identity.eui64);
  put(2, identity.guid);
  put(3, identity.uuid);
  put(4, {&command_set, 1});
  return page;
}

IdentifyPage encode_namespace_list(const std::vector<uint32_t>& ascending, uint32_t after) {
  IdentifyPage page{};
  size_t count = 0;
  for (const uint32_t id : ascending) {
    if (id <= after) continue;
    if (count == most_listed_namespaces) break;
    store_le32(page.data() + 4 * count++, id);
  }
  return page;
}

IdentifyPage encode_controller_list(const std::vector<uint16_t>& ascending, uint16_t first) {
  IdentifyPage page{};
  uint16_t count = 0;
  for (const uint16_t id : ascending) {
    if (id < first) continue;
    if (count == most_listed_controllers) break;
    store_le16(page.data() + 2 + 2 * size_t{count++}, id);
  }
  store_le16(page.data(), count);
  return page;
}

IdentifyPage encode_nvm_controller(uint8_t most_ranges, uint32_t range_blocks, uint64_t all_blocks) {
  IdentifyPage page{};
  page[3] = most_ranges;
  store_le32(page.data() + 4, range_blocks);
  store_le64(page.data() + 8, all_blocks);
  return page;
}

IdentifyPage encode_command_sets() {
  IdentifyPage page{};
  page[0] = 1;
  return page;
}

ControllerSummary decode_controller(const IdentifyPage& page) {
  const uint8_t* from = page.data();
  ControllerSummary summary;
  summary.controller_id = load_le16(from + 78);
  summary.most_transfer = from[77];
  summary.queue_entries = load_le16(from + 514);
  summary.commands = load_le16(from + 520);
  const uint64_t capsule = uint64_t{load_le32(from + 1792)} * 16;
  summary.capsule_data_bytes =
      capsule > submission_bytes
          ? static_cast<uint32_t>(std::min<uint64_t>(capsule - submission_bytes, 1u << 20))
          : 0;
  const std::string_view name = text_of(ConstBytes(page).subspan(768, 256));
  summary.subsystem = name.substr(0, name.find('\0'));
  return summary;
}

NamespaceSummary decode_namespace(const IdentifyPage& page) {
  const uint8_t* from = page.data();
  const unsigned format = from[26] & 0xf;
  const uint8_t shift = from[128 + 4 * format + 2];
  return {.blocks = load_le64(from),
          .block_bytes = shift >= 9 && shift <= 16 ? 1u << shift : 0,
          .access_group = load_le32(from + 92),
          .deallocates = (from[24] & 4) != 0,
          .write_protected = (from[99] & 1) != 0};
}

}  // namespace ashlar::wire::nvme
