#include "initiator/remote_url.h"

#include <fmt/format.h>

#include <algorithm>

#include "initiator/multipath_state.h"

namespace ashlar::initiator {

std::string RemoteUrl::text() const {
  Url url{.protocol = protocol, .user = {}, .endpoint = endpoint, .target = target, .unit = {}};
  if (has_unit) url.unit = unit;
  return url.text();
}

Result<RemoteUrl> parse_remote_url(std::string_view text, const std::string& place, UrlPart least) {
  TRY_ASSIGN(Url url, parse_url(text, place, least));
  if (url.protocol == Protocol::nvme_tcp && !url.user.empty())
    return fail(ErrorCode::invalid_argument, place + ".user", "NVMe/TCP knows no CHAP name: leave '{}@' out",
                url.user);
  return RemoteUrl{.protocol = url.protocol,
                   .user = std::move(url.user),
                   .endpoint = std::move(url.endpoint),
                   .target = std::move(url.target),
                   .unit = url.unit.value_or(0),
                   .has_unit = url.unit.has_value()};
}

Result<std::vector<RemoteUrl>> parse_remote_urls(std::string_view text, const std::string& place) {
  std::vector<RemoteUrl> urls;
  while (true) {
    const size_t begin = text.find_first_not_of(", \t\n");
    if (begin == std::string_view::npos) break;
    text.remove_prefix(begin);
    const size_t end = std::min(text.find_first_of(", \t\n"), text.size());
    const std::string place_of_url = fmt::format("{}[{}]", place, urls.size());
    TRY_ASSIGN(RemoteUrl url, parse_remote_url(text.substr(0, end), place_of_url, UrlPart::unit));
    text.remove_prefix(end);
    const bool twice =
        std::ranges::any_of(urls, [&](const RemoteUrl& other) { return other.text() == url.text(); });
    if (twice) return fail(ErrorCode::invalid_argument, place_of_url, "{} stands there twice", url.text());
    urls.push_back(std::move(url));
  }
  if (urls.empty() || urls.size() > MultipathState::max_paths)
    return fail(ErrorCode::invalid_argument, place, "{} paths: 1 to {} are needed", urls.size(),
                MultipathState::max_paths);
  return urls;
}

}  // namespace ashlar::initiator
