// What an answer looks like: -o table, wide, json, yaml, csv, name.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/invocation.h"

namespace ashlar::cli {

/// A list, with the columns of its noun or those that --fields names.
void show_items(const Invocation& invocation, std::span<const Column> columns, const Json& items);
/// One thing: in tables a line for each of its values, those of its `status` last.
void show_item(const Invocation& invocation, const Json& item, std::string_view key = "/name");
/// JSON in the format asked for; false when the format is one for people (table, wide): then `show` it yourself.
bool show_as_data(const Invocation& invocation, const Json& json);

/// RFC 4180 with all columns, values as the agent told them.
std::string csv_of(const Invocation& invocation, std::span<const Column> columns, const Json& items);

/// The list in an answer: {"items": [...]}, a list, or the only list among its members.
Json items_of(const Json& body);
/// The value at an RFC 6901 pointer, or null.
const Json& value_at(const Json& json, std::string_view pointer);
/// One value as text: "10 GiB", "a,b", "yes", "2026-11-25 22:30:41"; empty for null. Controls are escaped.
std::string cell_of(const Json& value, Shown shown);

enum class Color : uint8_t { red, green, yellow, bold };
std::string colored(const Invocation& invocation, std::string_view text, Color color);

}  // namespace ashlar::cli
