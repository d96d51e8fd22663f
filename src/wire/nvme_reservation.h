// Data of the reservation commands (NVMe base 2.0 7.2 to 7.5). Pure.
#pragma once

#include <vector>

#include "base/identity.h"
#include "wire/nvme_command.h"

namespace ashlar::wire::nvme {

/// RTYPE.
enum class ReservationKind : uint8_t {
  none = 0,
  write_exclusive = 1,
  exclusive_access = 2,
  write_exclusive_registrants_only = 3,
  exclusive_access_registrants_only = 4,
  write_exclusive_all_registrants = 5,
  exclusive_access_all_registrants = 6,
};

/// One registrant of a Reservation Report.
struct Registrant {
  uint16_t controller_id = 0xffff;  ///< FFFFh: none of this host is there now
  bool holds = false;
  Uuid host_id{};
  uint64_t key = 0;
};
struct ReservationReport {
  uint32_t generation = 0;
  ReservationKind kind = ReservationKind::none;
  bool persists = false;
  std::vector<Registrant> registrants;
};
/// `extended`: with 128-bit host identifiers (EDS).
inline std::vector<uint8_t> encode(const ReservationReport& report, bool extended) {
  const size_t header = extended ? 64 : 24;
  const size_t each = extended ? 64 : 24;
  std::vector<uint8_t> data(header + each * report.registrants.size());
  store_le32(data.data(), report.generation);
  data[4] = static_cast<uint8_t>(report.kind);
  store_le16(data.data() + 5, static_cast<uint16_t>(report.registrants.size()));
  data[9] = report.persists ? 1 : 0;
  for (size_t i = 0; i < report.registrants.size(); ++i) {
    const Registrant& registrant = report.registrants[i];
    uint8_t* to = data.data() + header + each * i;
    store_le16(to, registrant.controller_id);
    to[2] = registrant.holds ? 1 : 0;
    if (extended) {
      store_le64(to + 8, registrant.key);
      std::memcpy(to + 16, registrant.host_id.data(), registrant.host_id.size());
    } else {
      std::memcpy(to + 8, registrant.host_id.data(), 8);
      store_le64(to + 16, registrant.key);
    }
  }
  return data;
}

}  // namespace ashlar::wire::nvme
