// A map of bounded size that forgets what was not touched for the longest time.
#pragma once

#include <cstddef>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace ashlar::access {

/// At most `most` entries (1 at least). Not thread safe.
template <typename Value>
class RecentTable {
 public:
  explicit RecentTable(size_t most) : most_(most == 0 ? 1 : most) {}
  RecentTable(const RecentTable&) = delete;
  RecentTable& operator=(const RecentTable&) = delete;

  size_t size() const { return places_.size(); }

  /// Null when there is none. Does not touch it.
  const Value* find(std::string_view key) const {
    const auto place = places_.find(key);
    return place == places_.end() ? nullptr : &place->second->second;
  }

  /// The entry, which is now the newest. When it was not there: a default one, and the oldest may have gone for it.
  Value& touch(std::string_view key) {
    const auto place = places_.find(key);
    if (place != places_.end()) {
      entries_.splice(entries_.begin(), entries_, place->second);
    } else {
      if (places_.size() >= most_) erase(std::string(entries_.back().first));
      entries_.emplace_front(std::string(key), Value{});
      places_.emplace(entries_.front().first, entries_.begin());
    }
    return entries_.front().second;
  }

  void erase(std::string_view key) {
    const auto place = places_.find(key);
    if (place == places_.end()) return;
    const auto entry = place->second;
    places_.erase(place);
    entries_.erase(entry);
  }

 private:
  using Entries =
      std::list<std::pair<std::string, Value>>;  // newest first; the keys of `places_` point into it
  size_t most_;
  Entries entries_;
  std::unordered_map<std::string_view, typename Entries::iterator> places_;
};

}  // namespace ashlar::access
