// URLs of what a host may reach: a portal, a target or subsystem behind it, a unit of that.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "loop/stream.h"

namespace ashlar::initiator {

enum class Protocol : uint8_t { iscsi, nvme_tcp };
/// "iscsi", "nvme-tcp": the scheme.
std::string_view name_of(Protocol protocol);
/// 3260 (RFC 7143 13.1) and 4420 (NVMe/TCP 1.0 3.1): where no port is given.
uint16_t default_port(Protocol protocol);

/// How much of a URL must be there, at least.
enum class UrlPart : uint8_t { portal, target, unit };

/// iscsi://[USER@]HOST[:PORT][/IQN[/LUN]] and nvme-tcp://[USER@]HOST[:PORT][/NQN[/NSID]], percent-encoded (RFC 3986).
struct Url {
  static constexpr size_t max_bytes = 2048;
  static constexpr uint32_t max_lun = 16383;  ///< flat space addressing (SAM-5 4.7.7.3)
  static constexpr uint32_t max_nsid =
      0xfffffffe;  ///< from 1; all ones mean every namespace (NVMe base 2.0 3.2.1.2)
  static constexpr size_t max_user_bytes = 255;

  Protocol protocol = Protocol::iscsi;
  std::string user;  ///< whose secret the host proves; empty: none. The secret itself is never in a URL
  loop::Endpoint endpoint;  ///< an address, no name: none is looked up
  std::string target;       ///< an iSCSI name, in lower case, or an NQN; empty: all that the portal tells of
  std::optional<uint32_t> unit;  ///< LUN or NSID

  /// The same URL again, with its port, in its one form.
  std::string text() const;
  bool operator==(const Url&) const = default;
};

/// invalid_argument names the part that is wrong behind `place`: "url.port". Parts past `least` may be left out.
Result<Url> parse_url(std::string_view text, std::string_view place, UrlPart least = UrlPart::unit);

}  // namespace ashlar::initiator
