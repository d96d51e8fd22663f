#include "iscsi/chap.h"

#include <gtest/gtest.h>

#include <map>

#include "base/identity.h"
#include "iscsi/login_testing.h"

namespace ashlar::iscsi {
namespace {

using wire::iscsi::TextPairs;

std::vector<uint8_t> counted(size_t size) {
  std::vector<uint8_t> bytes(size);
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<uint8_t>(i + 1);
  return bytes;
}

std::string response_hex(ChapAlgorithm algorithm, int identifier, std::string_view secret,
                         ConstBytes challenge) {
  return wire::iscsi::binary_as_hex(
      *chap_response(algorithm, static_cast<uint8_t>(identifier), secret, challenge));
}

// H(0x2a | "secretsecret1234" | 01..20), made with another implementation of the hashes.
TEST(Chap, Vectors) {
  const auto challenge = counted(32);
  const auto made = [&](ChapAlgorithm algorithm) {
    return hex_of(*chap_response(algorithm, 0x2a, "secretsecret1234", challenge));
  };
  EXPECT_EQ(made(ChapAlgorithm::md5), "ba2677c4381c61e7ae5c3ea9ed4200e1");
  EXPECT_EQ(made(ChapAlgorithm::sha1), "80ea32126f5e21945fa4f903563964ed9eaa62c4");
  EXPECT_EQ(made(ChapAlgorithm::sha256), "48521ca75103cec4dd0943abf88691013bf1eb18b9b82434295645f76ce46766");
  EXPECT_EQ(made(ChapAlgorithm::sha3_256),
            "976348dd02210d1542a8309455ff4c2e38ede347325eaab2872334239fb2518a");
}

TEST(Chap, TheStrongestIsTaken) {
  EXPECT_EQ(choose_chap_algorithm("5"), ChapAlgorithm::md5);
  EXPECT_EQ(choose_chap_algorithm("5,6"), ChapAlgorithm::sha1);
  EXPECT_EQ(choose_chap_algorithm("5,6,7"), ChapAlgorithm::sha256);
  EXPECT_EQ(choose_chap_algorithm("5,6,7,8"), ChapAlgorithm::sha3_256);
  EXPECT_EQ(choose_chap_algorithm("99,0x7"), ChapAlgorithm::sha256);
  for (const char* none : {"", "4", "x", "261", "5x", ",5"})
    EXPECT_EQ(choose_chap_algorithm(none), std::nullopt) << none;
}

/// One authentication of a host with those credentials.
struct Talk {
  explicit Talk(unit::ChapCredentials credentials = testing::both_ways())
      : chap({testing::make_view("h", std::move(credentials))}, testing::counting_random()) {}
  Result<void> say(const TextPairs& pairs) {
    wire::iscsi::TextWriter writer;
    const auto result = chap.apply(pairs, writer);
    answers.clear();
    const std::string text = writer.take();
    const auto parsed = wire::iscsi::parse_text(text);
    for (const auto& [key, value] : *parsed) answers[std::string(key)] = value;
    return result;
  }
  /// Offers one algorithm and returns the right proof.
  std::string challenged(const char* algorithm, std::string_view secret = testing::chap_secret) {
    EXPECT_TRUE(say({{"CHAP_A", algorithm}}));
    const auto chosen = *choose_chap_algorithm(algorithm);
    challenge_text = answers["CHAP_C"];
    challenge = *wire::iscsi::parse_binary("CHAP_C", challenge_text, 1024);
    return response_hex(chosen, std::stoi(answers["CHAP_I"]), secret, challenge);
  }
  ChapTarget chap;
  std::map<std::string, std::string> answers;
  std::string challenge_text;
  std::vector<uint8_t> challenge;
};

TEST(Chap, OneWayWithEveryAlgorithm) {
  const std::map<std::string, std::pair<std::string, size_t>> algorithms = {{"5", {"CHAP MD5", 16}},
                                                                            {"6", {"CHAP SHA1", 20}},
                                                                            {"7", {"CHAP SHA-256", 32}},
                                                                            {"8", {"CHAP SHA3-256", 32}}};
  for (const auto& [number, expected] : algorithms) {
    Talk talk;
    const std::string proof = talk.challenged(number.c_str());
    EXPECT_EQ(talk.answers["CHAP_A"], number);
    EXPECT_EQ(talk.answers["CHAP_I"], "1");  // the first byte of counting_random
    EXPECT_EQ(talk.challenge.size(), expected.second);
    EXPECT_EQ(talk.challenge[0], 2);
    EXPECT_FALSE(talk.chap.done());
    ASSERT_TRUE(talk.say({{"CHAP_N", "bob"}, {"CHAP_R", proof}}));
    EXPECT_TRUE(talk.chap.done());
    EXPECT_TRUE(talk.answers.empty());
    EXPECT_EQ(talk.chap.text(), expected.first);
  }
}

TEST(Chap, Base64ProofIsTaken) {
  Talk talk;
  const std::string proof = talk.challenged("7");
  const auto bytes = *wire::iscsi::parse_binary("CHAP_R", proof, 64);
  EXPECT_TRUE(talk.say({{"CHAP_N", "bob"}, {"CHAP_R", wire::iscsi::binary_as_base64(bytes)}}));
  EXPECT_TRUE(talk.chap.done());
}

TEST(Chap, MutualProvesTheTarget) {
  Talk talk;
  const std::string proof = talk.challenged("5,7");
  ASSERT_TRUE(talk.say({{"CHAP_N", "bob"}, {"CHAP_R", proof}, {"CHAP_I", "255"}, {"CHAP_C", "0bAQIDBA=="}}));
  EXPECT_EQ(talk.answers["CHAP_N"], "array");
  EXPECT_EQ(talk.answers["CHAP_R"],
            response_hex(ChapAlgorithm::sha256, 255, testing::mutual_secret, counted(4)));
  EXPECT_EQ(talk.chap.text(), "mutual CHAP SHA-256");
}

void expect_refused(Talk& talk, const TextPairs& pairs, ErrorCode code, std::string_view place) {
  const auto result = talk.say(pairs);
  ASSERT_FALSE(result) << place;
  EXPECT_EQ(result.error().code, code) << result.error().text();
  EXPECT_EQ(result.error().place, place) << result.error().text();
  EXPECT_FALSE(talk.chap.done());
  EXPECT_TRUE(talk.answers.empty());
  EXPECT_EQ(result.error().text().find(testing::chap_secret), std::string::npos);
}

TEST(Chap, WrongProofs) {
  const auto refused = [](const char* user, const std::string& proof, std::string_view place,
                          ErrorCode code = ErrorCode::permission_denied) {
    Talk talk;
    talk.challenged("5");
    expect_refused(talk, {{"CHAP_N", user}, {"CHAP_R", proof}}, code, place);
  };
  Talk right;
  const std::string good = right.challenged("5");
  refused("alice", good, "CHAP_N");
  refused("", good, "CHAP_N");
  refused("bob", right.challenge_text, "CHAP_R");
  refused("bob", good.substr(0, good.size() - 2), "CHAP_R");
  refused("bob", good + "00", "CHAP_R");
  refused("bob", "0x" + std::string(2 * 1025, '0'), "CHAP_R", ErrorCode::out_of_range);
  refused("bob", "nonsense", "CHAP_R", ErrorCode::protocol_error);
  refused("bob", "", "CHAP_R", ErrorCode::protocol_error);
  Talk other;
  const std::string wrong_secret = other.challenged("5", "another secret!!");
  expect_refused(other, {{"CHAP_N", "bob"}, {"CHAP_R", wrong_secret}}, ErrorCode::permission_denied,
                 "CHAP_R");
}

TEST(Chap, AViewWithoutCredentialsProvesNothing) {
  Talk talk{unit::ChapCredentials{}};
  const std::string proof = talk.challenged("5", "");
  expect_refused(talk, {{"CHAP_N", ""}, {"CHAP_R", proof}}, ErrorCode::permission_denied, "CHAP_N");
}

TEST(Chap, ReflectionIsRefused) {
  Talk talk;
  const std::string proof = talk.challenged("7");
  expect_refused(talk,
                 {{"CHAP_N", "bob"}, {"CHAP_R", proof}, {"CHAP_I", "1"}, {"CHAP_C", talk.challenge_text}},
                 ErrorCode::permission_denied, "CHAP_C");
  Talk same(testing::badly_set());
  const std::string right = same.challenged("7");
  expect_refused(same, {{"CHAP_N", "carol"}, {"CHAP_R", right}, {"CHAP_I", "1"}, {"CHAP_C", "0x01"}},
                 ErrorCode::permission_denied, "CHAP_C");
}

TEST(Chap, MutualNeedsASecret) {
  Talk talk(testing::one_way());
  const std::string proof = talk.challenged("7");
  expect_refused(talk, {{"CHAP_N", "alice"}, {"CHAP_R", proof}, {"CHAP_I", "1"}, {"CHAP_C", "0x01"}},
                 ErrorCode::permission_denied, "CHAP_C");
}

TEST(Chap, BoundsOfTheHostsChallenge) {
  const auto refused = [](const char* identifier, const std::string& challenge, std::string_view place,
                          ErrorCode code) {
    Talk talk;
    const std::string proof = talk.challenged("7");
    expect_refused(talk,
                   {{"CHAP_N", "bob"}, {"CHAP_R", proof}, {"CHAP_I", identifier}, {"CHAP_C", challenge}},
                   code, place);
  };
  refused("256", "0x01", "CHAP_I", ErrorCode::protocol_error);
  refused("4294967296", "0x01", "CHAP_I", ErrorCode::protocol_error);
  refused("-1", "0x01", "CHAP_I", ErrorCode::invalid_argument);
  refused("", "0x01", "CHAP_I", ErrorCode::invalid_argument);
  refused("0", "0x", "CHAP_C", ErrorCode::out_of_range);
  refused("0", "0x" + std::string(2 * 1025, 'a'), "CHAP_C", ErrorCode::out_of_range);
  Talk largest;
  const std::string proof = largest.challenged("7");
  EXPECT_TRUE(largest.say({{"CHAP_N", "bob"},
                           {"CHAP_R", proof},
                           {"CHAP_I", "0"},
                           {"CHAP_C", "0x" + std::string(2 * 1024, 'a')}}));
}

TEST(Chap, OrderOfKeys) {
  Talk early;
  expect_refused(early, {{"CHAP_N", "bob"}, {"CHAP_R", "0x00"}}, ErrorCode::protocol_error, "CHAP_A");
  Talk mixed;
  expect_refused(mixed, {{"CHAP_A", "5"}, {"CHAP_N", "bob"}}, ErrorCode::protocol_error, "CHAP_N");
  Talk twice;
  twice.challenged("5");
  expect_refused(twice, {{"CHAP_A", "5"}}, ErrorCode::protocol_error, "CHAP");
  Talk without_proof;
  without_proof.challenged("5");
  expect_refused(without_proof, {{"CHAP_N", "bob"}}, ErrorCode::protocol_error, "CHAP_R");
  Talk nothing_common;
  expect_refused(nothing_common, {{"CHAP_A", "4,9"}}, ErrorCode::permission_denied, "CHAP_A");
  Talk half;
  const std::string proof = half.challenged("5");
  expect_refused(half, {{"CHAP_N", "bob"}, {"CHAP_R", proof}, {"CHAP_I", "1"}}, ErrorCode::protocol_error,
                 "CHAP_C");
  Talk finished;
  const std::string good = finished.challenged("5");
  ASSERT_TRUE(finished.say({{"CHAP_N", "bob"}, {"CHAP_R", good}}));
  EXPECT_FALSE(finished.say({{"CHAP_N", "bob"}, {"CHAP_R", good}}));
}

TEST(Chap, OtherKeysAreNotItsBusiness) {
  Talk talk;
  EXPECT_TRUE(talk.say({{"InitiatorAlias", "me"}}));
  EXPECT_TRUE(talk.answers.empty());
  EXPECT_TRUE(talk.say({}));
}

}  // namespace
}  // namespace ashlar::iscsi
