#include "iscsi/directory.h"

namespace ashlar::iscsi {

std::shared_ptr<const unit::HostView> Target::view_of(const std::string& initiator) const {
  const auto named = hosts.find(initiator);
  return named == hosts.end() ? any_host : named->second;
}

}  // namespace ashlar::iscsi
