// What one host may see through one target: LUN numbers and the units behind them. Immutable; replaced as a whole.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/address_range.h"
#include "base/dhchap_key.h"
#include "unit/logical_unit.h"
#include "unit/nexus.h"

namespace ashlar::unit {

struct LunMapping {
  uint16_t lun = 0;  ///< 0-16383
  bool read_only = false;
  std::string volume;
  /// The unit's channels, indexed by shard.
  std::vector<std::shared_ptr<LogicalUnit>> unit_on_shard;
  LogicalUnit& on(uint32_t shard) const { return *unit_on_shard[shard]; }
};

/// Secrets for CHAP: what the host must prove, and what the target proves back when asked (mutual).
struct ChapCredentials {
  std::string user;  ///< CHAP_N of the initiator; empty: no authentication asked for
  std::string secret;
  std::string mutual_user;  ///< CHAP_N of the target; empty: mutual CHAP is refused
  std::string mutual_secret;
  bool operator==(const ChapCredentials&) const = default;
};

/// The same for DH-HMAC-CHAP of NVMe.
struct DhchapCredentials {
  DhchapKey key;                            ///< what the host must prove that it has
  std::optional<DhchapKey> controller_key;  ///< none: the controller cannot prove itself
  std::vector<DhchapHash> hashes;   ///< that may be agreed on, the first that the host has; at least one
  std::vector<DhchapGroup> groups;  ///< likewise
  bool operator==(const DhchapCredentials&) const = default;
};

/// One host as one target shows itself to it.
struct HostView {
  std::string host;                     ///< resource name
  std::map<uint16_t, LunMapping> luns;  ///< ordered by LUN
  ChapCredentials chap;
  std::optional<DhchapCredentials> dhchap;        ///< none: no proof is asked for over NVMe
  bool proves_by_tls = false;                     ///< over NVMe it comes by TLS alone, whose key is a proof
  std::vector<TargetPortName> target_ports;       ///< all that the target has, ascending
  std::vector<AddressRange> addresses;            ///< where it may come from; empty: from anywhere
  uint32_t max_sessions = 0;                      ///< of this host, over all targets; 0: no bound of its own
  bool asynchronous_events = false;               ///< it wants to hear of changes before its next command
  std::vector<std::string> management_addresses;  ///< URLs; at most max_management_urls
};

}  // namespace ashlar::unit
