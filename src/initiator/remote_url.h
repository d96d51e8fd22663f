// Where a unit of another array is: "iscsi://[user@]address[:port]/IQN/LUN" or "nvme-tcp://address[:port]/NQN/NSID".
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "initiator/url.h"

namespace ashlar::initiator {

struct RemoteUrl {
  Protocol protocol = Protocol::iscsi;
  std::string user;  ///< CHAP name; empty: none in the URL
  loop::Endpoint endpoint;
  std::string target;     ///< IQN or NQN; empty: the whole portal (discovery)
  uint32_t unit = 0;      ///< LUN, or NSID from 1
  bool has_unit = false;  ///< false: the whole target

  /// Without the user.
  std::string text() const;
};

/// As parse_url() reads it, whose errors name the part: "url.port".
Result<RemoteUrl> parse_remote_url(std::string_view text, const std::string& place, UrlPart least);
/// 1 to 16 of them, separated by spaces or commas; each with its unit, none twice. Errors name the one: "urls[1].port".
Result<std::vector<RemoteUrl>> parse_remote_urls(std::string_view text, const std::string& place);

}  // namespace ashlar::initiator
