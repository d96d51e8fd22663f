#include <map>

#include "api/lists.h"
#include "api/plan.h"

namespace ashlar::api {
namespace {

class Comparison {
 public:
  explicit Comparison(std::vector<Difference>& out) : out_(out) {}

  void compare(const std::string& path, const Json& before, const Json& after) {
    if (before == after) return;
    if (!before.is_object() || !after.is_object()) return add(path, before, after);
    for (const auto& [name, value] : before.items()) {
      const auto other = after.find(name);
      compare(path + "/" + name, value, other == after.end() ? Json(nullptr) : *other);
    }
    for (const auto& [name, value] : after.items()) {
      if (!before.contains(name)) add(path + "/" + name, nullptr, value);
    }
  }

  void add(const std::string& path, const Json& before, const Json& after) {
    out_.push_back({path, before, after});
  }

 private:
  std::vector<Difference>& out_;
};

// Compared with what is secret in them as it is (references differ when a secret was set anew), shown without it.
void hide_secrets(Json& json) {
  if (json.is_string() && json.get_ref<const std::string&>().starts_with("secret:")) json = redacted;
  if (!json.is_structured()) return;
  for (auto& each : json) hide_secrets(each);
}

// Only resources that differ become JSON: of five thousand maps it is one that changed.
template <typename List>
void compare_lists(const Kind& kind, const List& before, const List& after, Comparison& comparison) {
  using Resource = typename List::value_type;
  std::map<std::string_view, std::pair<const Resource*, const Resource*>> resources;
  for (const Resource& each : before) resources[each.name].first = &each;
  for (const Resource& each : after) resources[each.name].second = &each;
  for (const auto& [name, pair] : resources) {
    const auto& [old, fresh] = pair;
    if (old != nullptr && fresh != nullptr && *old == *fresh) continue;
    const Json old_json = old == nullptr ? Json() : encode(*old, Secrets::show);
    const Json fresh_json = fresh == nullptr ? Json() : encode(*fresh, Secrets::show);
    comparison.compare(fmt::format("{}/{}", kind.path, name), old_json, fresh_json);
  }
}

}  // namespace

std::vector<Difference> differences_of(const Configuration& before, const Configuration& after) {
  std::vector<Difference> differences;
  Comparison comparison(differences);
  for_each_list(before, [&](std::string_view member, const auto& old_list) {
    for_each_list(after, [&](std::string_view other, const auto& fresh_list) {
      if constexpr (std::is_same_v<std::remove_cvref_t<decltype(old_list)>,
                                   std::remove_cvref_t<decltype(fresh_list)>>) {
        if (member == other) compare_lists(*find_kind(member), old_list, fresh_list, comparison);
      }
    });
  });
  for (Difference& each : differences) {
    hide_secrets(each.before);
    hide_secrets(each.after);
  }
  return differences;
}

}  // namespace ashlar::api
