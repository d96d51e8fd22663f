#include "http/message.h"

#include <algorithm>

#include "http/letters.h"

namespace ashlar::http {

const std::string* find_header(const Headers& headers, std::string_view name) {
  const auto found = std::ranges::find_if(
      headers, [&](const auto& header) { return same_without_case(header.first, name); });
  return found == headers.end() ? nullptr : &found->second;
}

const std::string* Request::query_value(std::string_view name) const {
  const auto found = std::ranges::find_if(query, [&](const auto& pair) { return pair.first == name; });
  return found == query.end() ? nullptr : &found->second;
}

}  // namespace ashlar::http
