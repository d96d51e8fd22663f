#include "agent/list_query.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/result.h"

namespace ashlar::agent {
namespace {

using api::Json;

struct Condition {
  std::string path, comparison, value;
};

std::vector<std::string> split(const std::string& text, char at) {
  std::vector<std::string> parts;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(at, begin), text.size());
    if (end > begin) parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

// "status.state": dots lead into objects. Null when there is nothing.
const Json* look_up(const Json& item, const std::string& path) {
  const Json* here = &item;
  for (const std::string& name : split(path, '.')) {
    if (!here->is_object()) return nullptr;
    const auto found = here->find(name);
    if (found == here->end()) return nullptr;
    here = &*found;
  }
  return here;
}

std::string text_of(const Json* value) {
  if (value == nullptr || value->is_null()) return "";
  return value->is_string() ? value->get<std::string>()
                            : value->dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::optional<double> number_of(const std::string& text) {
  double number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  if (parsed.ec != std::errc{} || parsed.ptr != text.data() + text.size()) return {};
  return number;
}

// Less than zero, zero, more: as numbers where both are.
int compare(const std::string& a, const std::string& b) {
  const auto left = number_of(a);
  const auto right = number_of(b);
  if (left && right) return *left < *right ? -1 : *left > *right ? 1 : 0;
  return a.compare(b);
}

bool fits(const Json& item, const Condition& condition) {
  const std::string value = text_of(look_up(item, condition.path));
  if (condition.comparison == "~") return value.find(condition.value) != std::string::npos;
  const int order = compare(value, condition.value);
  if (condition.comparison == "==") return order == 0;
  if (condition.comparison == "!=") return order != 0;
  return condition.comparison == ">" ? order > 0 : order < 0;
}

Result<std::vector<Condition>> parse_filter(const std::string& filter) {
  std::vector<Condition> conditions;
  for (const std::string& each : split(filter, ',')) {
    Condition condition;
    for (const char* comparison : {"==", "!=", "~", ">", "<"}) {
      const size_t at = each.find(comparison);
      if (at == std::string::npos || at == 0) continue;
      condition = {each.substr(0, at), comparison, each.substr(at + std::string_view(comparison).size())};
      break;
    }
    if (condition.path.empty()) {
      return fail(ErrorCode::invalid_argument, "filter",
                  "'{}' is not FIELD==VALUE, FIELD!=VALUE, FIELD~PART, FIELD>VALUE or FIELD<VALUE", each);
    }
    conditions.push_back(std::move(condition));
  }
  return conditions;
}

void sort_items(std::vector<Json>& items, const std::string& sort) {
  const std::vector<std::string> keys = split(sort, ',');
  if (keys.empty()) return;
  std::vector<size_t> order(items.size());
  std::vector<std::vector<std::string>> values(items.size());
  for (size_t i = 0; i < items.size(); ++i) {
    order[i] = i;
    for (const std::string& key : keys)
      values[i].push_back(text_of(look_up(items[i], key.starts_with('-') ? key.substr(1) : key)));
  }
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    for (size_t k = 0; k < keys.size(); ++k) {
      const int difference = compare(values[a][k], values[b][k]);
      if (difference != 0) return keys[k].starts_with('-') ? difference > 0 : difference < 0;
    }
    return a < b;
  });
  std::vector<Json> sorted;
  for (const size_t each : order) sorted.push_back(std::move(items[each]));
  items = std::move(sorted);
}

// A cursor is the number of items before it: lists are short, and stay in their order between calls unless they change.
Result<size_t> parse_cursor(const std::string& cursor) {
  size_t at = 0;
  if (cursor.empty()) return at;
  const auto parsed = std::from_chars(cursor.data(), cursor.data() + cursor.size(), at);
  if (parsed.ec != std::errc{} || parsed.ptr != cursor.data() + cursor.size())
    return fail(ErrorCode::invalid_argument, "cursor", "'{}' is not what `next` of an earlier answer said",
                cursor);
  return at;
}

// "status.state" comes out as it stands in the item: {"status": {"state": ...}}.
Json only_fields(const Json& item, const std::vector<std::string>& fields) {
  Json chosen = Json::object();
  for (const std::string& each : fields) {
    const Json* value = look_up(item, each);
    if (value == nullptr) continue;
    Json* here = &chosen;
    for (const std::string& name : split(each, '.')) here = &(*here)[name];
    *here = *value;
  }
  return chosen;
}

}  // namespace

Result<Json> run_list_query(std::vector<Json> items, const Json& query) {
  TRY_ASSIGN(const std::vector<Condition> conditions, parse_filter(query.value("filter", "")));
  std::erase_if(items, [&](const Json& item) {
    return !std::ranges::all_of(conditions, [&](const Condition& each) { return fits(item, each); });
  });
  sort_items(items, query.value("sort", ""));
  TRY_ASSIGN(const size_t begin, parse_cursor(query.value("cursor", "")));
  const size_t end = std::min(items.size(), begin + query.value("limit", size_t{100}));
  const std::vector<std::string> fields = split(query.value("fields", ""), ',');
  Json page = Json::array();
  for (size_t i = begin; i < end; ++i)
    page.push_back(fields.empty() ? std::move(items[i]) : only_fields(items[i], fields));
  Json answer = {{"items", std::move(page)}, {"total", items.size()}, {"next", nullptr}};
  if (end < items.size()) answer["next"] = std::to_string(end);
  return answer;
}

}  // namespace ashlar::agent
