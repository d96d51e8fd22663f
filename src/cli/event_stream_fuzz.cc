// Any bytes, in any pieces: the same events as in one piece.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "cli/event_stream.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using ashlar::cli::EventStream;
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  const size_t piece = data[0] % 7u + 1;
  std::vector<std::string> whole, pieces;
  const auto into = [](std::vector<std::string>& all) {
    return [&all](const EventStream::Event& event) {
      all.push_back(event.id + "\n" + event.name + "\n" + event.data);
      return true;
    };
  };
  EventStream at_once(into(whole)), bit_by_bit(into(pieces));
  at_once.feed(bytes);
  for (size_t i = 0; i < bytes.size(); i += piece) bit_by_bit.feed(bytes.substr(i, piece));
  CHECK(whole == pieces, "{} events at once, {} in pieces", whole.size(), pieces.size());
  CHECK(at_once.last_id() == bit_by_bit.last_id());
  return 0;
}
