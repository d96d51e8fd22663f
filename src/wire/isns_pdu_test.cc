#include "wire/isns_pdu.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ashlar::wire::isns {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Message message_of(size_t payload_bytes) {
  Message message{0x0001, from_client | replace, 0x1234, std::vector<uint8_t>(payload_bytes)};
  for (size_t i = 0; i < payload_bytes; ++i) message.payload[i] = static_cast<uint8_t>(i * 7);
  return message;
}

/// What a reader makes of bytes that come `step` at a time.
Result<std::vector<Message>> read_all(ConstBytes bytes, size_t step) {
  MessageReader reader;
  std::vector<Message> all;
  for (size_t at = 0; at < bytes.size(); at += step) {
    reader.add(bytes.subspan(at, std::min(step, bytes.size() - at)));
    while (true) {
      TRY_ASSIGN(std::optional<Message> next, reader.next());
      if (!next) break;
      all.push_back(std::move(*next));
    }
  }
  return all;
}

std::string refusal_of(std::vector<uint8_t> bytes) {
  const auto read = read_all(bytes, bytes.size());
  return read ? "taken" : read.error().text();
}

TEST(IsnsPdu, AHeaderIsTwelveBytes) {
  const auto bytes = encode_message(message_of(0));
  EXPECT_THAT(bytes, ElementsAre(0, 1, 0, 1, 0, 0, 0x9c, 0, 0x12, 0x34, 0, 0));
  const auto header = parse_header(bytes);
  ASSERT_TRUE(header);
  EXPECT_EQ(*header, (Header{0x0001, 0, from_client | replace | last_pdu | first_pdu, 0x1234, 0}));
}

TEST(IsnsPdu, AMessageComesBackHoweverItIsCut) {
  for (const size_t payload : {size_t{0}, size_t{4}, size_t{400}}) {
    const Message message = message_of(payload);
    for (const size_t most : {size_t{4}, size_t{60}, size_t{400}, max_pdu_payload_bytes}) {
      std::vector<uint8_t> bytes = encode_message(message, most);
      const auto again = encode_message(message, most);
      bytes.insert(bytes.end(), again.begin(), again.end());
      for (const size_t step : {size_t{1}, size_t{13}, bytes.size()}) {
        const auto read = read_all(bytes, step);
        ASSERT_TRUE(read) << read.error().text();
        EXPECT_THAT(*read, ElementsAre(message, message)) << payload << " in " << most << " by " << step;
      }
    }
  }
}

TEST(IsnsPdu, APartOfAMessageIsNoMessage) {
  const auto bytes = encode_message(message_of(64), 16);
  for (size_t length = 0; length < bytes.size(); ++length) {
    const auto read = read_all(ConstBytes(bytes).first(length), 1);
    ASSERT_TRUE(read) << length << ": " << read.error().text();
    EXPECT_TRUE(read->empty()) << length;
  }
}

TEST(IsnsPdu, OtherHeadersAreRefusedByTheirField) {
  const auto good = encode_message(message_of(8));
  auto bytes = good;
  bytes[1] = 2;
  EXPECT_THAT(refusal_of(bytes), HasSubstr("version: is 2"));
  bytes = good;
  bytes[5] = 6;
  EXPECT_THAT(refusal_of(bytes), HasSubstr("length: 6 is not a multiple of 4"));
  bytes = good;
  bytes[6] |= 0x20;
  EXPECT_THAT(refusal_of(bytes), HasSubstr("signed"));
  const std::string_view page = "HTTP/1.1 400 Bad Request\r\n\r\n";
  EXPECT_THAT(refusal_of({page.begin(), page.end()}), HasSubstr("is this an iSNS server?"));
}

TEST(IsnsPdu, PdusThatDoNotFitTogetherAreRefused) {
  const auto good = encode_message(message_of(8), 4);
  constexpr size_t second = header_bytes + 4;
  auto bytes = good;
  bytes[6] &= ~0x04;
  EXPECT_THAT(refusal_of(bytes), HasSubstr("has not begun"));
  bytes = good;
  bytes[second + 6] |= 0x04;
  EXPECT_THAT(refusal_of(bytes), HasSubstr("before the last one has ended"));
  bytes = good;
  bytes[second + 9] ^= 1;
  EXPECT_THAT(refusal_of(bytes), HasSubstr("two messages"));
  bytes = good;
  bytes[second + 3] ^= 1;
  EXPECT_THAT(refusal_of(bytes), HasSubstr("two messages"));
  bytes = good;
  bytes[second + 11] = 2;
  EXPECT_THAT(refusal_of(bytes), HasSubstr("sequence: is 2, and 1 is due"));
  bytes = good;
  bytes[11] = 1;
  EXPECT_THAT(refusal_of(bytes), HasSubstr("sequence: is 1, and 0 is due"));
}

TEST(IsnsPdu, AMessageWithoutEndIsRefused) {
  const auto whole = read_all(encode_message(message_of(max_message_bytes)), 100'000);
  ASSERT_TRUE(whole) << whole.error().text();
  EXPECT_EQ(whole->size(), 1u);
  const auto endless = read_all(encode_message(message_of(max_message_bytes + 4)), 100'000);
  ASSERT_FALSE(endless);
  EXPECT_EQ(endless.error().code, ErrorCode::exhausted);
}

}  // namespace
}  // namespace ashlar::wire::isns
