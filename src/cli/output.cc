#include "cli/output.h"

#include <algorithm>

#include "cli/table.h"
#include "cli/yaml.h"
#include "json/sizes.h"

namespace ashlar::cli {
namespace {

constexpr size_t widest_label = 28;

std::string raw_text(const Json& value) {
  if (value.is_null()) return "";
  return printable(value.is_string() ? value.get_ref<const std::string&>() : api::print_json(value));
}

// "2026-11-25T22:30:41.123Z" without what nobody reads.
std::string time_text(std::string text) {
  if (text.size() < 19 || text[10] != 'T') return text;
  text[10] = ' ';
  const bool utc = text.ends_with('Z');
  return utc ? text.substr(0, 19) : text;
}

std::string list_text(const Json& value) {
  std::string all;
  for (const Json& item : value) all += (all.empty() ? "" : ",") + cell_of(item, Shown::plain);
  return all;
}

// "1=optimized:preferred,2=standby", as it is typed.
std::string states_text(const Json& value) {
  std::string all;
  for (const Json& item : value) {
    all +=
        fmt::format("{}{}={}{}", all.empty() ? "" : ",", cell_of(value_at(item, "/group_tag"), Shown::plain),
                    cell_of(value_at(item, "/state"), Shown::plain),
                    value_at(item, "/preferred") == Json(true) ? ":preferred" : "");
  }
  return all;
}

bool is_size_name(std::string_view name) {
  return name.ends_with("_bytes") && name != "block_bytes" && name != "physical_block_bytes";
}

// "status.state" of "/status/state".
std::string dotted(std::string_view pointer) {
  std::string name(pointer.substr(pointer.starts_with('/') ? 1 : 0));
  std::ranges::replace(name, '/', '.');
  return name;
}

std::string pointer_of(std::string_view dotted_name) {
  std::string pointer = "/" + std::string(dotted_name);
  std::ranges::replace(pointer, '.', '/');
  return pointer;
}

struct OwnedColumn {
  std::string title, pointer;
  Shown shown = Shown::plain;
  bool right = false, wide = false;
};

std::vector<OwnedColumn> columns_to_show(const Invocation& invocation, std::span<const Column> columns) {
  std::vector<OwnedColumn> all;
  if (invocation.options.fields.empty()) {
    for (const Column& each : columns) {
      all.push_back({std::string(each.title), std::string(each.pointer), each.shown, each.right, each.wide});
    }
    return all;
  }
  for (const std::string& field : invocation.options.fields) {
    OwnedColumn column{field, pointer_of(field), is_size_name(field) ? Shown::size : Shown::plain, false,
                       false};
    for (char& c : column.title) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    const auto known = std::ranges::find(columns, column.pointer, &Column::pointer);
    if (known != columns.end())
      column = {std::string(known->title), column.pointer, known->shown, known->right, false};
    all.push_back(std::move(column));
  }
  return all;
}

std::string csv_text(const Invocation& invocation, const std::vector<OwnedColumn>& columns,
                     const Json& items) {
  std::vector<Table::Column> titles;
  titles.reserve(columns.size());
  for (const OwnedColumn& column : columns) titles.push_back({dotted(column.pointer)});
  Table table(std::move(titles));
  for (const Json& item : items) {
    std::vector<std::string> cells;
    cells.reserve(columns.size());
    for (const OwnedColumn& column : columns) {
      const Json& value = value_at(item, column.pointer);
      cells.push_back(value.is_array() ? list_text(value) : raw_text(value));
    }
    table.add(std::move(cells));
  }
  return table.csv(!invocation.options.no_headers);
}

void show_table(const Invocation& invocation, const std::vector<OwnedColumn>& columns, const Json& items) {
  std::vector<Table::Column> titles;
  titles.reserve(columns.size());
  for (const OwnedColumn& column : columns) titles.push_back({column.title, column.right, column.wide});
  Table table(std::move(titles));
  for (const Json& item : items) {
    std::vector<std::string> cells;
    cells.reserve(columns.size());
    for (const OwnedColumn& column : columns)
      cells.push_back(cell_of(value_at(item, column.pointer), column.shown));
    table.add(std::move(cells));
  }
  if (table.empty()) {
    invocation.talk("none\n");
    return;
  }
  const bool wide = invocation.options.shown() == Format::wide;
  invocation.data(table.print(wide, !invocation.options.no_headers));
}

// Only what --fields asks for.
Json projected(const Invocation& invocation, const Json& item) {
  if (invocation.options.fields.empty() || !item.is_object()) return item;
  Json some = Json::object();
  for (const std::string& field : invocation.options.fields) some[field] = value_at(item, pointer_of(field));
  return some;
}

void add_lines(std::string& text, const std::string& name, const Json& value) {
  const bool of_objects =
      value.is_array() && std::ranges::any_of(value, [](const Json& each) { return each.is_structured(); });
  if (value.is_object()) {
    for (const auto& [member, each] : value.items())
      add_lines(text, name.empty() ? member : fmt::format("{}.{}", name, member), each);
    return;
  }
  if (of_objects) {
    size_t place = 0;
    for (const Json& each : value) add_lines(text, fmt::format("{}[{}]", name, place++), each);
    return;
  }
  std::string shown = cell_of(value, Shown::plain);
  if (value.is_number_unsigned() && is_size_name(name)) {
    shown =
        fmt::format("{} ({} bytes)", json::print_size_rounded(value.get<uint64_t>()), value.get<uint64_t>());
  }
  text += fmt::format("{:<{}} {}\n", printable(name), widest_label, shown.empty() ? "-" : shown);
}

}  // namespace

Json items_of(const Json& body) {
  if (body.is_array()) return body;
  if (!body.is_object()) return Json::array();
  if (const auto items = body.find("items"); items != body.end() && items->is_array()) return *items;
  for (const Json& member : body) {
    if (member.is_array()) return member;
  }
  return Json::array();
}

const Json& value_at(const Json& json, std::string_view pointer) {
  static const Json nothing;
  const Json* here = &json;
  while (pointer.starts_with('/')) {
    pointer.remove_prefix(1);
    const std::string name(pointer.substr(0, pointer.find('/')));
    pointer.remove_prefix(name.size());
    if (!here->is_object()) return nothing;
    const auto found = here->find(name);
    if (found == here->end()) return nothing;
    here = &*found;
  }
  return *here;
}

std::string cell_of(const Json& value, Shown shown) {
  if (value.is_boolean()) return value.get<bool>() ? "yes" : "no";
  if (value.is_array()) return shown == Shown::states ? states_text(value) : list_text(value);
  const bool counted = value.is_number_unsigned() || (value.is_number_integer() && value.get<int64_t>() >= 0);
  if (shown == Shown::size && counted) return json::print_size_rounded(value.get<uint64_t>());
  if (shown == Shown::duration && value.is_number() && value.get<double>() >= 0 &&
      value.get<double>() < 1e15) {
    return print_duration(static_cast<uint64_t>(value.get<double>()));
  }
  if (value.is_number_float()) return fmt::format("{:g}", value.get<double>());
  return shown == Shown::time ? time_text(raw_text(value)) : raw_text(value);
}

bool show_as_data(const Invocation& invocation, const Json& json) {
  switch (invocation.options.shown()) {
    case Format::json: invocation.data(print_safe_json(json, 2) + "\n"); return true;
    case Format::yaml: invocation.data(print_yaml(json)); return true;
    default: return false;
  }
}

void show_items(const Invocation& invocation, std::span<const Column> columns, const Json& items) {
  Json some = Json::array();
  for (const Json& item : items) some.push_back(projected(invocation, item));
  if (show_as_data(invocation, some)) return;
  const std::vector<OwnedColumn> shown = columns_to_show(invocation, columns);
  switch (invocation.options.shown()) {
    case Format::csv: invocation.data(csv_text(invocation, shown, items)); break;
    case Format::name:
      for (const Json& item : items) {
        const std::string_view pointer = columns.empty() ? "/name" : columns.front().pointer;
        invocation.data(raw_text(value_at(item, pointer)) + "\n");
      }
      break;
    default: show_table(invocation, shown, items); break;
  }
}

std::string csv_of(const Invocation& invocation, std::span<const Column> columns, const Json& items) {
  return csv_text(invocation, columns_to_show(invocation, columns), items);
}

void show_item(const Invocation& invocation, const Json& item, std::string_view key) {
  const Json some = projected(invocation, item);
  if (show_as_data(invocation, some)) return;
  if (invocation.options.shown() == Format::name) {
    invocation.data(raw_text(value_at(item, key)) + "\n");
    return;
  }
  if (invocation.options.shown() == Format::csv) {
    std::string names, cells;
    for (const auto& [name, value] : some.items()) {
      names += (names.empty() ? "" : ",") + csv_cell(name);
      cells += (&value == &some.front() ? "" : ",") + csv_cell(raw_text(value));
    }
    invocation.data((invocation.options.no_headers ? "" : names + "\r\n") + cells + "\r\n");
    return;
  }
  std::string text;
  add_lines(text, "", some);
  invocation.data(text);
}

std::string colored(const Invocation& invocation, std::string_view text, Color color) {
  if (!invocation.colored()) return std::string(text);
  const char* code = "1";
  if (color == Color::red) code = "31";
  if (color == Color::green) code = "32";
  if (color == Color::yellow) code = "33";
  return fmt::format("\x1b[{}m{}\x1b[0m", code, text);
}

}  // namespace ashlar::cli
