// The rules of hosts, portals, targets, maps, access groups and iSNS servers: who sees what, and by which way.
#include <algorithm>
#include <set>

#include "api/examination.h"
#include "api/host_profile.h"
#include "api/lists.h"
#include "base/address.h"
#include "base/address_range.h"
#include "base/dhchap_key.h"
#include "base/identity.h"
#include "base/nqn.h"

namespace ashlar::api {
namespace {

constexpr size_t max_initiators = 256;  // of one host
constexpr size_t max_addresses = 64;    // of one host
constexpr size_t max_isns_servers = 4;
constexpr uint16_t max_lun = 16383;  // flat space addressing, SAM-5 4.7.7.3

Result<void> check_endpoint(const std::string& address, uint16_t port, const std::string& place) {
  if (!address_bytes(address)) {
    return fail(ErrorCode::invalid_argument, place + "/address",
                "'{}' is not an IPv4 or IPv6 address (names are not looked up)", address);
  }
  if (port == 0) return fail(ErrorCode::out_of_range, place + "/port", "must be 1 to 65535");
  return {};
}

}  // namespace

// The length of a secret is checked when it is taken in: here it is a reference.
Result<void> Examination::chap(const Chap& each, const std::string& place) {
  if (each.user.empty() || each.secret.empty()) {
    return fail(ErrorCode::invalid_argument, place + (each.user.empty() ? "/user" : "/secret"),
                "is missing: CHAP needs a user and a secret");
  }
  TRY(check_printable(each.user, 255, place + "/user"));
  TRY(check_printable(each.mutual_user, 255, place + "/mutual_user"));
  if (each.mutual_user.empty() != each.mutual_secret.empty()) {
    return fail(ErrorCode::invalid_argument,
                place + (each.mutual_user.empty() ? "/mutual_user" : "/mutual_secret"),
                "is missing: mutual CHAP needs both");
  }
  return {};
}

// The form of a key is checked when it is taken in: here it is a reference.
Result<void> Examination::dhchap(const Dhchap& each, const std::string& place) {
  if (each.key.empty())
    return fail(ErrorCode::invalid_argument, place + "/key", "is missing: DH-HMAC-CHAP needs the host's key");
  if (each.key == each.controller_key)
    return fail(ErrorCode::invalid_argument, place + "/controller_key", "must differ from key");
  TRY(parse_dhchap_hashes(each.hashes, place + "/hashes"));
  TRY(parse_dhchap_groups(each.groups, place + "/groups"));
  return {};
}

namespace {

// Of a host or a target: an iSCSI name in lower case (RFC 3722), or an NQN as it is.
Result<void> check_name_of_port(const std::string& name, const std::string& place) {
  if (is_nqn(name)) {
    TRY(parse_nqn(name, place));
    return {};
  }
  TRY_ASSIGN(const std::string canonical, parse_iscsi_name(name, place));
  if (canonical == name) return {};
  return fail(ErrorCode::invalid_argument, place, "must be in lower case: \"{}\"", canonical);
}

}  // namespace

Result<void> Examination::host(const Host& each) {
  const std::string place = "hosts/" + each.name;
  TRY(parse_resource_name(each.name, place + "/name"));
  TRY(one_of(each.os, {"generic", "linux", "windows", "esxi", "proxmox", "xen"}, place + "/os"));
  if (each.initiators.size() > max_initiators)
    return fail(ErrorCode::out_of_range, place + "/initiators", "at most {} of them", max_initiators);
  if (each.any && !each.initiators.empty()) {
    return fail(ErrorCode::invalid_argument, place + "/any",
                "a host that is every unknown initiator names none itself: leave initiators empty");
  }
  for (size_t i = 0; i < each.initiators.size(); ++i) {
    const std::string where = fmt::format("{}/initiators[{}]", place, i);
    TRY(check_name_of_port(each.initiators[i], where));
    TRY(claim(initiators_, each.initiators[i], "host " + each.name, where));
  }
  if (each.chap) TRY(chap(*each.chap, place + "/chap"));
  // Its form is checked when it is taken in: here it is a reference.
  if (each.any && !each.tls_key.empty())
    return fail(ErrorCode::invalid_argument, place + "/tls_key",
                "is of a host that is named, not of every unknown initiator");
  if (each.tls_optional && each.tls_key.empty())
    return fail(ErrorCode::invalid_argument, place + "/tls_optional", "says nothing without a tls_key");
  if (each.dhchap) TRY(dhchap(*each.dhchap, place + "/dhchap"));
  if (each.addresses.size() > max_addresses)
    return fail(ErrorCode::out_of_range, place + "/addresses", "at most {} of them", max_addresses);
  for (size_t i = 0; i < each.addresses.size(); ++i)
    TRY(AddressRange::parse(each.addresses[i], fmt::format("{}/addresses[{}]", place, i)));
  return check_comment(each.comment, place + "/comment");
}

Result<void> Examination::host_group(const HostGroup& each) {
  const std::string place = "host-groups/" + each.name;
  TRY(parse_resource_name(each.name, place + "/name"));
  if (hosts_.find(each.name) != nullptr)
    return fail(ErrorCode::already_exists, place + "/name",
                "there is a host of this name: a map could not tell them apart");
  std::set<std::string_view> seen;
  for (size_t i = 0; i < each.hosts.size(); ++i) {
    const std::string where = fmt::format("{}/hosts[{}]", place, i);
    TRY(exists(hosts_, all_.hosts, each.hosts[i], "host", where));
    if (!seen.insert(each.hosts[i]).second)
      return fail(ErrorCode::invalid_argument, where, "stands twice in the group");
  }
  return check_comment(each.comment, place + "/comment");
}

Result<void> Examination::portal(const Portal& each) {
  const std::string place = "portals/" + each.name;
  TRY(parse_resource_name(each.name, place + "/name"));
  TRY(one_of(each.protocol, {"iscsi", "nvme-tcp"}, place + "/protocol"));
  TRY(check_endpoint(each.address, each.port, place));
  if (each.discovery_chap && each.protocol != "iscsi")
    return fail(ErrorCode::invalid_argument, place + "/discovery_chap", "CHAP is for iSCSI portals");
  if (each.discovery_chap) TRY(chap(*each.discovery_chap, place + "/discovery_chap"));
  TRY(one_of(each.tls, {"off", "allowed", "required"}, place + "/tls"));
  if (each.tls != "off" && each.protocol != "nvme-tcp")
    return fail(ErrorCode::invalid_argument, place + "/tls", "TLS is for NVMe/TCP portals");
  if (!each.referrals.empty() && each.protocol != "nvme-tcp")
    return fail(ErrorCode::invalid_argument, place + "/referrals", "are for portals of protocol nvme-tcp");
  TRY(check_referrals(each.referrals, place + "/referrals"));
  TRY(claim(endpoints_, fmt::format("{} port {}", each.address, each.port), "portal " + each.name,
            place + "/port"));
  return check_comment(each.comment, place + "/comment");
}

Result<void> Examination::isns_server(const IsnsServer& each) {
  const std::string place = "isns-servers/" + each.name;
  if (all_.isns_servers.size() > max_isns_servers)
    return fail(ErrorCode::out_of_range, place, "{} iSNS servers; at most {}", all_.isns_servers.size(),
                max_isns_servers);
  TRY(parse_resource_name(each.name, place + "/name"));
  TRY(check_endpoint(each.address, each.port, place));
  TRY(claim(name_servers_, fmt::format("{} port {}", each.address, each.port), "iSNS server " + each.name,
            place + "/port"));
  constexpr size_t max_entity_bytes = 200;  // RFC 4171 6.2.1 allows 255
  if (each.entity.size() > max_entity_bytes)
    return fail(ErrorCode::invalid_argument, place + "/entity", "at most {} characters", max_entity_bytes);
  const auto belongs = [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_' || c == ':';
  };
  if (!std::ranges::all_of(each.entity, belongs))
    return fail(ErrorCode::invalid_argument, place + "/entity",
                "may have letters, digits, '.', '-', '_' and ':'");
  return check_comment(each.comment, place + "/comment");
}

Result<void> Examination::target(const Target& each) {
  const std::string place = "targets/" + each.name;
  TRY(check_name_of_port(each.name, place + "/name"));
  TRY(one_of(each.protocol, {"iscsi", "nvme-tcp"}, place + "/protocol"));
  const bool nvme = is_nqn(each.name);
  if (nvme != (each.protocol == "nvme-tcp"))
    return fail(ErrorCode::invalid_argument, place + "/protocol", "is {} for a name that begins with {}",
                nvme ? "nvme-tcp" : "iscsi", nvme ? "nqn." : "iqn., eui. or naa.");
  constexpr size_t max_alias_bytes = 255;  // RFC 7143 6.1; the schema counts characters
  if (each.alias.size() > max_alias_bytes)
    return fail(ErrorCode::out_of_range, place + "/alias", "at most {} bytes, not {}", max_alias_bytes,
                each.alias.size());
  for (size_t i = 0; i < each.portals.size(); ++i) {
    const std::string where = fmt::format("{}/portals[{}]", place, i);
    TRY(exists(portals_, all_.portals, each.portals[i], "portal", where));
    const Portal* const portal = portals_.find(each.portals[i]);
    if (portal->protocol != each.protocol)
      return fail(ErrorCode::invalid_argument, where, "portal {} speaks {}, the target {}", portal->name,
                  portal->protocol, each.protocol);
  }
  if (each.nvme && !nvme)
    return fail(ErrorCode::invalid_argument, place + "/nvme", "is for targets of protocol nvme-tcp");
  if (each.nvme) TRY(check_subsystem_bounds(*each.nvme, place + "/nvme/"));
  if (!each.redirect.empty() && nvme)
    return fail(ErrorCode::invalid_argument, place + "/redirect", "only iSCSI sends logins elsewhere");
  if (!each.redirect.empty()) TRY(parse_address_and_port(each.redirect, place + "/redirect"));
  if (each.redirect_permanent && each.redirect.empty())
    return fail(ErrorCode::invalid_argument, place + "/redirect_permanent", "needs a redirect");
  return check_comment(each.comment, place + "/comment");
}

// A volume may be for hosts of several types: each that it is shown to must be able to use it.
Result<void> Examination::fits_host(const Map& each, const std::string& host, const std::string& place) {
  const HostProfile& profile = host_profile(hosts_.find(host)->os);
  if (each.lun && *each.lun > profile.highest_lun) {
    return fail(ErrorCode::out_of_range, place + "/lun",
                "host {} is of type {}, which finds no LUN above {}: leave lun out to have a free one", host,
                profile.name, profile.highest_lun);
  }
  const auto usable = check_usable(*volumes_.find(each.volume), profile, "volumes/" + each.volume);
  if (usable) return {};
  return fail(usable.error().code, place + "/volume", "host {} cannot have it: {}", host,
              usable.error().text());
}

Result<void> Examination::take_lun(const Map& each, const std::string& host, const std::string& place) {
  const auto same = seen_.emplace(fmt::format("{} {} {}", host, each.target, each.volume), each.name);
  if (!same.second) {
    return fail(ErrorCode::already_exists, place, "host {} has volume {} on {} already, by map {}", host,
                each.volume, each.target, same.first->second);
  }
  if (!each.lun) return {};
  const auto taken = luns_.emplace(fmt::format("{} {} {}", host, each.target, *each.lun), each.name);
  if (taken.second) return {};
  return fail(ErrorCode::already_exists, place + "/lun",
              "LUN {} of host {} on {} is taken by map {}: leave lun out to have a free one", *each.lun, host,
              each.target, taken.first->second);
}

Result<void> Examination::fits_protocol(const Map& each, const std::string& place) {
  if (!is_nqn(each.target)) return {};
  const Volume& volume = *volumes_.find(each.volume);
  const Pool* const pool = pools_.find(volume.pool);
  const bool passed_through = pool != nullptr && pool->kind == "scsi";
  if (!is_cdrom(volume) && !passed_through) return {};
  return fail(ErrorCode::invalid_argument, place + "/volume",
              "{} is {}, which NVMe does not have: map it by iSCSI", each.volume,
              passed_through ? "a SCSI device of the machine" : "a CD-ROM drive");
}

Result<void> Examination::map(const Map& each) {
  const std::string place = "maps/" + each.name;
  if (each.name.size() > 128)
    return fail(ErrorCode::invalid_argument, place + "/name", "at most 128 characters");
  TRY(exists(volumes_, all_.volumes, each.volume, "volume", place + "/volume"));
  TRY(exists(targets_, all_.targets, each.target, "target", place + "/target"));
  TRY(fits_protocol(each, place));
  if (each.host.empty() == each.host_group.empty())
    return fail(ErrorCode::invalid_argument, place + "/host", "name a host or a host_group, one of them");
  if (each.lun && *each.lun > max_lun)
    return fail(ErrorCode::out_of_range, place + "/lun", "{} is more than {}", *each.lun, max_lun);
  TRY(check_comment(each.comment, place + "/comment"));
  if (!each.host.empty()) {
    TRY(exists(hosts_, all_.hosts, each.host, "host", place + "/host"));
    TRY(fits_host(each, each.host, place));
    return take_lun(each, each.host, place);
  }
  TRY(exists(groups_, all_.host_groups, each.host_group, "host group", place + "/host_group"));
  for (const std::string& host : groups_.find(each.host_group)->hosts) {
    TRY(fits_host(each, host, place));
    TRY(take_lun(each, host, place));
  }
  return {};
}

Result<void> Examination::group_access(const Group& each, const std::string& place) {
  std::set<uint16_t> seen;
  for (size_t i = 0; i < each.access.size(); ++i) {
    const GroupAccess& access = each.access[i];
    const std::string where = fmt::format("{}/access[{}]", place, i);
    TRY(one_of(access.state,
               {"optimized", "non_optimized", "standby", "unavailable", "offline", "transitioning"},
               where + "/state"));
    if (std::ranges::find(all_.portals, access.group_tag, &Portal::group_tag) == all_.portals.end()) {
      return fail(ErrorCode::invalid_argument, where + "/group_tag", "no portal has the group tag {}",
                  access.group_tag);
    }
    if (!seen.insert(access.group_tag).second)
      return fail(ErrorCode::invalid_argument, where + "/group_tag", "{} stands twice in the group",
                  access.group_tag);
  }
  return {};
}

Result<void> Examination::group(const Group& each) {
  const std::string place = "groups/" + each.name;
  TRY(parse_resource_name(each.name, place + "/name"));
  for (size_t i = 0; i < each.volumes.size(); ++i) {
    const std::string where = fmt::format("{}/volumes[{}]", place, i);
    TRY(exists(volumes_, all_.volumes, each.volumes[i], "volume", where));
    TRY(claim(members_, each.volumes[i], "group " + each.name, where));
  }
  TRY(group_access(each, place));
  return check_comment(each.comment, place + "/comment");
}

}  // namespace ashlar::api
