// JSON text to a tree and back, with bounds and without exceptions. Everything that comes by the engine's socket goes through here.
#pragma once

#include <nlohmann/json.hpp>

#include <string>
#include <string_view>

#include "base/result.h"

namespace ashlar::json {

/// Keeps the order of keys, so that what people wrote and what we print stay readable.
using Json = nlohmann::ordered_json;

/// Bounds of any JSON that we read. A document of an engine needs 6 levels.
constexpr size_t max_json_depth = 32;
constexpr size_t max_object_members = 256;  ///< our own API has more than 128 schemas
constexpr size_t max_json_bytes = 16u << 20;

/// The tree of `text`, or what is wrong and where ("line 3, column 14"). Duplicate keys, comments, invalid UTF-8 and anything
/// past the bounds are errors.
Result<Json> parse_json(std::string_view text);

/// `indent` < 0: one line. Bytes that are not UTF-8 become U+FFFD, so that a host's odd name cannot break the answer.
std::string print_json(const Json& json, int indent = -1);

}  // namespace ashlar::json
