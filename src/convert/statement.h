// The line-based configurations of SCST and tgt as one tree: "KEY VALUE", with or without a block behind it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace ashlar::convert {

/// Bounds of such a text, beside max_text_bytes.
constexpr size_t max_statements = 200'000;
constexpr size_t max_block_depth = 8;

struct Statement {
  std::string key, value;  ///< the value without its quotes
  size_t line = 0;
  std::vector<Statement> children;
};

/// scst.conf(5): "LUN 0 disk1 {", "}", "#" begins a comment unless a '\' stands before it. The result has no key.
Result<Statement> read_scst_text(std::string_view text);
/// targets.conf, as Perl's Config::General reads it for tgt-admin: "<target NAME>", "</target>", "key value", '#' and /* */.
Result<Statement> read_tgt_text(std::string_view text);

/// Words between white space.
std::vector<std::string> words_of(std::string_view text);
std::string_view trimmed(std::string_view text);

}  // namespace ashlar::convert
