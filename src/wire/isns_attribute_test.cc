#include "wire/isns_attribute.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ashlar::wire::isns {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(IsnsAttribute, ATextHasItsNulAndIsPadded) {
  AttributeWriter out;
  out.text(Tag::entity_identifier, "abc");
  EXPECT_THAT(out.bytes(), ElementsAre(0, 0, 0, 1, 0, 0, 0, 4, 'a', 'b', 'c', 0));
  AttributeWriter longer;
  longer.text(Tag::iscsi_name, "abcd");
  EXPECT_THAT(longer.bytes(), ElementsAre(0, 0, 0, 32, 0, 0, 0, 8, 'a', 'b', 'c', 'd', 0, 0, 0, 0));
  AttributeWriter longest;
  longest.text(Tag::iscsi_alias, std::string(255, 'x'));
  EXPECT_EQ(longest.size(), 8u + 256);
}

TEST(IsnsAttribute, WhatIsWrittenIsRead) {
  const Address address = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 7};
  AttributeWriter out;
  out.status(Status::no_such_entry);
  out.text(Tag::iscsi_name, "iqn.2026-11.io.ashlar:one");
  out.delimiter();
  out.number(Tag::portal_port, 3260);
  out.address(Tag::portal_address, address);
  out.empty(Tag::group_tag);
  const auto answer = parse_answer(out.bytes());
  ASSERT_TRUE(answer) << answer.error().text();
  EXPECT_EQ(answer->status, 9u);
  ASSERT_EQ(answer->attributes.size(), 5u);
  EXPECT_EQ(text_of(answer->attributes[0]), "iqn.2026-11.io.ashlar:one");
  EXPECT_FALSE(number_of(answer->attributes[0]));
  EXPECT_TRUE(answer->attributes[1].is_delimiter());
  EXPECT_EQ(number_of(answer->attributes[2]), 3260u);
  EXPECT_TRUE(std::ranges::equal(answer->attributes[3].value, address));
  EXPECT_EQ(answer->attributes[4].tag, Tag::group_tag);
  EXPECT_EQ(text_of(answer->attributes[4]), "");
  EXPECT_FALSE(number_of(answer->attributes[4]));
}

TEST(IsnsAttribute, EveryCutIsAnErrorOrEndsBetweenTwo) {
  AttributeWriter out;
  out.text(Tag::entity_identifier, "array");
  out.number(Tag::entity_protocol, protocol_iscsi);
  const size_t first = 16;
  for (size_t length = 0; length < out.size(); ++length) {
    const auto parsed = parse_attributes(ConstBytes(out.bytes()).first(length));
    EXPECT_EQ(parsed.has_value(), length == 0 || length == first) << length;
    if (!parsed) EXPECT_THAT(parsed.error().place, HasSubstr(length < first ? "attribute 1" : "attribute 2"));
  }
}

TEST(IsnsAttribute, ALengthThatIsNoWholeWordsIsRefused) {
  const std::vector<uint8_t> bytes = {0, 0, 0, 32, 0, 0, 0, 3, 'a', 'b', 'c', 0};
  const auto parsed = parse_attributes(bytes);
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().code, ErrorCode::protocol_error);
  EXPECT_THAT(parsed.error().message, HasSubstr("multiple of 4"));
}

TEST(IsnsAttribute, ThereIsABoundOfHowMany) {
  AttributeWriter out;
  for (size_t i = 0; i < max_attributes; ++i) out.delimiter();
  EXPECT_TRUE(parse_attributes(out.bytes()));
  out.delimiter();
  const auto parsed = parse_attributes(out.bytes());
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().code, ErrorCode::exhausted);
}

TEST(IsnsAttribute, AnAnswerHasAStatus) {
  const std::vector<uint8_t> cut = {0, 0, 0};
  EXPECT_FALSE(parse_answer(cut));
  EXPECT_FALSE(parse_answer({}));
  const std::vector<uint8_t> alone = {0, 0, 0, 12};
  const auto answer = parse_answer(alone);
  ASSERT_TRUE(answer);
  EXPECT_EQ(status_words(answer->status), "busy");
  EXPECT_TRUE(answer->attributes.empty());
}

TEST(IsnsAttribute, EveryStatusHasWords) {
  EXPECT_EQ(status_words(0), "success");
  EXPECT_EQ(status_words(3), "invalid registration");
  EXPECT_EQ(status_words(23), "registration feature not supported");
  for (const uint32_t unknown : {4u, 24u, 0xffffffffu})
    EXPECT_THAT(status_words(unknown), HasSubstr(std::to_string(unknown)));
}

}  // namespace
}  // namespace ashlar::wire::isns
