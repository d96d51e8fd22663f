// A schema after compilation. Private to schema.cc and schema_compiler.cc.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <regex>
#include <string>
#include <vector>

#include "api/words.h"

namespace ashlar::api {

/// Bits of SchemaNode::types.
enum SchemaType : uint8_t {
  type_null = 1,
  type_boolean = 2,
  type_integer = 4,
  type_number = 8,  ///< integers too
  type_string = 16,
  type_array = 32,
  type_object = 64,
};

struct SchemaNode {
  static constexpr size_t no_limit = std::numeric_limits<size_t>::max();

  bool never = false;  ///< the schema `false`
  uint8_t types = 0;   ///< 0: any
  const SchemaNode* reference = nullptr;
  std::vector<const SchemaNode*> all_of, any_of, one_of;

  std::vector<Json> values;  ///< enum and const
  bool has_values = false;

  /// As written, for messages; compared as long double, which holds every 64-bit integer exactly.
  std::optional<Json> minimum, maximum, above, below;

  size_t min_length = 0, max_length = no_limit;  ///< code points
  std::optional<std::regex> pattern;
  std::string pattern_text, pattern_help;

  const SchemaNode* items = nullptr;
  size_t min_items = 0, max_items = no_limit;
  bool unique_items = false;

  std::map<std::string, const SchemaNode*, std::less<>> properties;
  std::vector<std::string> names;  ///< of `properties`, as they stand in the document
  std::vector<std::string> required;
  const SchemaNode* additional = nullptr;  ///< null: anything
  size_t min_properties = 0, max_properties = no_limit;

  bool read_only = false, write_only = false;
  bool partial = false;  ///< x-ashlar-partial: as CheckMode::partial, from here on
  std::optional<Json> default_value;
};

/// Through references: the flag may stand beside the reference or at its end.
inline bool is_read_only(const SchemaNode& node) {
  return node.read_only || (node.reference != nullptr && is_read_only(*node.reference));
}
inline bool is_write_only(const SchemaNode& node) {
  return node.write_only || (node.reference != nullptr && is_write_only(*node.reference));
}

}  // namespace ashlar::api
