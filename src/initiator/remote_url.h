// Where a unit of another array is: "iscsi://[user@]address[:port]/IQN/LUN" or "nvme-tcp://address[:port]/NQN/NSID".
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "loop/stream.h"

namespace ashlar::initiator {

struct RemoteUrl {
  enum class Protocol : uint8_t { iscsi, nvme_tcp };
  Protocol protocol = Protocol::iscsi;
  std::string user;  ///< CHAP name; empty: none in the URL
  loop::Endpoint endpoint;
  std::string target;     ///< IQN or NQN; empty: the whole portal (discovery)
  uint32_t unit = 0;      ///< LUN, or NSID from 1
  bool has_unit = false;  ///< false: the whole target

  /// Without the user.
  std::string text() const;
};

/// Errors name `place` and say what is wrong. Discovery and inspection may leave out the target; a volume may not.
Result<RemoteUrl> parse_remote_url(std::string_view text, const std::string& place);
/// 1 to 16 of them, separated by spaces or commas; each with its unit, none twice.
Result<std::vector<RemoteUrl>> parse_remote_urls(std::string_view text, const std::string& place);

}  // namespace ashlar::initiator
