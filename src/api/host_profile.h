// What each type of host can use, and what it needs: the presets behind Volume::profile and Host::os (docs/host-profiles.md).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "api/resources.h"
#include "base/result.h"

namespace ashlar::api {

/// The defaults are those of a host that nothing is known of. Each member that is not has its reason in host_profile.cc.
struct HostProfile {
  std::string_view name;
  uint16_t highest_lun = 16383;  ///< SAM-5 4.7.7.3, flat space addressing
  bool only_512_byte_blocks = false;
  uint32_t largest_physical_block_bytes = 1u << 20;
  uint64_t largest_volume_bytes = uint64_t{1} << 60;
  bool flushes = true;  ///< it asks for a flush where one is needed, so that a write cache is safe
  size_t distinct_serial_bytes =
      0;  ///< serial numbers must differ within so many of their first bytes; 0: somewhere
};

/// By Volume::profile or Host::os; one that is not known is "generic".
const HostProfile& host_profile(std::string_view name);

/// `volume` is one that hosts of this type can use, without danger to its data. The error's place is the field of the volume
/// ("block_bytes"), below `place`.
Result<void> check_usable(const Volume& volume, const HostProfile& profile, const std::string& place);

}  // namespace ashlar::api
