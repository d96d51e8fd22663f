// Any bytes as negotiation text, and each value as a list, a number and a binary value.
#include "base/check.h"
#include "wire/iscsi_text.h"

namespace {

using namespace ashlar;
using namespace ashlar::wire::iscsi;

void take_value(const TextPair& pair) {
  if (const auto items = parse_list(pair.key, pair.value)) {
    size_t length = items->size() - 1;
    for (const auto item : *items) length += item.size();
    CHECK(length == pair.value.size());
  }
  static_cast<void>(parse_number(pair.key, pair.value));
  static_cast<void>(parse_boolean(pair.key, pair.value));
  constexpr size_t bound = 64;
  if (const auto bytes = parse_binary(pair.key, pair.value, bound)) {
    CHECK(!bytes->empty() && bytes->size() <= bound);
    CHECK(*parse_binary(pair.key, binary_as_hex(*bytes), bound) == *bytes);
    CHECK(*parse_binary(pair.key, binary_as_base64(*bytes), bound) == *bytes);
  }
  const auto cut = shortened(pair.value, 5);
  CHECK(cut.size() <= 5 && pair.value.starts_with(cut));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto pairs = parse_text(text_of({data, size}));
  if (!pairs) {
    CHECK(!pairs.error().text().empty());
    return 0;
  }
  CHECK(pairs->size() <= max_text_pairs);
  TextWriter writer;
  for (const TextPair& pair : *pairs) {
    CHECK(!pair.key.empty() && pair.key.size() <= max_text_key_bytes &&
          pair.value.size() <= max_text_value_bytes);
    take_value(pair);
    writer.add(pair.key, pair.value);
  }
  const std::string written = writer.take();
  if (written.size() <= max_text_bytes) CHECK(*parse_text(written) == *pairs);
  return 0;
}
