#include "nvme/directory.h"

#include <fmt/format.h>

#include <algorithm>

namespace ashlar::nvme {

bool Subsystem::served_by(const Port& port) const {
  return std::ranges::any_of(
      ports, [&port](const Port& each) { return each.name == port.name && each.endpoint == port.endpoint; });
}

std::shared_ptr<const unit::HostView> Subsystem::view_of(const std::string& host,
                                                         const std::string& address) const {
  const auto named = hosts.find(host);
  const std::shared_ptr<const unit::HostView>& view = named == hosts.end() ? any_host : named->second;
  // Who has to give a proof over iSCSI must not get in without one by another door.
  if (view != nullptr && !view->chap.user.empty() && !view->dhchap) return nullptr;
  if (view == nullptr || view->addresses.empty()) return view;
  const auto holds = [&address](const AddressRange& range) { return range.contains(address); };
  return std::ranges::any_of(view->addresses, holds) ? view : nullptr;
}

// FNV-1a of 64 bits: two subsystems of one array would have to be chosen to collide.
std::string serial_of(const std::string& subsystem) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : subsystem) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3;
  return fmt::format("{:016x}", hash);
}

}  // namespace ashlar::nvme
