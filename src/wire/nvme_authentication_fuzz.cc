// Any bytes as any message of authentication, or as a key: what is decoded survives being encoded, and no key is told in an error.
#include <algorithm>

#include "base/check.h"
#include "wire/nvme_authentication.h"

namespace {

using namespace ashlar;
using namespace ashlar::wire::nvme;

// A bound within most_authentication_bytes is no business of the codec; lengths within the message are.
template <typename Message>
void again(ConstBytes bytes) {
  const auto message = Message::decode(bytes);
  if (!message) return;
  const std::vector<uint8_t> encoded = message->encode();
  CHECK(encoded.size() <= std::max<size_t>(bytes.size(), 72));
  CHECK(Message::decode(encoded) == message);
}

// No word of ours has so many letters and digits, so they can only be the key's.
bool tells(std::string_view said, std::string_view text) {
  constexpr size_t longest_word = 24;
  if (text.size() < 12 + longest_word) return false;
  const std::string_view part = text.substr(12, longest_word);
  const auto of_a_word = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
  };
  return std::ranges::all_of(part, of_a_word) && said.find(part) != std::string_view::npos;
}

void key(std::string_view text) {
  const auto parsed = parse_dhchap_key(text, "key");
  if (parsed) {
    CHECK(parse_dhchap_key(print_dhchap_key(*parsed), "key") == *parsed);
  } else {
    CHECK(!tells(parsed.error().text(), text));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const ConstBytes bytes(data, size);
  again<AuthenticationNegotiate>(bytes);
  again<DhchapChallenge>(bytes);
  again<DhchapReply>(bytes);
  again<DhchapSuccess1>(bytes);
  again<AuthenticationRefusal>(bytes);
  if (const auto header = AuthenticationHeader::decode(bytes)) CHECK(size >= 8);
  key(text_of(bytes));
  return 0;
}
