// What is kept of a rewriting, as a line of text: what the unit is if it is not heard of again, or the sanitize that ended. Behind it
// stands the history of the unit (unit/rewrite_history.h), which is not looked at here. Pure.
#pragma once

#include <string>
#include <string_view>

#include "unit/rewriting.h"

namespace ashlar::unit {

/// Of a rewriting that begins. `erases_key`: the next engine has to end it.
std::string record_of_beginning(Rewriting::Phase after_failure, bool erases_key);
/// Of a unit that is ready: empty when no sanitize has ended well.
std::string record_of_end(const SanitizeRecord& sanitized);

struct RecalledRewrite {
  Rewriting::Phase phase =
      Rewriting::Phase::idle;  ///< of what nobody understands: sanitize_failed, which is left without harm
  bool erases_key = false;
  SanitizeRecord sanitized;
};
RecalledRewrite parse_rewrite_record(std::string_view text);
std::string_view word_of(Rewriting::Phase phase);
/// Invert, AUSE and NDAS of a sanitize as one number, and back.
uint8_t flags_of(const SanitizeRecord& record);
void put_flags(SanitizeRecord& record, uint8_t flags);

}  // namespace ashlar::unit
