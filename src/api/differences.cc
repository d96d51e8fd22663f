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

}  // namespace

std::vector<Difference> differences_of(const Configuration& before, const Configuration& after) {
  const Json old_lists = write_configuration(before, Secrets::show);
  const Json new_lists = write_configuration(after, Secrets::show);
  std::vector<Difference> differences;
  Comparison comparison(differences);
  for (const Kind& kind : kinds) {
    const std::string member(kind.member);
    std::map<std::string, std::pair<const Json*, const Json*>> resources;
    for (const Json& each : old_lists[member]) resources[each["name"]].first = &each;
    for (const Json& each : new_lists[member]) resources[each["name"]].second = &each;
    for (const auto& [name, pair] : resources) {
      const std::string path = fmt::format("{}/{}", kind.path, name);
      const Json nothing;
      if (pair.first != nullptr && pair.second != nullptr) {
        comparison.compare(path, *pair.first, *pair.second);
      } else {
        comparison.add(path, pair.first != nullptr ? *pair.first : nothing,
                       pair.second != nullptr ? *pair.second : nothing);
      }
    }
  }
  for (Difference& each : differences) {
    hide_secrets(each.before);
    hide_secrets(each.after);
  }
  return differences;
}

}  // namespace ashlar::api
