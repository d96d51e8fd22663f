// What the Discovery log page says (NVMe-oF 1.1 5): the subsystems that a host may use, by every port that leads there.
#include "nvme/handlers.h"
#include "wire/nvme_fabrics.h"

namespace ashlar::nvme {
namespace {

bool is_wildcard(const std::string& address) { return address == "0.0.0.0" || address == "::"; }

wire::nvme::DiscoveryEntry entry_of(const Port& port, const loop::Endpoint& local) {
  wire::nvme::DiscoveryEntry entry;
  // A port of all addresses is told as the one that the host came by.
  entry.address = is_wildcard(port.endpoint.address) ? local.address : port.endpoint.address;
  entry.port = port.endpoint.port;
  entry.port_id = port.group_tag;
  entry.tls = port.tls != PortTls::off;
  using SecureChannel = wire::nvme::DiscoveryEntry::SecureChannel;
  if (port.tls == PortTls::required) entry.secure_channel = SecureChannel::required;
  if (port.tls == PortTls::allowed) entry.secure_channel = SecureChannel::not_required;
  return entry;
}

// Who has no key cannot come by TLS, and who must cannot come in the clear.
bool leads_in(const Directory& directory, const Port& port, const std::string& host) {
  if (port.tls == PortTls::required) return directory.tls_keys.contains(host);
  return port.tls == PortTls::allowed || !directory.must_be_secured(host);
}

}  // namespace

std::vector<wire::nvme::DiscoveryEntry> discovery_entries(const Directory& directory, const std::string& host,
                                                          const loop::Endpoint& peer, const Port& port,
                                                          const loop::Endpoint& local) {
  std::vector<wire::nvme::DiscoveryEntry> entries;
  wire::nvme::DiscoveryEntry own = entry_of(port, local);
  own.kind = wire::nvme::DiscoveryEntry::Kind::this_discovery;
  own.persistent = true;
  own.subsystem = wire::nvme::discovery_name;
  entries.push_back(std::move(own));
  if (const auto referrals = directory.referrals.find(port.name); referrals != directory.referrals.end()) {
    for (const loop::Endpoint& each : referrals->second) {
      wire::nvme::DiscoveryEntry entry;
      entry.kind = wire::nvme::DiscoveryEntry::Kind::referral;
      entry.address = each.address;
      entry.port = each.port;
      entry.port_id = port.group_tag;
      entry.subsystem = wire::nvme::discovery_name;
      entries.push_back(std::move(entry));
    }
  }
  for (const auto& [name, subsystem] : directory.subsystems) {
    if (subsystem->view_of(host, peer.address) == nullptr) continue;
    for (const Port& each : subsystem->ports) {
      if (!leads_in(directory, each, host)) continue;
      wire::nvme::DiscoveryEntry entry = entry_of(each, local);
      if (directory.must_be_secured(host))
        entry.secure_channel = wire::nvme::DiscoveryEntry::SecureChannel::required;
      entry.tls = entry.tls && directory.tls_keys.contains(host);
      entry.subsystem = name;
      entries.push_back(std::move(entry));
    }
  }
  return entries;
}

}  // namespace ashlar::nvme
