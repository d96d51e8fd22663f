// Names of one list, for many questions of it.
#pragma once

#include <string_view>
#include <unordered_map>
#include <vector>

namespace ashlar {

/// Of a list that must neither change nor go away meanwhile: of 5,000 maps each asks for another volume of a thousand.
template <typename T>
class NameIndex {
 public:
  explicit NameIndex(const std::vector<T>& list) {
    by_name_.reserve(list.size());
    for (const T& each : list) by_name_.emplace(each.name, &each);
  }
  /// The first of that name, or null.
  const T* find(std::string_view name) const {
    const auto found = by_name_.find(name);
    return found == by_name_.end() ? nullptr : found->second;
  }

 private:
  std::unordered_map<std::string_view, const T*> by_name_;
};

}  // namespace ashlar
