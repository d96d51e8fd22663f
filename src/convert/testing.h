// For the tests of this room.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

#include "api/lists.h"
#include "convert/convert.h"

namespace ashlar::convert::testing {

/// A file below tests/import/; tests run from the top of the tree.
inline std::string example(const std::string& name) {
  std::ifstream stream("tests/import/" + name, std::ios::binary);
  EXPECT_TRUE(stream) << name << ": tests run from the top of the tree";
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

inline Import imported(const std::string& text, Source source) {
  Result<Import> result = import(text, source);
  EXPECT_TRUE(result) << result.error().text();
  return result ? std::move(*result) : Import{};
}

/// Why `what` (a part of it) was left out; empty when it was not.
inline std::string why_left_out(const Import& import, const std::string& what) {
  for (const Import::LeftOut& each : import.left_out)
    if (each.what.find(what) != std::string::npos) return each.why;
  return "";
}

inline std::string where_left_out(const Import& import, const std::string& what) {
  for (const Import::LeftOut& each : import.left_out)
    if (each.what.find(what) != std::string::npos) return each.where;
  return "";
}

/// "db1 iqn.x:y host 3 ro", one for each map, by name.
inline std::vector<std::string> maps_of(const Import& import) {
  std::vector<std::string> maps;
  maps.reserve(import.configuration.maps.size());
  for (const api::Map& map : import.configuration.maps) {
    maps.push_back(fmt::format("{} {} {}{} {}{}", map.volume, map.target, map.host, map.host_group,
                               map.lun.value_or(0), map.read_only ? " ro" : ""));
  }
  return maps;
}

template <typename List>
auto named(List& list, const std::string& name) -> decltype(*api::find_named(list, name)) {
  auto* found = api::find_named(list, name);
  EXPECT_NE(found, nullptr) << name;
  if (found == nullptr) std::abort();
  return *found;
}

}  // namespace ashlar::convert::testing
