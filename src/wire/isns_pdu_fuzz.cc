// Any bytes as what an iSNS server sends; each message that comes of them as an answer, and written again.
#include "base/check.h"
#include "wire/isns_attribute.h"
#include "wire/isns_pdu.h"

namespace {

using namespace ashlar;
using namespace ashlar::wire::isns;

void take_answer(ConstBytes payload) {
  const auto answer = parse_answer(payload);
  if (!answer) return;
  CHECK(!status_words(answer->status).empty() && answer->attributes.size() <= max_attributes);
  AttributeWriter again;
  again.status(static_cast<Status>(answer->status));
  for (const Attribute& each : answer->attributes) {
    CHECK(text_of(each).size() <= each.value.size());
    CHECK(number_of(each).has_value() == (each.value.size() == 4));
    again.empty(each.tag);
    again.append(each.value);
  }
  CHECK(again.size() == payload.size());
}

}  // namespace

// The first byte: how many bytes come at a time.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const size_t step = data[0] == 0 ? size : data[0];
  MessageReader reader;
  for (size_t at = 1; at < size; at += step) {
    reader.add(ConstBytes(data, size).subspan(at, std::min(step, size - at)));
    while (true) {
      auto next = reader.next();
      if (!next) return 0;
      if (!*next) break;
      take_answer((*next)->payload);
      MessageReader second;
      second.add(encode_message(**next, 64));
      const auto same = second.next();
      CHECK(same && *same && **same == **next);
    }
  }
  return 0;
}
