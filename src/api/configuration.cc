#include "api/configuration.h"

#include <algorithm>

#include "api/lists.h"
#include "json/text_writer.h"

namespace ashlar::api {

namespace {
constexpr auto name_of = [](const auto& each) -> const std::string& { return each.name; };
}  // namespace

const Kind* find_kind(std::string_view name) {
  const auto found = std::ranges::find_if(
      kinds, [name](const Kind& kind) { return kind.member == name || kind.path == name; });
  return found == kinds.end() ? nullptr : &*found;
}

// Lives in this namespace, so that json::decode() and json::encode() find it for Configuration.
template <typename V, Is<Configuration> T>
void visit_fields(V& v, T& configuration) {
  for_each_list(configuration, [&v](const char* member, auto& list) { v.field(member, list); });
}

Result<Configuration> read_configuration(const Json& json) {
  TRY_ASSIGN(Configuration configuration, decode<Configuration>(json, "", Unknown::refuse));
  for (Map& map : configuration.maps) {
    if (map.name.empty()) map.name = default_map_name(map);
  }
  return configuration;
}

std::string default_map_name(const Map& map) {
  return fmt::format("{}.{}", map.volume, map.host.empty() ? map.host_group : map.host);
}

void make_canonical(Configuration& configuration) {
  for_each_list(configuration, [](const char*, auto& list) {
    if (!std::ranges::is_sorted(list, {}, name_of)) std::ranges::sort(list, {}, name_of);
  });
}

Json write_configuration(const Configuration& configuration, Secrets secrets) {
  Configuration canonical = configuration;
  make_canonical(canonical);
  return encode(canonical, secrets);
}

std::string print_configuration(const Configuration& configuration, Secrets secrets) {
  bool canonical = true;
  for_each_list(configuration, [&canonical](const char*, const auto& list) {
    canonical = canonical && std::ranges::is_sorted(list, {}, name_of);
  });
  if (canonical) return json::print_fields(configuration, secrets);
  Configuration sorted = configuration;
  make_canonical(sorted);
  return json::print_fields(sorted, secrets);
}

}  // namespace ashlar::api
