// Each format's reader and printer, for convert.cc.
#pragma once

#include <string>
#include <string_view>

#include "convert/position.h"

namespace ashlar::convert {

/// Errors have "line L, column C" as their place.
Result<Located> read_yaml(std::string_view text);
Result<Located> read_toml(std::string_view text);

/// The lists of resources as portable_json() makes them.
std::string print_yaml(const json::Json& configuration);
/// An error when a value cannot be told in TOML (a null within a list).
Result<std::string> print_toml(const json::Json& configuration);

/// What an export shows of a configuration: portable kinds that have resources, of each resource its name, what it cannot do
/// without and what differs from the defaults; nothing that is told and not set. Secrets as "(redacted)".
Result<json::Json> portable_json(const json::Json& configuration);

}  // namespace ashlar::convert
