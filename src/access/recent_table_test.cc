#include "access/recent_table.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <vector>

namespace ashlar::access {
namespace {

TEST(RecentTable, OneAtLeast) {
  RecentTable<int> table(0);
  table.touch("a") = 1;
  EXPECT_EQ(*table.find("a"), 1);
  table.touch("b") = 2;
  EXPECT_EQ(table.find("a"), nullptr);
  EXPECT_EQ(table.size(), 1u);
}

RC_GTEST_PROP(RecentTable, IsAListInItsOrder, ()) {
  RecentTable<int> table(4);
  std::vector<std::pair<std::string, int>> model;  // newest last
  const auto steps = *rc::gen::container<std::vector<std::pair<int, int>>>(
      rc::gen::pair(rc::gen::inRange(0, 4), rc::gen::inRange(0, 8)));
  for (const auto& [action, number] : steps) {
    const std::string key = std::to_string(number);
    const auto at = std::ranges::find(model, key, [](const auto& entry) { return entry.first; });
    if (action == 0) {
      table.erase(key);
      if (at != model.end()) model.erase(at);
    } else {
      const int value = at == model.end() ? 1 : at->second + 1;
      RC_ASSERT(++table.touch(key) == value);
      if (at != model.end()) model.erase(at);
      model.emplace_back(key, value);
      if (model.size() > 4) model.erase(model.begin());
    }
    RC_ASSERT(table.size() == model.size());
    for (const auto& [each, value] : model)
      RC_ASSERT(table.find(each) != nullptr && *table.find(each) == value);
  }
}

}  // namespace
}  // namespace ashlar::access
