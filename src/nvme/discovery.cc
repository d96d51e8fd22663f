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
  return entry;
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
      wire::nvme::DiscoveryEntry entry = entry_of(each, local);
      entry.subsystem = name;
      entries.push_back(std::move(entry));
    }
  }
  return entries;
}

}  // namespace ashlar::nvme
