// What the checks of a document share: names that must be unique, lists that have an end, text that others read. Errors have
// `place`, the field's path in the document.
#pragma once

#include <string>
#include <unordered_map>
#include <unordered_set>

#include "rpc/document.h"
#include "rpc/words.h"

namespace ashlar::rpc {

using Names = std::unordered_set<std::string>;
/// Value -> where it stood first.
using Seen = std::unordered_map<std::string, std::string>;

Result<void> unique(Seen& seen, const std::string& value, const std::string& place);
Result<void> at_most(size_t count, size_t most, const char* place);
/// Printable ASCII of at most so many characters.
Result<void> check_text(const std::string& text, size_t most, const std::string& place);

/// Puts the names of the volumes into `names`.
Result<void> check_volumes(const Document& document, Names& names);

}  // namespace ashlar::rpc
