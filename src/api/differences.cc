#include "api/lists.h"
#include "api/plan.h"
#include "base/pairs.h"

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
      compare(fmt::format("{}/{}", path, name), value, other == after.end() ? Json(nullptr) : *other);
    }
    for (const auto& [name, value] : after.items()) {
      if (!before.contains(name)) add(fmt::format("{}/{}", path, name), nullptr, value);
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

constexpr auto by_name = [](const auto& each) { return std::string_view(each.name); };

// Only resources that differ become JSON: of five thousand maps it is one that changed.
template <typename List>
void compare_lists(const Kind& kind, const List& before, const List& after, Comparison& comparison) {
  using Resource = typename List::value_type;
  for_each_pair(before, after, by_name, [&](const Resource* old, const Resource* fresh) {
    if (old != nullptr && fresh != nullptr && *old == *fresh) return;
    const Json old_json = old == nullptr ? Json() : encode(*old, Secrets::show);
    const Json fresh_json = fresh == nullptr ? Json() : encode(*fresh, Secrets::show);
    const std::string& name = (old == nullptr ? fresh : old)->name;
    comparison.compare(fmt::format("{}/{}", kind.path, name), old_json, fresh_json);
  });
}

/// Calls `visit(kind, list of a, the same list of b)` for each kind.
template <typename A, typename B, typename Visit>
void for_each_kind(A& a, B& b, Visit visit) {
  for_each_list(a, [&](std::string_view member, auto& list) {
    for_each_list(b, [&](std::string_view other, auto& same) {
      if constexpr (std::is_same_v<std::remove_cvref_t<decltype(list)>,
                                   std::remove_cvref_t<decltype(same)>>) {
        if (member == other) visit(*find_kind(member), list, same);
      }
    });
  });
}

}  // namespace

std::vector<Difference> differences_of(const Configuration& before, const Configuration& after) {
  std::vector<Difference> differences;
  Comparison comparison(differences);
  for_each_kind(before, after, [&](const Kind& kind, const auto& old_list, const auto& fresh_list) {
    compare_lists(kind, old_list, fresh_list, comparison);
  });
  for (Difference& each : differences) {
    hide_secrets(each.before);
    hide_secrets(each.after);
  }
  return differences;
}

Configuration news_of(const Configuration& before, const Configuration& after) {
  Configuration news;
  for_each_kind(before, news, [&after](const Kind& kind, const auto& old_list, auto& list) {
    for_each_list(after, [&](std::string_view member, const auto& fresh_list) {
      if constexpr (std::is_same_v<decltype(fresh_list), decltype(old_list)>) {
        if (member != kind.member) return;
        for_each_pair(old_list, fresh_list, by_name, [&list](const auto* old, const auto* fresh) {
          if (fresh != nullptr && (old == nullptr || *old != *fresh)) list.push_back(*fresh);
        });
      }
    });
  });
  return news;
}

}  // namespace ashlar::api
