#include "base/pairs.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <string>

namespace ashlar {
namespace {

RC_GTEST_PROP(Pairs, VisitsEachKeyOnceWithWhatBothListsHave, ()) {
  const auto all = [] {
    std::map<int, std::string> made;
    for (int key = 0; key < 10; ++key) {
      if (*rc::gen::arbitrary<bool>()) made[key] = *rc::gen::arbitrary<std::string>();
    }
    return made;
  };
  const auto a = all();
  const auto b = all();
  using Item = std::pair<int, std::string>;
  std::vector<Item> left(a.begin(), a.end());
  const std::vector<Item> right(b.begin(), b.end());
  if (*rc::gen::arbitrary<bool>()) std::ranges::reverse(left);
  int before = -1;
  size_t seen = 0;
  const auto key = [](const Item& each) { return each.first; };
  for_each_pair(left, right, key, [&](const Item* one, const Item* other) {
    const int now = one != nullptr ? one->first : other->first;
    RC_ASSERT(now > before);
    before = now;
    RC_ASSERT((one != nullptr) == a.contains(now));
    RC_ASSERT((other != nullptr) == b.contains(now));
    if (one != nullptr) RC_ASSERT(one->second == a.at(now));
    if (other != nullptr) RC_ASSERT(other->second == b.at(now));
    ++seen;
  });
  auto either = a;
  either.insert(b.begin(), b.end());
  RC_ASSERT(seen == either.size());
}

}  // namespace
}  // namespace ashlar
