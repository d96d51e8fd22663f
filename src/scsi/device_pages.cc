#include "scsi/device_pages.h"

#include <algorithm>

namespace ashlar::scsi {
namespace {

constexpr uint8_t third_party_copy_page = 0x8f;
constexpr size_t header_bytes = 4;

// The page as far as it is there: what a device says of its length may be more than came.
ConstBytes body_of(ConstBytes page) {
  const size_t length = load_be16(page.data() + 2);
  return page.subspan(header_bytes, std::min(length, page.size() - header_bytes));
}

std::vector<uint8_t> page_of(ConstBytes header, ConstBytes body) {
  std::vector<uint8_t> page(header.begin(), header.begin() + header_bytes);
  page.insert(page.end(), body.begin(), body.end());
  store_be16(page.data() + 2, static_cast<uint16_t>(body.size()));
  return page;
}

std::vector<uint8_t> own_designators(ConstBytes body) {
  std::vector<uint8_t> kept;
  while (body.size() >= header_bytes) {
    const size_t length = header_bytes + body[3];
    if (length > body.size()) break;
    constexpr uint8_t of_target_port = 1;
    const uint8_t association = (body[1] >> 4) & 0x03;
    if (association != of_target_port)
      kept.insert(kept.end(), body.begin(), body.begin() + static_cast<std::ptrdiff_t>(length));
    body = body.subspan(length);
  }
  return kept;
}

void lower(uint8_t* field, uint32_t most) {
  const uint32_t now = load_be32(field);
  if (now == 0 || now > most) store_be32(field, most);
}

}  // namespace

void adjust_standard_data(Bytes data, uint8_t target_port_group_support) {
  constexpr uint8_t normal_aca = 0x20, tpgs = 0x30, third_party_copy = 0x08;
  if (data.size() > 3) data[3] &= static_cast<uint8_t>(~normal_aca);
  if (data.size() < 6) return;
  data[5] = static_cast<uint8_t>((data[5] & ~(tpgs | third_party_copy)) | target_port_group_support);
}

bool is_adjusted(uint8_t code) { return code == 0x00 || code == 0x83 || code == 0x88 || code == 0xb0; }

std::vector<uint8_t> adjust_page(ConstBytes page, const VpdAsker& asker, uint32_t most_blocks) {
  if (page.size() < header_bytes) return {page.begin(), page.end()};
  std::vector<uint8_t> body(body_of(page).begin(), body_of(page).end());
  switch (page[1]) {
    case 0x00: std::erase(body, third_party_copy_page); break;
    case 0x83: {
      body = own_designators(body);
      std::vector<uint8_t> ours(max_vpd_bytes);
      Writer writer(ours);
      target_port_designators(asker.nexus, writer);
      body.insert(body.end(), writer.written().begin(), writer.written().end());
      break;
    }
    case 0x88: {
      std::vector<uint8_t> ours(max_vpd_bytes +
                                std::min(asker.target_ports.size(), max_vpd_ports) * max_port_bytes);
      Writer writer(ours);
      scsi_ports(asker, writer);
      body.assign(writer.written().begin(), writer.written().end());
      break;
    }
    case 0xb0:
      if (most_blocks == 0 || body.size() < 12) break;
      lower(body.data() + 4, most_blocks);
      if (load_be32(body.data() + 8) > most_blocks) store_be32(body.data() + 8, most_blocks);
      break;
    default: break;
  }
  return page_of(page, body);
}

}  // namespace ashlar::scsi
