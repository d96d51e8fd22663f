// Sizes as people write and read them: "10GiB", "512 MiB", 4096.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace ashlar::json {

/// Bytes of "4096", "10GiB", "512 MiB" (powers of 1024: KiB MiB GiB TiB PiB) or "10GB" (powers of 1000: kB MB GB TB PB).
/// A bare letter ("10G") is refused, because people mean both. Whole numbers only; `place` is the field for the error.
Result<uint64_t> parse_size(std::string_view text, std::string_view place);

/// The shortest exact form with a binary unit ("10 GiB", "1536 MiB", "513 B"); parse_size() gives the same number back.
std::string print_size(uint64_t bytes);

/// For tables: three digits at most and rounded ("1.5 TiB", "37.1 MiB").
std::string print_size_rounded(uint64_t bytes);

}  // namespace ashlar::json
