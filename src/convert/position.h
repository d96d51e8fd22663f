// Where things stand in a text: what turns "volumes[3].size_byte" into "line 12, column 3 (volumes[3].size_byte)".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "json/json.h"

namespace ashlar::convert {

/// Bounds of any text that is read here, whatever its format (json/json.h has those of JSON itself).
constexpr size_t max_text_bytes = 16u << 20;
constexpr size_t max_nodes = 200'000;  ///< of a tree of YAML or TOML, with what aliases stand for
constexpr size_t max_depth = 32;
constexpr size_t max_members = 1024;  ///< of one object of YAML or TOML

/// Both count from 1; columns are bytes or characters, as the parser of the format counts.
struct Position {
  size_t line = 1, column = 1;
  bool operator==(const Position&) const = default;
};
/// "line 12, column 3"
std::string place_text(Position position);
/// Of the byte at `offset`.
Position position_at(std::string_view text, size_t offset);

/// Positions of a tree: of each member's key and of each item, in the order in which its JSON has them.
struct Place {
  Position position;
  std::vector<Place> children;
};
struct Located {
  json::Json json;
  Place place;
};

/// Which child to go to, and so on, for a path as json/fields.h writes it ("volumes[3].identity.naa"). Ends at the last thing
/// that is there, so that a missing field is shown at its object.
std::vector<size_t> steps_of(const json::Json& root, std::string_view path);
Position position_of(const Place& root, const std::vector<size_t>& steps);

/// The same in the text of JSON, which parse_json() took.
Position json_position(std::string_view text, const std::vector<size_t>& steps);
/// The key or bracket that parse_json() refused without naming its place: a second equal key, or one too many or too deep.
Position json_refusal(std::string_view text);

/// Not too long, and UTF-8 throughout.
Result<void> check_text(std::string_view text, std::string_view format);
/// Length of the UTF-8 sequence that `text` begins with (RFC 3629 4); 0: none does.
size_t utf8_length(std::string_view text);

}  // namespace ashlar::convert
