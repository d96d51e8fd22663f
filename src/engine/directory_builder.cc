#include "engine/directory_builder.h"

#include <algorithm>
#include <bit>
#include <set>

#include "base/nqn.h"
#include "engine/portals.h"

namespace ashlar::engine {
namespace {

using View = std::shared_ptr<const unit::HostView>;

unit::ChapCredentials credentials(const rpc::ChapDocument& chap) {
  return {chap.user, chap.secret, chap.mutual_user, chap.mutual_secret};
}

// They were checked with the document.
unit::DhchapCredentials credentials(const rpc::DhchapDocument& dhchap) {
  unit::DhchapCredentials made;
  const auto key = parse_dhchap_key(dhchap.key, "key");
  const auto hashes = parse_dhchap_hashes(dhchap.hashes, "hashes");
  const auto groups = parse_dhchap_groups(dhchap.groups, "groups");
  CHECK(key && hashes && groups, "keys of a host that were not checked");
  made.key = *key;
  made.hashes = *hashes;
  made.groups = *groups;
  if (const auto own = parse_dhchap_key(dhchap.controller_key, "controller_key")) made.controller_key = *own;
  return made;
}

bool same_view(const unit::HostView& a, const unit::HostView& b) {
  const auto same_mapping = [](const auto& left, const auto& right) {
    const unit::LunMapping& x = left.second;
    const unit::LunMapping& y = right.second;
    return x.lun == y.lun && x.read_only == y.read_only && x.volume == y.volume &&
           x.unit_on_shard == y.unit_on_shard;
  };
  return a.host == b.host && a.target_ports == b.target_ports && a.chap == b.chap && a.dhchap == b.dhchap &&
         a.proves_by_tls == b.proves_by_tls && a.addresses == b.addresses &&
         a.max_sessions == b.max_sessions && a.asynchronous_events == b.asynchronous_events &&
         a.management_addresses == b.management_addresses && a.luns.size() == b.luns.size() &&
         std::equal(a.luns.begin(), a.luns.end(), b.luns.begin(), same_mapping);
}

// Of a target or a subsystem.
template <typename Target>
View old_view(const Target* target, const rpc::HostDocument& host) {
  if (target == nullptr) return nullptr;
  if (host.any || host.initiators.empty()) return target->any_host;
  const auto found = target->hosts.find(host.initiators.front());
  return found == target->hosts.end() ? nullptr : found->second;
}

// The mappings of one target, by host.
using MappingsByHost = std::map<std::string, std::vector<const rpc::MappingDocument*>>;

// A portal group is a target port (RFC 7143 4.4.1).
std::vector<unit::TargetPortName> ports_of(const iscsi::Target& target) {
  std::set<uint16_t> tags;
  for (const iscsi::Portal& portal : target.portals) tags.insert(portal.group_tag);
  std::vector<unit::TargetPortName> ports;
  ports.reserve(tags.size());
  for (const uint16_t tag : tags) ports.push_back({tag, iscsi::target_port_name(target.name, tag)});
  return ports;
}

template <typename Target>
View make_view(const rpc::HostDocument& host, const MappingsByHost& mappings, const Volumes& volumes,
               const std::vector<unit::TargetPortName>& ports, const rpc::TargetDocument& source,
               const Target* previous) {
  // Nothing is visible until it is mapped: a host without a LUN here does not find the target.
  const auto mapped = mappings.find(host.name);
  if (mapped == mappings.end()) return nullptr;
  auto view = std::make_shared<unit::HostView>();
  view->host = host.name;
  view->target_ports = ports;
  if (host.chap) view->chap = credentials(*host.chap);
  if (host.dhchap) view->dhchap = credentials(*host.dhchap);
  view->proves_by_tls = !host.tls_key.empty() && !host.tls_optional;
  for (const std::string& address : host.addresses) {
    const auto range = AddressRange::parse(address, "");
    CHECK(range.has_value(), "host {} was not checked: {}", host.name, range.error().text());
    view->addresses.push_back(*range);
  }
  view->max_sessions = host.max_sessions;
  view->asynchronous_events = host.asynchronous_events;
  view->management_addresses = source.management_addresses;
  for (const rpc::MappingDocument* mapping : mapped->second) {
    const unit::OpenUnit* unit = volumes.find(mapping->volume);
    CHECK(unit != nullptr, "mapping of volume {}, which is not open", mapping->volume);
    view->luns.emplace(mapping->lun,
                       unit::LunMapping{mapping->lun, mapping->read_only, mapping->volume, unit->on_shard});
  }
  View before = old_view(previous, host);
  return before != nullptr && same_view(*before, *view) ? before : view;
}

// Views of all hosts. A named host without a LUN here is listed too, with none: "any" is for names that no host has.
template <typename Target>
void add_views(Target& target, const rpc::TargetDocument& source, const rpc::Document& document,
               const MappingsByHost& mappings, const Volumes& volumes,
               const std::vector<unit::TargetPortName>& ports, const Target* previous) {
  for (const rpc::HostDocument& host : document.hosts) {
    const View view = make_view(host, mappings, volumes, ports, source, previous);
    for (const std::string& initiator : host.initiators) target.hosts.emplace(initiator, view);
    if (host.any && view != nullptr) target.any_host = view;
  }
}

bool same_target(const iscsi::Target& a, const iscsi::Target& b) {
  return a.name == b.name && a.alias == b.alias && a.portals == b.portals && a.hosts == b.hosts &&
         a.any_host == b.any_host && a.redirect == b.redirect &&
         a.redirect_permanent == b.redirect_permanent && a.max_sessions == b.max_sessions;
}

std::shared_ptr<const iscsi::Target> make_target(const rpc::TargetDocument& source,
                                                 const rpc::Document& document,
                                                 const MappingsByHost& mappings, const Volumes& volumes,
                                                 std::shared_ptr<const iscsi::Target> previous) {
  auto target = std::make_shared<iscsi::Target>();
  target->name = source.name;
  target->alias = source.alias;
  target->redirect = source.redirect;
  target->redirect_permanent = source.redirect_permanent;
  target->max_sessions = source.max_sessions;
  for (const rpc::PortalDocument& portal : document.portals) {
    if (leads_to(portal, source)) target->portals.push_back(portal_of(portal));
  }
  add_views(*target, source, document, mappings, volumes, ports_of(*target), previous.get());
  return previous != nullptr && same_target(*previous, *target) ? previous : target;
}

nvme::Bounds bounds_of(const SubsystemBounds& source) {
  nvme::Bounds bounds;
  bounds.io_queues = source.io_queues;
  bounds.queue_entries = source.queue_depth;
  bounds.in_capsule_bytes = source.in_capsule_bytes;
  bounds.most_transfer_shift = static_cast<uint8_t>(std::countr_zero(source.max_transfer_bytes / 4096));
  bounds.first_controller = source.first_controller_id;
  bounds.last_controller = source.last_controller_id;
  return bounds;
}

bool same_subsystem(const nvme::Subsystem& a, const nvme::Subsystem& b) {
  return a.name == b.name && a.ports == b.ports && a.hosts == b.hosts && a.any_host == b.any_host &&
         a.most_controllers == b.most_controllers && a.bounds == b.bounds;
}

std::shared_ptr<const nvme::Subsystem> make_subsystem(const rpc::TargetDocument& source,
                                                      const rpc::Document& document,
                                                      const MappingsByHost& mappings, const Volumes& volumes,
                                                      std::shared_ptr<const nvme::Subsystem> previous) {
  auto subsystem = std::make_shared<nvme::Subsystem>();
  subsystem->name = source.name;
  subsystem->serial = nvme::serial_of(source.name);
  subsystem->most_controllers = source.max_sessions;
  if (source.nvme) subsystem->bounds = bounds_of(*source.nvme);
  for (const rpc::PortalDocument& portal : document.portals) {
    if (leads_to(portal, source)) subsystem->ports.push_back(port_of(served_portal(portal)));
  }
  add_views(*subsystem, source, document, mappings, volumes, {}, previous.get());
  return previous != nullptr && same_subsystem(*previous, *subsystem) ? previous : subsystem;
}

// A key is made out for a name: each of a host's has it.
std::map<std::string, nvme::TlsKey> tls_keys_of(const rpc::Document& document) {
  std::map<std::string, nvme::TlsKey> keys;
  for (const rpc::HostDocument& host : document.hosts) {
    if (host.tls_key.empty()) continue;
    const Result<ConfiguredPsk> psk = parse_tls_key(host.tls_key, "");
    CHECK(psk.has_value(), "host {} was not checked: {}", host.name, psk.error().text());
    for (const std::string& name : host.initiators)
      if (is_nqn(name)) keys.emplace(name, nvme::TlsKey{*psk, host.tls_optional});
  }
  return keys;
}

std::map<std::string, MappingsByHost> mappings_by_target(const rpc::Document& document) {
  std::map<std::string, MappingsByHost> mappings;
  for (const rpc::MappingDocument& mapping : document.mappings)
    mappings[mapping.target][mapping.host].push_back(&mapping);
  return mappings;
}

}  // namespace

iscsi::Portal portal_of(const rpc::PortalDocument& portal) {
  return {portal.name, loop::Endpoint{portal.address, portal.port}, portal.group_tag,
          portal.discovery_chap ? credentials(*portal.discovery_chap) : unit::ChapCredentials{}};
}

ServedPortal served_portal(const rpc::PortalDocument& portal) {
  using nvme::PortTls;
  const PortTls tls = portal.tls == "required"  ? PortTls::required
                      : portal.tls == "allowed" ? PortTls::allowed
                                                : PortTls::off;
  return {portal_of(portal), portal.protocol == "nvme-tcp", tls};
}

std::vector<ServedPortal> portals_of(const rpc::Document& document) {
  std::vector<ServedPortal> portals;
  portals.reserve(document.portals.size());
  for (const rpc::PortalDocument& portal : document.portals) portals.push_back(served_portal(portal));
  return portals;
}

std::shared_ptr<const iscsi::Directory> build_directory(const rpc::Document& document, const Volumes& volumes,
                                                        const iscsi::Settings& settings,
                                                        const iscsi::Directory* previous) {
  auto directory = std::make_shared<iscsi::Directory>();
  directory->settings = settings;
  std::map<std::string, MappingsByHost> mappings = mappings_by_target(document);
  for (const rpc::TargetDocument& target : document.targets) {
    if (is_nqn(target.name)) continue;
    std::shared_ptr<const iscsi::Target> before;
    if (previous != nullptr) {
      if (const auto found = previous->targets.find(target.name); found != previous->targets.end())
        before = found->second;
    }
    directory->targets.emplace(
        target.name, make_target(target, document, mappings[target.name], volumes, std::move(before)));
  }
  return directory;
}

std::shared_ptr<const nvme::Directory> build_nvme_directory(const rpc::Document& document,
                                                            const Volumes& volumes,
                                                            const nvme::Settings& settings,
                                                            const nvme::Directory* previous) {
  auto directory = std::make_shared<nvme::Directory>();
  directory->settings = settings;
  std::map<std::string, MappingsByHost> mappings = mappings_by_target(document);
  for (const rpc::TargetDocument& target : document.targets) {
    if (!is_nqn(target.name)) continue;
    std::shared_ptr<const nvme::Subsystem> before;
    if (previous != nullptr) {
      if (const auto found = previous->subsystems.find(target.name); found != previous->subsystems.end())
        before = found->second;
    }
    directory->subsystems.emplace(
        target.name, make_subsystem(target, document, mappings[target.name], volumes, std::move(before)));
  }
  directory->tls_keys = tls_keys_of(document);
  for (const rpc::PortalDocument& portal : document.portals) {
    for (const std::string& referral : portal.referrals) {
      const AddressAndPort there = address_and_port_of(referral);
      directory->referrals[portal.name].push_back({there.address, there.port});
    }
  }
  if (previous != nullptr) {
    const bool same = previous->subsystems == directory->subsystems &&
                      previous->referrals == directory->referrals &&
                      previous->tls_keys == directory->tls_keys;
    directory->generation = previous->generation + (same ? 0 : 1);
  }
  return directory;
}

}  // namespace ashlar::engine
