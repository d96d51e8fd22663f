#include "wire/nvme_authentication.h"

#include <gtest/gtest.h>

namespace ashlar::wire::nvme {
namespace {

// Layouts are written out as NVMe base 2.0 8.13 draws them, so that encode and decode cannot be wrong together.
TEST(NvmeAuthentication, CommandLayout) {
  Submission entry;
  AuthenticationExchange{true, 0x01020304}.encode(entry, FabricsType::authentication_send);
  EXPECT_EQ(entry.bytes[0], 0x7f);
  EXPECT_EQ(entry.bytes[4], 5);
  const std::vector<uint8_t> expected = {0, 1, 1, 0xe9, 4, 3, 2, 1};
  EXPECT_TRUE(std::equal(expected.begin(), expected.end(), entry.at(40)));
  EXPECT_TRUE(entry.sends_data());
  EXPECT_EQ(AuthenticationExchange::decode(entry), (AuthenticationExchange{true, 0x01020304}));
  for (const size_t field : {41, 42, 43}) {
    Submission other = entry;
    ++other.bytes[field];
    EXPECT_FALSE(AuthenticationExchange::decode(other).known_protocol) << field;
  }
  entry.bytes[4] = 6;
  EXPECT_TRUE(entry.takes_data());
}

TEST(NvmeAuthentication, NegotiateLayout) {
  AuthenticationNegotiate message{
      .transaction = 0x0102, .secure_channel = 3, .dhchap = true, .hashes = {1, 3}, .groups = {0, 2, 5}};
  std::vector<uint8_t> expected(72);
  const uint8_t front[] = {0, 0, 0, 0, 2, 1, 3, 1, 1, 0, 2, 3, 1, 3};
  std::ranges::copy(front, expected.begin());
  expected[8 + 34] = 0;
  expected[8 + 35] = 2;
  expected[8 + 36] = 5;
  EXPECT_EQ(message.encode(), expected);
  EXPECT_EQ(AuthenticationNegotiate::decode(expected), message);
  for (size_t bytes = 0; bytes < expected.size(); ++bytes)
    EXPECT_FALSE(AuthenticationNegotiate::decode(ConstBytes(expected).first(bytes))) << bytes;
  expected[10] = 31;  // HALEN
  EXPECT_FALSE(AuthenticationNegotiate::decode(expected));
  expected[10] = 2;
  expected[8] = 2;  // another protocol
  EXPECT_FALSE(AuthenticationNegotiate::decode(expected)->dhchap);
}

TEST(NvmeAuthentication, TheProtocolMayBeTheSecondOneOffered) {
  std::vector<uint8_t> bytes(8 + 2 * 64);
  bytes[7] = 2;
  bytes[8] = 0x77;
  bytes[72] = 1;
  bytes[74] = bytes[75] = 1;
  bytes[76] = 2;
  bytes[72 + 34] = 4;
  const auto message = AuthenticationNegotiate::decode(bytes);
  ASSERT_TRUE(message);
  EXPECT_TRUE(message->dhchap);
  EXPECT_EQ(message->hashes, std::vector<uint8_t>{2});
  EXPECT_EQ(message->groups, std::vector<uint8_t>{4});
}

TEST(NvmeAuthentication, ChallengeLayout) {
  const DhchapChallenge message{.transaction = 0x0102,
                                .hash = 2,
                                .group = 1,
                                .sequence = 0x05060708,
                                .challenge = {1, 2, 3},
                                .public_value = {9, 8}};
  const std::vector<uint8_t> expected = {1, 1, 0, 0, 2, 1, 3, 0, 2, 1, 2, 0, 8, 7, 6, 5, 1, 2, 3, 9, 8};
  EXPECT_EQ(message.encode(), expected);
  EXPECT_EQ(DhchapChallenge::decode(expected), message);
  for (size_t bytes = 0; bytes < expected.size(); ++bytes)
    EXPECT_FALSE(DhchapChallenge::decode(ConstBytes(expected).first(bytes))) << bytes;
}

TEST(NvmeAuthentication, ReplyLayout) {
  DhchapReply message{.transaction = 0x0102,
                      .sequence = 0x05060708,
                      .response = {1, 2},
                      .challenge = {3, 4},
                      .public_value = {9}};
  std::vector<uint8_t> expected = {1, 2, 0, 0, 2, 1, 2, 0, 1, 0, 1, 0, 8, 7, 6, 5, 1, 2, 3, 4, 9};
  EXPECT_EQ(message.encode(), expected);
  EXPECT_EQ(DhchapReply::decode(expected), message);
  for (size_t bytes = 0; bytes < expected.size(); ++bytes)
    EXPECT_FALSE(DhchapReply::decode(ConstBytes(expected).first(bytes))) << bytes;
  message.challenge.clear();
  message.sequence = 0;
  expected = {1, 2, 0, 0, 2, 1, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 2, 0, 0, 9};
  EXPECT_EQ(message.encode(), expected);
  EXPECT_EQ(DhchapReply::decode(expected), message);
}

TEST(NvmeAuthentication, SuccessLayouts) {
  DhchapSuccess1 message{.transaction = 0x0102, .hash_bytes = 2, .response = {7, 6}};
  std::vector<uint8_t> expected = {1, 3, 0, 0, 2, 1, 2, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7, 6};
  EXPECT_EQ(message.encode(), expected);
  EXPECT_EQ(DhchapSuccess1::decode(expected), message);
  for (size_t bytes = 0; bytes < expected.size(); ++bytes)
    EXPECT_FALSE(DhchapSuccess1::decode(ConstBytes(expected).first(bytes))) << bytes;
  message.response.clear();
  EXPECT_EQ(message.encode(), (std::vector<uint8_t>{1, 3, 0, 0, 2, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(DhchapSuccess2{0x0102}.encode(),
            (std::vector<uint8_t>{1, 4, 0, 0, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}));
}

TEST(NvmeAuthentication, RefusalLayout) {
  const AuthenticationRefusal message{false, 0x0102, AuthenticationFailure::incorrect_payload};
  const std::vector<uint8_t> expected = {0, 0xf1, 0, 0, 2, 1, 1, 6};
  EXPECT_EQ(message.encode(), expected);
  EXPECT_EQ(AuthenticationRefusal::decode(expected), message);
  EXPECT_EQ((AuthenticationRefusal{true, 0x0102, AuthenticationFailure::failed}.encode()[1]), 0xf0);
  EXPECT_FALSE(AuthenticationRefusal::decode(ConstBytes(expected).first(7)));
  const auto header = AuthenticationHeader::decode(expected);
  ASSERT_TRUE(header);
  EXPECT_EQ(header->message, AuthenticationMessage::failure1);
  EXPECT_EQ(header->transaction, 0x0102);
  EXPECT_EQ(words_of(AuthenticationFailure{77}), "no known reason");
}

}  // namespace
}  // namespace ashlar::wire::nvme
