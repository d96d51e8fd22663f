// What is served over NVMe, as a snapshot: subsystems, the ports that lead to them, who may see what. Made by the engine, never
// changed.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/tls_psk.h"
#include "loop/stream.h"
#include "nvme/bounds.h"
#include "unit/host_view.h"

namespace ashlar::nvme {

/// What a port does with TLS (NVMe/TCP 1.0 3.6.1).
enum class PortTls : uint8_t { off, allowed, required };

/// An address that hosts connect to. The group tag is that of the portal: access states (ANA) are kept by it.
struct Port {
  std::string name;
  loop::Endpoint endpoint;
  uint16_t group_tag = 1;  ///< 1-65535; the port id of discovery
  PortTls tls = PortTls::off;
  bool operator==(const Port&) const = default;
};

/// LUN n of a view is namespace n + 1.
struct Subsystem {
  std::string name;    ///< NQN
  std::string serial;  ///< 20 characters at most, the same for ever
  std::vector<Port> ports;
  /// Views by host NQN; `any_host` (may be null) is for names not listed.
  std::map<std::string, std::shared_ptr<const unit::HostView>> hosts;
  std::shared_ptr<const unit::HostView> any_host;
  uint32_t most_controllers = 0;  ///< 0: no bound of its own
  Bounds bounds;

  /// The port of that name and endpoint as it is in this snapshot, whatever else it was when a connection came by it; null: it is
  /// none of its ports.
  const Port* find_port(const Port& came_by) const;
  /// The view of `host` that comes from `address`, or null: then the subsystem does not exist for it. Hosts that must prove
  /// themselves over iSCSI (CHAP) have none unless they have a key for here, too.
  std::shared_ptr<const unit::HostView> view_of(const std::string& host, const std::string& address) const;
};

/// From the name alone, so that it outlives every restart.
std::string serial_of(const std::string& subsystem);

/// When the array began to serve, for hosts that ask what it has gone through.
struct PowerOns {
  uint64_t count = 0;                  ///< ever, this one included
  std::vector<uint64_t> milliseconds;  ///< since 1970, of the last of them, oldest first
  bool operator==(const PowerOns&) const = default;
};

struct Settings {
  PowerOns power_ons;
  Bounds bounds;                                  ///< of discovery controllers
  uint32_t most_host_data_bytes = 1u << 20;       ///< MAXH2CDATA
  bool header_digest = true, data_digest = true;  ///< offered to hosts that want them
  uint32_t connect_timeout_seconds = 15;
  uint32_t authentication_timeout_seconds = 30;  ///< from Connect, or from where it begins anew
  uint32_t most_connections = 2048;              ///< per shard
  uint32_t most_controllers = 1024;              ///< over all subsystems
  uint32_t most_half_open = 512;                 ///< per shard: connections without a queue that may be used
  /// Per shard: of one address (loop::SourceTable::source_of). No fewer than the I/O queues that a controller can have: a host
  /// may open the connections of all of them before the first says Connect.
  uint32_t most_half_open_per_source = 256;
};

/// What a host proves itself with in a TLS handshake.
struct TlsKey {
  ConfiguredPsk psk;
  bool optional = false;  ///< it may come in the clear, too
  bool operator==(const TlsKey&) const = default;
};
/// Whom a TLS handshake has proved a host to be, and for what: nothing else goes through that connection.
struct Secured {
  std::string host, subsystem;  ///< NQNs
  bool operator==(const Secured&) const = default;
};

struct Directory {
  Settings settings;
  std::map<std::string, std::shared_ptr<const Subsystem>> subsystems;
  std::map<std::string, TlsKey> tls_keys;  ///< by host NQN
  /// By name of the port whose discovery controllers tell of them.
  std::map<std::string, std::vector<loop::Endpoint>> referrals;
  uint64_t generation = 0;  ///< GENCTR of discovery: another one when hosts may find something else

  /// It may not come in the clear.
  bool must_be_secured(const std::string& host) const;
  /// The key that a host names in its handshake, derived; or why it gets none.
  Result<TlsPsk> psk_of(std::string_view identity) const;
};

}  // namespace ashlar::nvme
