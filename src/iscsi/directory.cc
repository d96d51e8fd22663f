#include "iscsi/directory.h"

#include <fmt/format.h>

#include <algorithm>

namespace ashlar::iscsi {

std::string target_port_name(const std::string& target, uint16_t group_tag) {
  return fmt::format("{},t,0x{:04x}", target, group_tag);
}

std::shared_ptr<const unit::HostView> Target::view_of(const std::string& initiator,
                                                      const std::string& address) const {
  const auto named = hosts.find(initiator);
  const std::shared_ptr<const unit::HostView>& view = named == hosts.end() ? any_host : named->second;
  if (view == nullptr || view->addresses.empty()) return view;
  const auto holds = [&address](const AddressRange& range) { return range.contains(address); };
  return std::ranges::any_of(view->addresses, holds) ? view : nullptr;
}

bool Target::served_by(const Portal& portal) const {
  return std::ranges::any_of(portals, [&portal](const Portal& each) {
    return each.name == portal.name && each.endpoint == portal.endpoint;
  });
}

}  // namespace ashlar::iscsi
