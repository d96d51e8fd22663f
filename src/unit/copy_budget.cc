#include "unit/copy_budget.h"

#include "base/check.h"

namespace ashlar::unit {

bool CopyBudget::admit(const Nexus& nexus) {
  if (copies_ == most_copies) return false;
  const auto found = of_nexus_.find(&nexus);
  if (found != of_nexus_.end() && found->second == most_copies_of_nexus) return false;
  ++copies_;
  ++of_nexus_[&nexus];
  return true;
}

void CopyBudget::leave(const Nexus& nexus) {
  const auto found = of_nexus_.find(&nexus);
  CHECK(copies_ > 0 && found != of_nexus_.end(), "a copy left that was not admitted");
  --copies_;
  if (--found->second == 0) of_nexus_.erase(found);
}

bool CopyBudget::take_lane() {
  if (extra_lanes_ == most_extra_lanes) return false;
  ++extra_lanes_;
  return true;
}

void CopyBudget::give_lane() {
  CHECK(extra_lanes_ > 0);
  --extra_lanes_;
}

}  // namespace ashlar::unit
