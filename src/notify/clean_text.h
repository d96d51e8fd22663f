// Text that cannot break the line, header or field it stands in.
#pragma once

#include <string>
#include <string_view>

namespace ashlar::notify {

/// True when a C0 or C1 control character or DEL is in it, or bytes that are not UTF-8.
bool has_control_characters(std::string_view text);
bool is_printable_ascii(std::string_view text);  ///< 0x20-0x7E

/// Control characters become blanks, bytes that are not UTF-8 U+FFFD; cut at a whole character to `most_bytes`.
std::string clean_line(std::string_view text, size_t most_bytes);

/// 83, 0.05, 1.25: as few digits as tell it.
std::string number_text(double number);

}  // namespace ashlar::notify
