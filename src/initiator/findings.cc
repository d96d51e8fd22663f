#include "initiator/findings.h"

#include <algorithm>

#include "base/identity.h"

namespace ashlar::initiator {

namespace {

constexpr uint16_t caching_page = 0x08;

std::string plain_text(ConstBytes bytes) {
  std::string text;
  for (const uint8_t byte : bytes) text += byte >= 0x20 && byte < 0x7f ? static_cast<char>(byte) : ' ';
  const size_t end = text.find_last_not_of(' ');
  return end == std::string::npos ? std::string() : text.substr(0, end + 1);
}

// SPC-4 table 604 and 7.8.6.2: designators of the logical unit.
void take_unit_name(unsigned type, ConstBytes name, std::map<std::string, std::string>& names) {
  switch (type) {
    case 1: names["t10"] = plain_text(name); break;
    case 2: names["eui"] = hex_of(name); break;
    case 3: names["naa"] = hex_of(name); break;
    case 0xa:
      if (name.size() == 18) names["uuid"] = hex_of(name.subspan(2));
      break;
    default: break;
  }
}

uint32_t clamp_blocks(uint64_t blocks) {
  return static_cast<uint32_t>(std::min<uint64_t>(blocks, UINT32_MAX));
}

}  // namespace

Result<void> same_unit(const std::map<std::string, std::string>& one,
                       const std::map<std::string, std::string>& other) {
  bool shared = false;
  for (const auto& [kind, name] : one) {
    const auto found = other.find(kind);
    if (found == other.end()) continue;
    if (found->second != name)
      return fail(ErrorCode::invalid_argument, "path", "leads to another unit: its {} is {}, not {}", kind,
                  found->second, name);
    shared = true;
  }
  if (!shared)
    return fail(ErrorCode::invalid_argument, "path",
                "shows no name of the unit that the other paths show, so it is not known to be the same");
  return {};
}

std::string name_of(const Findings& findings) {
  for (const char* const kind : {"naa", "nguid", "eui", "uuid", "t10"}) {
    if (const auto found = findings.names.find(kind); found != findings.names.end())
      return fmt::format("{}.{}", kind, found->second);
  }
  return {};
}

DevicePage parse_device_page(ConstBytes page) {
  DevicePage found;
  if (page.size() < 4 || page[1] != 0x83) return found;
  const size_t end = std::min<size_t>(page.size(), size_t{4} + load_be16(&page[2]));
  for (size_t at = 4; at + 4 <= end;) {
    const size_t length = page[at + 3];
    if (at + 4 + length > end) break;
    const unsigned association = page[at + 1] >> 4 & 3, type = page[at + 1] & 0xf;
    const ConstBytes name = page.subspan(at + 4, length);
    if (association == 0) take_unit_name(type, name, found.names);
    if (association == 1 && type == 4 && length == 4) found.port = load_be16(&name[2]);
    if (association == 1 && type == 5 && length == 4) found.port_group = load_be16(&name[2]);
    at += 4 + length;
  }
  return found;
}

std::optional<PathAccess> parse_port_groups(ConstBytes data, uint16_t group) {
  if (data.size() < 4) return std::nullopt;
  const size_t end = std::min<size_t>(data.size(), size_t{4} + load_be32(data.data()));
  for (size_t at = 4; at + 8 <= end;) {
    if (load_be16(&data[at + 2]) == group) {
      switch (data[at] & 0xf) {
        case 0x0: return PathAccess::optimized;
        case 0x1: return PathAccess::non_optimized;
        case 0x2: return PathAccess::standby;
        case 0xf: return PathAccess::transitioning;
        default: return PathAccess::unavailable;
      }
    }
    at += 8 + size_t{4} * data[at + 7];
  }
  return std::nullopt;
}

void take_block_limits(ConstBytes page, Findings& into) {
  if (page.size() < 44 || page[1] != 0xb0) return;
  if (const uint32_t most = load_be32(&page[8]); most != 0) into.most_transfer_blocks = most;
  into.most_discard_blocks = load_be32(&page[24]) == 0 ? 0 : load_be32(&page[20]);
  into.discard_granularity_blocks = load_be32(&page[28]);
  const uint64_t zeroes = load_be64(&page[36]);
  into.most_zeroes_blocks = zeroes == 0 ? UINT32_MAX : clamp_blocks(zeroes);
}

void take_characteristics(ConstBytes page, Findings& into) {
  if (page.size() < 6 || page[1] != 0xb1) return;
  into.rotational = load_be16(&page[4]) > 1;
}

void take_provisioning(ConstBytes page, Findings& into) {
  if (page.size() < 6 || page[1] != 0xb2) return;
  const bool unmaps = (page[5] & 0x80) != 0, zeroes_unmap = (page[5] & 0x40) != 0;
  const bool reads_zeroes = (page[5] >> 2 & 7) == 1;
  if (!unmaps) into.most_discard_blocks = 0;
  into.zeroes_may_discard = zeroes_unmap && reads_zeroes;
}

void take_caching(ConstBytes data, Findings& into) {
  if (data.size() < 8) return;
  into.write_protected = (data[3] & 0x80) != 0;
  into.force_unit_access = (data[3] & 0x10) != 0;
  const size_t at = size_t{8} + load_be16(&data[6]);
  if (data.size() < at + 3 || (data[at] & 0x3f) != caching_page) return;
  into.write_cache = (data[at + 2] & 0x04) != 0;
}

void take_inquiry(ConstBytes data, Findings& into) {
  if (data.size() < 36) return;
  into.vendor = plain_text(data.subspan(8, 8));
  into.product = plain_text(data.subspan(16, 16));
  into.revision = plain_text(data.subspan(32, 4));
}

}  // namespace ashlar::initiator
