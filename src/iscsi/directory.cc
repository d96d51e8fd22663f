#include "iscsi/directory.h"

#include <fmt/format.h>

namespace ashlar::iscsi {

std::string target_port_name(const std::string& target, uint16_t group_tag) {
  return fmt::format("{},t,0x{:04x}", target, group_tag);
}

std::shared_ptr<const unit::HostView> Target::view_of(const std::string& initiator) const {
  const auto named = hosts.find(initiator);
  return named == hosts.end() ? any_host : named->second;
}

}  // namespace ashlar::iscsi
