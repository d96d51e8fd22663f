// Files of the configuration's folder, as damage or a stranger may leave them.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "state/generation_text.h"
#include "state/sha256.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ashlar::state;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)parse_mark(text, "current");
  (void)parse_generation(text, "000001.json");
  // With a checksum that is right, so that what lies behind it is reached.
  const std::string checked = "{\n  \"checksum\": \"" + sha256_hex(text) + "\",\n" + std::string(text);
  if (auto generation = parse_generation(checked, "000001.json")) {
    const auto printed = print_generation(*generation);
    CHECK(printed.has_value());
    CHECK(parse_generation(*printed, "000001.json").has_value());
  }
  return 0;
}
