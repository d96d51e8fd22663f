#include "agent/interruptions.h"

#include <algorithm>
#include <map>
#include <set>

#include "api/lists.h"
#include "base/nqn.h"
#include "rpc/proof_words.h"

namespace ashlar::agent {
namespace {

using api::Configuration;

/// What each host sees on each target: volumes and their LUNs.
using Views = std::map<std::pair<std::string, std::string>, std::map<std::string, uint16_t>>;

Views views_of(const Configuration& configuration) {
  Views views;
  for (const api::Map& map : configuration.maps) {
    const uint16_t lun = map.lun.value_or(0);
    if (!map.host.empty()) views[{map.host, map.target}][map.volume] = lun;
    const api::HostGroup* group = api::find_named(configuration.host_groups, map.host_group);
    if (group == nullptr) continue;
    for (const std::string& host : group->hosts) views[{host, map.target}][map.volume] = lun;
  }
  return views;
}

const uint16_t* find_lun(const std::map<std::string, uint16_t>& luns, const std::string& volume) {
  const auto found = luns.find(volume);
  return found == luns.end() ? nullptr : &found->second;
}

bool knows(const Configuration& configuration, const std::string& host, const std::string& initiator) {
  const api::Host* found = api::find_named(configuration.hosts, host);
  return found != nullptr &&
         (found->any || std::ranges::find(found->initiators, initiator) != found->initiators.end());
}

// "192.0.2.10:3260" or "[2001:db8::1]:3260" of a session against a portal, whose address may be a wildcard.
bool came_by(const api::Portal& portal, const std::string& local_address) {
  const size_t colon = local_address.rfind(':');
  if (colon == std::string::npos || local_address.substr(colon + 1) != std::to_string(portal.port))
    return false;
  std::string address = local_address.substr(0, colon);
  if (address.starts_with('[')) address = address.substr(1, address.size() - 2);
  return portal.address == address || portal.address == "0.0.0.0" || portal.address == "::";
}

bool has_portal(const Configuration& configuration, const std::string& local_address) {
  return std::ranges::any_of(configuration.portals,
                             [&](const api::Portal& each) { return came_by(each, local_address); });
}

// Of a session of NVMe/TCP: what its host would have to prove now, and has not.
std::string why_unproved(const Configuration& after, const api::Host& host,
                         const rpc::SessionStatus& session) {
  const bool by_tls = session.authentication.contains(rpc::tls_proof);
  const bool must_by_tls = !host.tls_key.empty() && !host.tls_optional;
  if (host.chap && !host.dhchap && !must_by_tls)
    return fmt::format("host {} has CHAP, and no key to prove itself with over NVMe/TCP", host.name);
  if (by_tls) return "";
  if (must_by_tls) return fmt::format("host {} must come by TLS", host.name);
  for (const api::Portal& each : after.portals) {
    if (each.tls == "required" && came_by(each, session.local_address))
      return fmt::format("portal {} takes TLS alone", each.name);
  }
  return "";
}

std::string why_all(const Configuration& after, const rpc::SessionStatus& session) {
  if (api::find_named(after.targets, session.target) == nullptr)
    return fmt::format("target {} is deleted", session.target);
  if (api::find_named(after.hosts, session.host) == nullptr)
    return fmt::format("host {} is deleted", session.host);
  if (!knows(after, session.host, session.initiator))
    return fmt::format("host {} no longer has this initiator", session.host);
  if (!is_nqn(session.target)) return "";
  return why_unproved(after, *api::find_named(after.hosts, session.host), session);
}

std::string why_lost(const Configuration& after, const Work& work, const std::string& volume) {
  if (api::find_named(after.volumes, volume) == nullptr) return fmt::format("volume {} is deleted", volume);
  if (work.reopen.contains(volume)) return fmt::format("volume {} is away for a moment", volume);
  const bool shrinks =
      std::ranges::any_of(work.shrinks, [&](const Shrink& each) { return each.volume == volume; });
  if (shrinks) return fmt::format("volume {} becomes smaller", volume);
  return "";
}

/// The tags of the portals that a target can be reached by.
std::set<uint16_t> tags_of(const Configuration& configuration, const std::string& target) {
  const api::Target* found = api::find_named(configuration.targets, target);
  std::set<uint16_t> tags;
  if (found == nullptr) return tags;
  for (const api::Portal& each : configuration.portals) {
    const bool leads = found->portals.empty()
                           ? each.protocol == found->protocol
                           : std::ranges::find(found->portals, each.name) != found->portals.end();
    if (leads) tags.insert(each.group_tag);
  }
  return tags;
}

/// Which volumes hosts can get at.
class Reach {
 public:
  explicit Reach(const Configuration& configuration) : all_(configuration) {
    for (const api::Group& group : configuration.groups) {
      for (const std::string& volume : group.volumes) groups_.emplace(volume, &group);
    }
  }
  // By one way at least that takes reads and writes, or will soon: hosts wait for the end of a transition.
  bool has(const std::string& target, const std::string& volume) const {
    const auto found = groups_.find(volume);
    if (found == groups_.end()) return true;
    const api::Group& group = *found->second;
    return std::ranges::any_of(tags_of(all_, target), [&group](uint16_t tag) {
      const auto access = std::ranges::find(group.access, tag, &api::GroupAccess::group_tag);
      return access == group.access.end() || access->state == "optimized" ||
             access->state == "non_optimized" || access->state == "transitioning";
    });
  }

 private:
  const Configuration& all_;
  std::map<std::string_view, const api::Group*> groups_;
};

}  // namespace

std::vector<api::Interruption> find_interruptions(const Configuration& before, const Configuration& after,
                                                  const Work& work,
                                                  const std::vector<rpc::SessionStatus>& sessions) {
  if (sessions.empty()) return {};
  const Views views_before = views_of(before);
  const Views views_after = views_of(after);
  const Reach reach_before(before);
  const Reach reach_after(after);
  std::vector<api::Interruption> found;
  for (const rpc::SessionStatus& session : sessions) {
    const auto add = [&](const std::string& volume, std::string reason) {
      found.push_back(
          {session.id, session.host, session.initiator, session.target, volume, std::move(reason)});
    };
    const auto seen = views_before.find({session.host, session.target});
    if (session.target.empty() || seen == views_before.end())
      continue;  // a discovery session, or one that we did not make
    if (const std::string why = why_all(after, session); !why.empty()) {
      add("", why);
      continue;
    }
    if (has_portal(before, session.local_address) && !has_portal(after, session.local_address))
      add("", fmt::format("the portal {} is taken away", session.local_address));
    const auto left = views_after.find({session.host, session.target});
    for (const auto& [volume, lun] : seen->second) {
      std::string why = why_lost(after, work, volume);
      const uint16_t* moved = left == views_after.end() ? nullptr : find_lun(left->second, volume);
      if (why.empty() && moved == nullptr)
        why = fmt::format("volume {} is no longer mapped to host {}", volume, session.host);
      if (why.empty() && *moved != lun)
        why = fmt::format("volume {} moves from LUN {} to {}", volume, lun, *moved);
      if (why.empty() && reach_before.has(session.target, volume) && !reach_after.has(session.target, volume))
        why = fmt::format("no way to volume {} stays active", volume);
      if (!why.empty()) add(volume, std::move(why));
    }
  }
  return found;
}

}  // namespace ashlar::agent
