#include "rpc/amendment.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <tuple>

#include "base/pairs.h"

namespace ashlar::rpc {
namespace {

template <typename T>
std::string_view key_of(const T& resource) {
  return resource.name;
}
std::string_view key_of(const std::string& name) { return name; }
using MappingKey = std::tuple<std::string_view, std::string_view, std::string_view>;
MappingKey key_of(const MappingDocument& mapping) { return {mapping.host, mapping.target, mapping.volume}; }

template <typename T>
using Key = decltype(key_of(std::declval<const T&>()));
constexpr auto by_key = [](const auto& each) { return key_of(each); };

// What is told of a resource that goes.
template <typename T>
std::string told(const T& resource) {
  return resource.name;
}
MappingDocument told(const MappingDocument& mapping) {
  return {.host = mapping.host, .target = mapping.target, .volume = mapping.volume};
}

template <typename T, typename Gone>
void compare(const std::vector<T>& from, const std::vector<T>& to, std::vector<T>& changed,
             std::vector<Gone>& gone) {
  for_each_pair(from, to, by_key, [&](const T* before, const T* after) {
    if (after == nullptr) {
      gone.push_back(told(*before));
    } else if (before == nullptr || *before != *after) {
      changed.push_back(*after);
    }
  });
}

template <typename T, typename Gone>
void change(std::vector<T>& list, std::vector<T> changed, const std::vector<Gone>& gone) {
  if (changed.empty() && gone.empty()) return;
  std::set<Key<T>> out;
  for (const Gone& each : gone) out.insert(key_of(each));
  for (const T& each : changed) out.insert(key_of(each));
  const bool sorted = std::ranges::is_sorted(list, {}, by_key);
  std::erase_if(list, [&out](const T& each) { return out.contains(key_of(each)); });
  // One into five thousand finds its place faster than all are sorted again; many do not.
  constexpr size_t few = 16;
  if (sorted && changed.size() <= few) {
    for (T& each : changed)
      list.insert(std::ranges::upper_bound(list, key_of(each), {}, by_key), std::move(each));
    return;
  }
  std::ranges::move(changed, std::back_inserter(list));
  if (sorted) std::ranges::sort(list, {}, by_key);
}

}  // namespace

size_t Amendment::size() const {
  return changed.volumes.size() + changed.hosts.size() + changed.portals.size() + changed.targets.size() +
         changed.mappings.size() + changed.groups.size() + gone.volumes.size() + gone.hosts.size() +
         gone.portals.size() + gone.targets.size() + gone.mappings.size() + gone.groups.size();
}

Amendment difference(const Document& from, const Document& to) {
  Amendment amendment;
  auto& [changed, gone] = amendment;
  compare(from.volumes, to.volumes, changed.volumes, gone.volumes);
  compare(from.hosts, to.hosts, changed.hosts, gone.hosts);
  compare(from.portals, to.portals, changed.portals, gone.portals);
  compare(from.targets, to.targets, changed.targets, gone.targets);
  compare(from.mappings, to.mappings, changed.mappings, gone.mappings);
  compare(from.groups, to.groups, changed.groups, gone.groups);
  return amendment;
}

void amend(Document& document, Amendment amendment) {
  auto& [changed, gone] = amendment;
  change(document.volumes, std::move(changed.volumes), gone.volumes);
  change(document.hosts, std::move(changed.hosts), gone.hosts);
  change(document.portals, std::move(changed.portals), gone.portals);
  change(document.targets, std::move(changed.targets), gone.targets);
  change(document.mappings, std::move(changed.mappings), gone.mappings);
  change(document.groups, std::move(changed.groups), gone.groups);
}

void sort_document(Document& document) {
  std::ranges::sort(document.volumes, {}, by_key);
  std::ranges::sort(document.hosts, {}, by_key);
  std::ranges::sort(document.portals, {}, by_key);
  std::ranges::sort(document.targets, {}, by_key);
  std::ranges::sort(document.mappings, {}, by_key);
  std::ranges::sort(document.groups, {}, by_key);
}

}  // namespace ashlar::rpc
