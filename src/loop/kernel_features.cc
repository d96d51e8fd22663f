#include "loop/kernel_features.h"

namespace ashlar::loop {

std::string KernelFeatures::missing() const {
  std::string names;
  const auto note = [&names](bool present, const char* name) {
    if (present) return;
    if (!names.empty()) names += ", ";
    names += name;
  };
  note(defer_taskrun, "DEFER_TASKRUN (6.1)");
  note(coop_taskrun, "COOP_TASKRUN (5.19)");
  note(multishot_poll, "multishot poll (5.13)");
  note(multishot_accept, "multishot accept (5.19)");
  note(cancel_any, "cancel any (5.19)");
  return names;
}

}  // namespace ashlar::loop
