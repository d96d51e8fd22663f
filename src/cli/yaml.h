// JSON as YAML: block style, every string that could be read as something else in quotes (YAML 1.1 and 1.2).
#pragma once

#include <string>

#include "api/words.h"

namespace ashlar::cli {

/// Ends with a newline. Control characters are escaped: nothing here can steer a terminal.
std::string print_yaml(const api::Json& json);

/// JSON for a file or a terminal: as json::print_json(), with DEL and the C1 controls escaped as well.
std::string print_safe_json(const api::Json& json, int indent);

}  // namespace ashlar::cli
