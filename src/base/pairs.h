// Two lists side by side, by the keys of what is in them.
#pragma once

#include <algorithm>
#include <functional>
#include <vector>

namespace ashlar {

/// Calls `visit(const T* in a, const T* in b)` once for each key, in the keys' order; null where a list has none. Keys are unique
/// in each list. `key` gives something cheap that can be ordered. Takes n log n at most, and n when both lists are in order.
template <typename T, typename Key, typename Visit>
void for_each_pair(const std::vector<T>& a, const std::vector<T>& b, Key key, Visit visit) {
  const auto in_order = [&key](const std::vector<T>& list) {
    std::vector<const T*> items;
    items.reserve(list.size());
    for (const T& each : list) items.push_back(&each);
    const auto key_at = [&key](const T* each) { return key(*each); };
    if (!std::ranges::is_sorted(items, {}, key_at)) std::ranges::sort(items, {}, key_at);
    return items;
  };
  const std::vector<const T*> left = in_order(a);
  const std::vector<const T*> right = in_order(b);
  size_t i = 0;
  size_t j = 0;
  while (i < left.size() || j < right.size()) {
    const bool only_left = j == right.size() || (i < left.size() && key(*left[i]) < key(*right[j]));
    const bool only_right = !only_left && (i == left.size() || key(*right[j]) < key(*left[i]));
    visit(only_right ? nullptr : left[i], only_left ? nullptr : right[j]);
    if (!only_right) ++i;
    if (!only_left) ++j;
  }
}

}  // namespace ashlar
