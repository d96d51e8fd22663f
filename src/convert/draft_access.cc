// Who may reach what, while it is taken over: hosts, their secrets and the maps that are for everybody.
#include <algorithm>
#include <utility>

#include "base/identity.h"
#include "base/nqn.h"
#include "convert/draft.h"

namespace ashlar::convert {
namespace {

constexpr size_t max_hosts = 4096;
constexpr size_t max_open_maps = 65536;

bool usable_secret(std::string_view secret) {
  // RFC 7143 9.2.1: fewer than 96 bits need IPsec around them. The placeholder is what `tgt-admin --dump` writes.
  return secret.size() >= 12 && secret.size() <= 255 && secret != "PLEASE_CORRECT_THE_PASSWORD" &&
         secret != json::redacted;
}

}  // namespace

Login Draft::login(std::string_view user, std::string_view secret, std::string_view mutual_user,
                   std::string_view mutual_secret, const std::string& where) {
  if (!usable_secret(secret)) {
    return {std::nullopt, fmt::format("the CHAP secret of user {} is not usable (12 to 255 bytes are): set "
                                      "another on both sides, then map the volumes",
                                      user)};
  }
  api::Chap chap{.user = std::string(user), .secret = std::string(secret)};
  if (mutual_user.empty() && mutual_secret.empty()) return {std::move(chap), ""};
  if (mutual_user.empty() || !usable_secret(mutual_secret) || mutual_secret == secret) {
    leave_out(
        where, fmt::format("mutual CHAP user {}", mutual_user),
        "its secret must have 12 to 255 bytes and differ from that of the other direction (RFC 7143 9.2.1)");
    return {std::move(chap), ""};
  }
  chap.mutual_user = mutual_user;
  chap.mutual_secret = mutual_secret;
  return {std::move(chap), ""};
}

api::Host* Draft::host_of(std::string_view initiator) {
  const auto found = hosts_by_initiator_.find(initiator);
  return found == hosts_by_initiator_.end() ? nullptr : &hosts_[found->second];
}

const std::string* Draft::add_host(std::string_view initiator, const Login& login, const std::string& target,
                                   const std::string& where) {
  const std::string what = fmt::format("access of {} to {}", initiator, target);
  const Result<std::string> name = parse_iscsi_name(initiator, "");
  if (!name || !login.refused.empty()) {
    leave_out(where, what, name ? login.refused : name.error().message);
    return nullptr;
  }
  if (api::Host* host = host_of(*name)) {
    if (host->chap != login.chap) {
      if (!host->chap) host->chap = login.chap;
      leave_out(where, fmt::format("CHAP of {} on {}", initiator, target),
                fmt::format("a host logs in to all targets in the same way: as user {}", host->chap->user));
    }
    return &host->name;
  }
  if (hosts_.size() >= max_hosts) {
    leave_out(where, what, fmt::format("{} hosts are the most that one engine serves", max_hosts));
    return nullptr;
  }
  hosts_by_initiator_.emplace(*name, hosts_.size());
  return &hosts_
              .emplace_back(api::Host{.name = host_names_.take(last_part(*name), "host"),
                                      .initiators = {*name},
                                      .chap = login.chap})
              .name;
}

bool Draft::add_nvme_host(std::string_view nqn, std::optional<api::Dhchap> dhchap, const std::string& where) {
  const Result<std::string> name = parse_nqn(nqn, "");
  const std::string why = !name                        ? name.error().message
                          : host_of(*name) != nullptr  ? "it stands there already"
                          : hosts_.size() >= max_hosts ? "there are too many of them"
                                                       : "";
  if (!why.empty()) {
    leave_out(where, fmt::format("host {}", nqn), why);
    return false;
  }
  hosts_by_initiator_.emplace(*name, hosts_.size());
  hosts_.push_back({.name = host_names_.take(last_part(*name), "host"),
                    .initiators = {*name},
                    .dhchap = std::move(dhchap)});
  return true;
}

api::Map Draft::whom(std::string_view group, std::vector<std::string> hosts) {
  if (hosts.size() == 1) return {.host = std::move(hosts.front())};
  std::ranges::sort(hosts);
  const auto [known, fresh] = groups_by_hosts_.try_emplace(hosts);
  if (fresh) {
    known->second = host_names_.take(group, "group");  // a map could not tell it from a host of the same name
    hosts_by_group_.emplace(known->second, hosts);
    host_groups_.push_back({.name = known->second, .hosts = std::move(hosts)});
  }
  return {.host_group = known->second};
}

void Draft::add_open_map(api::Map map, const Login& login, const std::string& where) {
  if (!login.refused.empty() || open_maps_.size() >= max_open_maps) {
    return leave_out(
        where, fmt::format("LUN {} ({}) of everybody on {}", map.lun.value_or(0), map.volume, map.target),
        login.refused.empty() ? "there are too many of them" : login.refused);
  }
  open_maps_.push_back({std::move(map), login, where});
}

// The host that stands for everybody has no initiators, and named hosts do not belong to it: what is open to everybody is
// mapped to those that have nothing of their own on the target, too.
void Draft::settle_open_maps() {
  std::map<std::string, std::vector<std::string>> bystanders;  // of a target
  for (const Open& open : open_maps_) {
    const auto [names, fresh] = bystanders.try_emplace(open.map.target);
    if (!fresh) continue;
    for (const api::Host& host : hosts_) {
      if (host.any || named_.contains({host.name, open.map.target})) continue;
      names->second.push_back(host.name);
      if (host.chap != open.login.chap)
        leave_out(open.where, fmt::format("CHAP of host {} on {}", host.name, open.map.target),
                  "a host logs in to all targets in the same way");
    }
  }
  for (const Open& open : std::exchange(open_maps_, {})) settle_open_map(open, bystanders[open.map.target]);
}

void Draft::settle_open_map(const Open& open, const std::vector<std::string>& bystanders) {
  auto any = std::ranges::find_if(
      hosts_, [&open](const api::Host& host) { return host.any && host.chap == open.login.chap; });
  if (any == hosts_.end()) {
    hosts_.push_back({.name = host_names_.take("any", "any"), .any = true, .chap = open.login.chap});
    any = std::prev(hosts_.end());
  }
  api::Map map = open.map;
  map.host = any->name;
  add_map(map, open.where);
  for (const std::string& host : bystanders) {
    map.host = host;
    add_map(map, open.where);
  }
}

}  // namespace ashlar::convert
