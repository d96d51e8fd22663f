#include "scsi/forgotten_unit.h"

#include "scsi/nexus_impl.h"

namespace ashlar::scsi {

// A closed volume is in no access group. One of another unit under its name starts afresh, and says nothing: it goes by itself.
void forget_unit(Domain& domain, const Uuid& unit) {
  UnitStates& states = domain.impl().unit_states();
  for (const auto& [volume, state] : states.of_group("")) {
    if (state->uuid == unit) states.of(volume, Uuid{}, false, domain.loop().now());
  }
}

}  // namespace ashlar::scsi
