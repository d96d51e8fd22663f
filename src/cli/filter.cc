#include "cli/filter.h"

#include <algorithm>
#include <charconv>
#include <numeric>
#include <string>
#include <vector>

namespace ashlar::cli {
namespace {

using api::Json;

struct Condition {
  std::string field, value;
  std::string_view comparison;
};

std::vector<std::string_view> parted(std::string_view text) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const size_t comma = std::min(text.find(','), text.size());
    if (comma > 0) parts.push_back(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return parts;
}

const Json* member_of(const Json& item, std::string_view dotted) {
  const Json* here = &item;
  while (!dotted.empty()) {
    const std::string name(dotted.substr(0, dotted.find('.')));
    dotted.remove_prefix(std::min(name.size() + 1, dotted.size()));
    if (!here->is_object()) return nullptr;
    const auto found = here->find(name);
    if (found == here->end()) return nullptr;
    here = &*found;
  }
  return here;
}

std::string text_of(const Json* value) {
  if (value == nullptr || value->is_null()) return "";
  return value->is_string() ? value->get<std::string>() : api::print_json(*value);
}

Result<Condition> read_condition(std::string_view text) {
  const size_t at = text.find_first_of("=!~<>");
  if (at != std::string_view::npos && at > 0) {
    for (const std::string_view comparison : {"==", "!=", "~", ">", "<"}) {
      if (!text.substr(at).starts_with(comparison)) continue;
      return Condition{std::string(text.substr(0, at)), std::string(text.substr(at + comparison.size())),
                       comparison};
    }
  }
  return fail(
      ErrorCode::invalid_argument, "--filter",
      "'{}' is no condition: write FIELD==VALUE, FIELD!=VALUE, FIELD~TEXT, FIELD>NUMBER or FIELD<NUMBER",
      text);
}

bool holds(const Condition& condition, const Json& item) {
  const Json* value = member_of(item, condition.field);
  if (condition.comparison == "==") return text_of(value) == condition.value;
  if (condition.comparison == "!=") return text_of(value) != condition.value;
  if (condition.comparison == "~") return text_of(value).contains(condition.value);
  double wanted = 0;
  const char* end = condition.value.data() + condition.value.size();
  if (std::from_chars(condition.value.data(), end, wanted).ptr != end) return false;
  if (value == nullptr || !value->is_number()) return false;
  return condition.comparison == ">" ? value->get<double>() > wanted : value->get<double>() < wanted;
}

// Below zero: `a` stands first.
int compared(const Json* a, const Json* b) {
  const bool a_counts = a != nullptr && a->is_number(), b_counts = b != nullptr && b->is_number();
  if (a_counts != b_counts) return a_counts ? -1 : 1;
  if (a_counts) {
    const double left = a->get<double>(), right = b->get<double>();
    return left < right ? -1 : left > right ? 1 : 0;
  }
  return text_of(a).compare(text_of(b));
}

}  // namespace

Result<Json> filter_items(const Json& items, std::string_view filter) {
  std::vector<Condition> conditions;
  for (const std::string_view part : parted(filter)) {
    TRY_ASSIGN(Condition condition, read_condition(part));
    conditions.push_back(std::move(condition));
  }
  Json some = Json::array();
  for (const Json& item : items) {
    if (std::ranges::all_of(conditions, [&item](const Condition& each) { return holds(each, item); }))
      some.push_back(item);
  }
  return some;
}

Json sort_items(Json items, std::string_view sort) {
  const std::vector<std::string_view> fields = parted(sort);
  std::vector<size_t> order(items.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::sort(order, [&](size_t a, size_t b) {
    for (std::string_view field : fields) {
      const bool down = field.starts_with('-');
      if (down) field.remove_prefix(1);
      const int compare = compared(member_of(items[a], field), member_of(items[b], field));
      if (compare != 0) return down ? compare > 0 : compare < 0;
    }
    return a < b;  // equal ones stay as they were told
  });
  Json sorted = Json::array();
  for (const size_t place : order) sorted.push_back(std::move(items[place]));
  return sorted;
}

}  // namespace ashlar::cli
