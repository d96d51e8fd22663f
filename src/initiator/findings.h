// What a host finds at the other end of a path: whose unit it is, how large, what it can do, and how well this way leads there.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "initiator/multipath_state.h"

namespace ashlar::initiator {

struct Findings {
  /// Names of the unit that are the same by every path: "naa", "eui", "nguid", "uuid", "t10" to lower-case hex or text.
  std::map<std::string, std::string> names;
  std::string vendor, product, revision, serial;
  std::string authentication =
      "none";  ///< of the session: "mutual CHAP SHA-256", "DH-HMAC-CHAP ..., TLS PSK"
  PathAccess access = PathAccess::optimized;
  uint32_t access_group = 0;  ///< target port group or ANA group; 0: no asymmetric access

  uint64_t blocks = 0;
  uint32_t block_bytes = 0;  ///< 0: not told by this path (it is in standby)
  uint32_t physical_block_bytes = 0;
  uint32_t most_transfer_blocks = 0;
  uint32_t most_discard_blocks = 0;  ///< 0: no discard
  uint32_t most_zeroes_blocks = 0;   ///< 0: zeroes are written as data
  uint32_t discard_granularity_blocks = 0;
  bool zeroes_may_discard = false;  ///< write_zeroes with may_discard
  bool write_cache = false;         ///< writes without FUA may be lost with the power
  bool force_unit_access = false;   ///< FUA is known
  bool write_protected = false;
  bool rotational = false;

  uint64_t size_bytes() const { return blocks * block_bytes; }
};

/// Do two paths lead to one unit? An error names the name in which they differ, or says that they share none.
Result<void> same_unit(const std::map<std::string, std::string>& one,
                       const std::map<std::string, std::string>& other);
/// "naa.3...": the name of the unit for people; the most telling that there is.
std::string name_of(const Findings& findings);

// Parameter data of SCSI; lengths are not trusted.

/// VPD page 83h (SPC-4 7.8.6): names of the unit, and the port that it was asked by.
struct DevicePage {
  std::map<std::string, std::string> names;
  uint16_t port = 0;        ///< relative target port identifier
  uint16_t port_group = 0;  ///< target port group; 0: not told
};
DevicePage parse_device_page(ConstBytes page);
/// Parameter data of REPORT TARGET PORT GROUPS, format of length only (SPC-4 6.37). `group` not there: nothing.
std::optional<PathAccess> parse_port_groups(ConstBytes data, uint16_t group);
/// VPD pages B0h, B1h, B2h (SBC-3 6.6), MODE SENSE(10) with page 08h (SBC-3 6.5.5), standard INQUIRY data into the findings.
void take_block_limits(ConstBytes page, Findings& into);
void take_characteristics(ConstBytes page, Findings& into);
void take_provisioning(ConstBytes page, Findings& into);
void take_caching(ConstBytes data, Findings& into);
void take_inquiry(ConstBytes data, Findings& into);

}  // namespace ashlar::initiator
