// Where an array is managed, as hosts are told it (SPC-4 7.8.8).
#pragma once

#include <algorithm>
#include <string_view>

namespace ashlar {

constexpr size_t max_management_urls = 8;  ///< that a host is told of
constexpr size_t max_management_url_bytes = 250;

/// RFC 3986, as far as it matters to a host that shows it or opens it: a scheme, "://", printable ASCII without blanks.
inline bool is_management_url(std::string_view url) {
  const bool printable = std::ranges::all_of(url, [](unsigned char c) { return c > 0x20 && c < 0x7f; });
  const size_t scheme = url.find("://");
  return printable && scheme != std::string_view::npos && scheme > 0 &&
         url.size() <= max_management_url_bytes;
}

}  // namespace ashlar
