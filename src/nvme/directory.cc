#include "nvme/directory.h"

#include <fmt/format.h>

#include <algorithm>

#include "wire/nvme_fabrics.h"

namespace ashlar::nvme {

const Port* Subsystem::find_port(const Port& came_by) const {
  const auto found = std::ranges::find_if(ports, [&came_by](const Port& each) {
    return each.name == came_by.name && each.endpoint == came_by.endpoint;
  });
  return found == ports.end() ? nullptr : &*found;
}

std::shared_ptr<const unit::HostView> Subsystem::view_of(const std::string& host,
                                                         const std::string& address) const {
  const auto named = hosts.find(host);
  const std::shared_ptr<const unit::HostView>& view = named == hosts.end() ? any_host : named->second;
  // Who has to give a proof over iSCSI must not get in without one by another door.
  if (view != nullptr && !view->chap.user.empty() && !view->dhchap && !view->proves_by_tls) return nullptr;
  if (view == nullptr || view->addresses.empty()) return view;
  const auto holds = [&address](const AddressRange& range) { return range.contains(address); };
  return std::ranges::any_of(view->addresses, holds) ? view : nullptr;
}

bool Directory::must_be_secured(const std::string& host) const {
  const auto key = tls_keys.find(host);
  return key != tls_keys.end() && !key->second.optional;
}

Result<TlsPsk> Directory::psk_of(std::string_view identity) const {
  TRY_ASSIGN(const PskIdentity named, parse_psk_identity(identity));
  const auto key = tls_keys.find(named.host);
  if (key == tls_keys.end())
    return fail(ErrorCode::not_found, "identity", "no TLS key is kept for host '{}'", named.host);
  if (named.subsystem != wire::nvme::discovery_name && !subsystems.contains(named.subsystem))
    return fail(ErrorCode::not_found, "identity", "there is no subsystem '{}'", named.subsystem);
  const ConfiguredPsk& psk = key->second.psk;
  if (named.hash != psk.hash())
    return fail(ErrorCode::permission_denied, "identity",
                "host '{}' names a key of another length than the one that is kept for it", named.host);
  for (const PskLabels labels : {PskLabels::standard, PskLabels::unmeasured}) {
    TRY_ASSIGN(TlsPsk derived, derive_tls_psk(psk, named.host, named.subsystem, named.version, labels));
    if (derived.identity == identity) return derived;
  }
  return fail(ErrorCode::permission_denied, "identity",
              "the key that host '{}' names is not the one that is kept for it", named.host);
}

// FNV-1a of 64 bits: two subsystems of one array would have to be chosen to collide.
std::string serial_of(const std::string& subsystem) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : subsystem) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3;
  return fmt::format("{:016x}", hash);
}

}  // namespace ashlar::nvme
