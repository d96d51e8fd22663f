// Any bytes as TOML: no crash, no runaway, and what is taken as a configuration survives printing.
#include <cstdlib>

#include "base/bytes.h"
#include "convert/convert.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ashlar;
  const std::string_view text = text_of({data, size});
  const auto parsed = convert::parse(text, convert::Format::toml);
  if (!parsed) {
    if (parsed.error().message.empty()) std::abort();
    return 0;
  }
  const auto printed = convert::print(*parsed, convert::Format::toml);
  if (!printed) return 0;  // a null within a list
  const auto again = convert::parse(*printed, convert::Format::toml);
  if (!again) std::abort();
  const auto same = convert::print(*again, convert::Format::toml);
  if (!same || *same != *printed) std::abort();
  return 0;
}
