// DH-HMAC-CHAP by its two state machines, each against the other and against lies.
#include <gtest/gtest.h>

#include "nvmetcp/authentication_test.h"

namespace ashlar::nvmetcp::test {
namespace {

using wire::nvme::AuthenticationNegotiate;
using wire::nvme::AuthenticationRefusal;
using wire::nvme::DhchapChallenge;
using wire::nvme::DhchapReply;
using wire::nvme::DhchapSuccess1;
using wire::nvme::DhchapSuccess2;

TEST(NvmeAuthenticationMachine, EveryHashAndGroupOneWayAndBothWays) {
  for (const DhchapGroup group : all_dhchap_groups) {
    for (const DhchapHash hash : all_dhchap_hashes) {
      // The big groups with one hash: they take their time.
      if (group > DhchapGroup::ffdhe3072 && hash != DhchapHash::sha384) continue;
      for (const bool mutual : {false, true}) {
        auto given = credentials(1, key_of(2, hash));
        given.hashes = {hash};
        given.groups = {group};
        NvmeProof proof{.key = key_of(1), .controller_key = {}};
        if (mutual) proof.controller_key = key_of(2, hash);
        Pair pair(proof, given);
        const auto outcome = pair.run();
        EXPECT_TRUE(outcome) << outcome.error().text();
        EXPECT_TRUE(pair.proved);
        EXPECT_FALSE(pair.ended);
        const std::string text =
            fmt::format("{}DH-HMAC-CHAP {} {}", mutual ? "mutual " : "", name_of(hash), name_of(group));
        EXPECT_EQ(pair.controller.text(), text);
        EXPECT_EQ(pair.host.text(), text);
      }
    }
  }
}

TEST(NvmeAuthenticationMachine, ThePreferenceIsTheControllers) {
  auto given = credentials();
  given.hashes = {DhchapHash::sha512, DhchapHash::sha384, DhchapHash::sha256};
  Pair pair({.key = key_of(1), .controller_key = {}, .hashes = {DhchapHash::sha256, DhchapHash::sha384}},
            given);
  EXPECT_TRUE(pair.run());
  EXPECT_EQ(pair.controller.text(), "DH-HMAC-CHAP sha-384 null");
}

TEST(NvmeAuthenticationMachine, AWrongKeyIsAGuess) {
  Pair pair({.key = key_of(7), .controller_key = {}});
  const auto outcome = pair.run();
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::permission_denied);
  EXPECT_TRUE(outcome.error().message.contains("it says: authentication failed")) << outcome.error().text();
  EXPECT_TRUE(pair.guessed);
  EXPECT_TRUE(pair.ended);
  EXPECT_FALSE(pair.proved);
  EXPECT_EQ(pair.controller.reason(), "wrong DH-HMAC-CHAP key");
  EXPECT_EQ(pair.controller.text(), "none");
  EXPECT_FALSE(pair.controller.answer()) << "it has said all";
  pair.apply(pair.host.negotiate());
  EXPECT_FALSE(pair.controller.answer()) << "and takes nothing any more";
}

TEST(NvmeAuthenticationMachine, TheKeyIsBoundToItsHost) {
  Pair pair(
      {.key = key_of(1, DhchapHash::sha384), .controller_key = {}});  // the same secret, bound otherwise
  EXPECT_FALSE(pair.run());
  EXPECT_TRUE(pair.guessed);
}

TEST(NvmeAuthenticationMachine, AControllerWithAnotherKeyIsNotTaken) {
  Pair pair({.key = key_of(1), .controller_key = key_of(3)}, credentials(1, key_of(2)));
  const auto outcome = pair.run();
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::permission_denied);
  EXPECT_TRUE(pair.ended);
  EXPECT_FALSE(pair.proved);
  EXPECT_FALSE(pair.guessed) << "it is the host that refuses";
  EXPECT_TRUE(pair.controller.reason().contains("the host ended the authentication"));
}

TEST(NvmeAuthenticationMachine, AControllerWithoutAKeyDoesNotPretend) {
  Pair pair({.key = key_of(1), .controller_key = key_of(3)});
  EXPECT_FALSE(pair.run());
  EXPECT_TRUE(pair.ended);
  EXPECT_FALSE(pair.guessed);
  EXPECT_TRUE(pair.controller.reason().contains("no key of the controller"));
}

// What AUTH_Negotiate may say wrong.
struct OfferCase {
  void (*bend)(AuthenticationNegotiate&);
  AuthenticationFailure why;
};
const OfferCase offers[] = {
    {[](AuthenticationNegotiate& m) { m.secure_channel = 1; },
     AuthenticationFailure::secure_channel_mismatch},
    {[](AuthenticationNegotiate& m) { m.dhchap = false; }, AuthenticationFailure::protocol_unusable},
    {[](AuthenticationNegotiate& m) { m.hashes = {}; }, AuthenticationFailure::hash_unusable},
    {[](AuthenticationNegotiate& m) { m.hashes = {0, 4, 200}; }, AuthenticationFailure::hash_unusable},
    {[](AuthenticationNegotiate& m) { m.groups = {1, 2, 3}; }, AuthenticationFailure::group_unusable},
    {[](AuthenticationNegotiate& m) { m.groups = {}; }, AuthenticationFailure::group_unusable},
};

TEST(NvmeAuthenticationMachine, OffersThatCannotBeTaken) {
  for (const OfferCase& each : offers) {
    Pair pair({.key = key_of(1), .controller_key = {}});
    auto offer = AuthenticationNegotiate::decode(pair.host.negotiate());
    each.bend(*offer);
    EXPECT_FALSE(pair.apply(offer->encode()).proof_failed);
    EXPECT_TRUE(pair.controller.failed());
    EXPECT_EQ(pair.failure(), each.why);
    EXPECT_TRUE(pair.ended);
  }
  Pair cut({.key = key_of(1), .controller_key = {}});
  const std::vector<uint8_t> offer = cut.host.negotiate();
  for (size_t bytes = 0; bytes < offer.size(); ++bytes) {
    Pair pair({.key = key_of(1), .controller_key = {}});
    pair.apply(ConstBytes(offer).first(bytes));
    EXPECT_EQ(pair.failure(), AuthenticationFailure::incorrect_payload) << bytes;
  }
}

TEST(NvmeAuthenticationMachine, WithoutAKeyNobodyCanProveAnything) {
  Pair pair({.key = key_of(1), .controller_key = {}}, std::nullopt);
  EXPECT_FALSE(pair.run());
  EXPECT_TRUE(pair.controller.reason().contains("no key is set"));
  Authentication of_discovery(host_name(1), subsystem, Drawn(3));
  of_discovery.apply(pair.host.negotiate(), nullptr, {});
  EXPECT_TRUE(of_discovery.failed());
}

TEST(NvmeAuthenticationMachine, WhoGuessedTooOftenWaits) {
  Pair pair({.key = key_of(1), .controller_key = {}});
  pair.held_back = loop::milliseconds(1500);
  EXPECT_FALSE(pair.run());
  EXPECT_TRUE(pair.controller.reason().contains("again in 2 s")) << pair.controller.reason();
  EXPECT_FALSE(pair.guessed);
}

TEST(NvmeAuthenticationMachine, AGuessThatWasChallengedInTimeWaitsLikeOthers) {
  Pair pair({.key = key_of(1), .controller_key = {}});
  pair.apply(pair.host.negotiate());
  ASSERT_TRUE(pair.host.take_challenge(*pair.said()));
  pair.held_back = loop::milliseconds(1500);
  EXPECT_FALSE(pair.apply(*pair.host.reply({})).proof_failed) << "it was not looked at";
  EXPECT_EQ(pair.failure(), AuthenticationFailure::failed);
  EXPECT_TRUE(pair.controller.reason().contains("again in 2 s")) << pair.controller.reason();
  EXPECT_FALSE(pair.proved);
}

// A reply bent in one way: what the controller says of it.
struct ReplyCase {
  const char* name;
  void (*bend)(DhchapReply&);
  AuthenticationFailure why;
};
const ReplyCase replies[] = {
    {"transaction", [](DhchapReply& m) { ++m.transaction; }, AuthenticationFailure::incorrect_payload},
    {"short response",
     [](DhchapReply& m) {
       m.response.resize(31);
       m.challenge.clear();
     },
     AuthenticationFailure::incorrect_payload},
    {"no response",
     [](DhchapReply& m) {
       m.response.clear();
       m.challenge.clear();
     },
     AuthenticationFailure::incorrect_payload},
    {"long response",
     [](DhchapReply& m) {
       m.response.resize(48);
       m.challenge.resize(48);
     },
     AuthenticationFailure::incorrect_payload},
    {"no value", [](DhchapReply& m) { m.public_value.clear(); }, AuthenticationFailure::incorrect_payload},
    {"value of another group", [](DhchapReply& m) { m.public_value.resize(384); },
     AuthenticationFailure::incorrect_payload},
    {"value 0", [](DhchapReply& m) { std::ranges::fill(m.public_value, 0); },
     AuthenticationFailure::incorrect_payload},
    {"value of more than the prime", [](DhchapReply& m) { std::ranges::fill(m.public_value, 0xff); },
     AuthenticationFailure::incorrect_payload},
    {"response", [](DhchapReply& m) { ++m.response.back(); }, AuthenticationFailure::failed},
};

// To the reply, with an exchange.
DhchapReply reply_of(Pair& pair) {
  pair.apply(pair.host.negotiate());
  const auto work = pair.host.take_challenge(*pair.said());
  std::vector<std::vector<uint8_t>> values;
  for (const DhExponentiation& each : *work) values.push_back(*each.run());
  return *DhchapReply::decode(*pair.host.reply(values));
}

TEST(NvmeAuthenticationMachine, RepliesThatDoNotFit) {
  for (const ReplyCase& each : replies) {
    auto given = credentials();
    given.hashes = {DhchapHash::sha256};
    given.groups = {DhchapGroup::ffdhe2048};
    Pair pair({.key = key_of(1), .controller_key = {}}, given);
    DhchapReply reply = reply_of(pair);
    each.bend(reply);
    const bool guess = pair.apply(reply.encode()).proof_failed;
    EXPECT_EQ(guess, each.why == AuthenticationFailure::failed) << each.name;
    EXPECT_EQ(pair.failure(), each.why) << each.name;
    EXPECT_FALSE(pair.proved);
  }
}

TEST(NvmeAuthenticationMachine, AReflectedChallengeProvesNothing) {
  Pair pair({.key = key_of(1), .controller_key = key_of(2)}, credentials(1, key_of(2)));
  pair.apply(pair.host.negotiate());
  const auto asked = DhchapChallenge::decode(*pair.said());
  ASSERT_TRUE(pair.host.take_challenge(asked->encode()));
  DhchapReply reply = *DhchapReply::decode(*pair.host.reply({}));
  reply.challenge = asked->challenge;
  pair.apply(reply.encode());
  EXPECT_EQ(pair.failure(), AuthenticationFailure::failed);
  EXPECT_TRUE(pair.controller.reason().contains("reflected"));
}

TEST(NvmeAuthenticationMachine, AChallengeForASecureChannelAloneIsNotAnswered) {
  Pair pair({.key = key_of(1), .controller_key = key_of(2)}, credentials(1, key_of(2)));
  pair.apply(pair.host.negotiate());
  ASSERT_TRUE(pair.host.take_challenge(*pair.said()));
  DhchapReply reply = *DhchapReply::decode(*pair.host.reply({}));
  reply.sequence = 0;
  pair.apply(reply.encode());
  const auto verdict = DhchapSuccess1::decode(*pair.said());
  ASSERT_TRUE(verdict);
  EXPECT_TRUE(verdict->response.empty());
  EXPECT_EQ(verdict->hash_bytes, 32);
  EXPECT_TRUE(pair.proved);
}

TEST(NvmeAuthenticationMachine, MessagesOutOfTurn) {
  const NvmeProof mutual{.key = key_of(1), .controller_key = key_of(2)};
  // How far it goes before: 0 nothing, 1 negotiated, 2 challenged, 3 replied, 4 told of success, 5 done.
  for (int state = 0; state <= 5; ++state) {
    for (const uint16_t message : {0x0102, 0x0104, 0x00f0, 0x0101, 0x0103, 0x00f1, 0x7777, 0x0001}) {
      Pair pair(mutual, credentials(1, key_of(2)));
      uint16_t transaction = 0;
      std::vector<uint8_t> reply;
      if (state >= 1) {
        const std::vector<uint8_t> offer = pair.host.negotiate();
        transaction = load_le16(offer.data() + 4);
        pair.apply(offer);
      }
      if (state >= 2) {
        ASSERT_TRUE(pair.host.take_challenge(*pair.said()));
        reply = *pair.host.reply({});
      }
      if (state >= 3) pair.apply(reply);
      if (state >= 4) EXPECT_TRUE(pair.said());
      if (state >= 5) EXPECT_TRUE(pair.apply(DhchapSuccess2{transaction}.encode()).proved);
      std::vector<uint8_t> wrong = reply;
      wrong.resize(std::max<size_t>(wrong.size(), 16));
      wrong[0] = static_cast<uint8_t>(message >> 8);
      wrong[1] = static_cast<uint8_t>(message);
      wire::nvme::store_le16(&wrong[4], transaction);
      const bool is_turn = (message == 0x0102 && state == 2) || (message == 0x0104 && state == 4);
      const Authentication::Step step = pair.apply(wrong);
      if (message == 0x00f0 && state >= 1 && state <= 4) {
        EXPECT_TRUE(step.over);
        EXPECT_FALSE(pair.controller.answer());
      } else if (is_turn) {
        EXPECT_FALSE(pair.controller.failed());
      } else {
        EXPECT_EQ(pair.failure(), AuthenticationFailure::incorrect_message)
            << "state " << state << " message " << message;
        EXPECT_TRUE(pair.ended);
      }
      EXPECT_EQ(step.proved, message == 0x0104 && is_turn);
    }
  }
}

TEST(NvmeAuthenticationMachine, NothingToSayOutOfTurn) {
  Pair pair({.key = key_of(1), .controller_key = {}});
  EXPECT_FALSE(pair.controller.answer());
  EXPECT_FALSE(pair.controller.under_way());
  pair.apply(pair.host.negotiate());
  EXPECT_TRUE(pair.controller.under_way());
  EXPECT_TRUE(pair.said());
  EXPECT_FALSE(pair.controller.answer()) << "a challenge is told once";
}

TEST(NvmeAuthenticationMachine, ANewTransactionMayBeginAtAnyTime) {
  Pair pair({.key = key_of(1), .controller_key = {}});
  pair.apply(pair.host.negotiate());
  const std::vector<uint8_t> first = *pair.said();
  EXPECT_TRUE(pair.run());
  EXPECT_TRUE(pair.proved);
  // Once more on the same queue, with the keys as they are now.
  pair.proved = false;
  EXPECT_TRUE(pair.run());
  EXPECT_TRUE(pair.proved);
  pair.view = view_with(credentials(9));
  EXPECT_FALSE(pair.run());
  EXPECT_TRUE(pair.guessed);
}

// What a controller may lie to a host.
struct ChallengeCase {
  const char* name;
  void (*bend)(DhchapChallenge&);
  AuthenticationFailure why;
};
const ChallengeCase challenges[] = {
    {"transaction", [](DhchapChallenge& m) { ++m.transaction; }, AuthenticationFailure::incorrect_payload},
    {"hash not offered", [](DhchapChallenge& m) { m.hash = 1; }, AuthenticationFailure::hash_unusable},
    {"unknown hash", [](DhchapChallenge& m) { m.hash = 0; }, AuthenticationFailure::hash_unusable},
    {"no group, which was not offered",
     [](DhchapChallenge& m) {
       m.group = 0;
       m.public_value.clear();
     },
     AuthenticationFailure::group_unusable},
    {"unknown group", [](DhchapChallenge& m) { m.group = 6; }, AuthenticationFailure::group_unusable},
    {"short challenge", [](DhchapChallenge& m) { m.challenge.pop_back(); },
     AuthenticationFailure::incorrect_payload},
    {"no value", [](DhchapChallenge& m) { m.public_value.clear(); },
     AuthenticationFailure::incorrect_payload},
    {"sequence 0", [](DhchapChallenge& m) { m.sequence = 0; }, AuthenticationFailure::incorrect_payload},
};

TEST(NvmeAuthenticationMachine, ChallengesThatNoHostTakes) {
  const NvmeProof proof{.key = key_of(1),
                        .controller_key = {},
                        .hashes = {DhchapHash::sha384},
                        .groups = {DhchapGroup::ffdhe2048}};
  for (const ChallengeCase& each : challenges) {
    NvmeAuthentication host(proof, host_name(1), subsystem, Drawn(1));
    DhchapChallenge challenge{.transaction = load_le16(host.negotiate().data() + 4),
                              .hash = 2,
                              .group = 1,
                              .sequence = 5,
                              .challenge = std::vector<uint8_t>(48, 1),
                              .public_value = std::vector<uint8_t>(256, 2)};
    each.bend(challenge);
    const auto taken = host.take_challenge(challenge.encode());
    ASSERT_FALSE(taken) << each.name;
    EXPECT_EQ(taken.error().code, ErrorCode::protocol_error) << each.name;
    EXPECT_EQ(AuthenticationRefusal::decode(host.failure())->why, each.why) << each.name;
    EXPECT_TRUE(AuthenticationRefusal::decode(host.failure())->by_host);
  }
}

TEST(NvmeAuthenticationMachine, SuccessesThatNoHostTakes) {
  for (const bool mutual : {false, true}) {
    NvmeProof proof{.key = key_of(1), .controller_key = {}};
    if (mutual) proof.controller_key = key_of(2);
    Pair pair(proof);
    pair.apply(pair.host.negotiate());
    ASSERT_TRUE(pair.host.take_challenge(*pair.said()));
    ASSERT_TRUE(pair.host.reply({}));
    const uint16_t transaction = load_le16(pair.host.failure().data() + 4);
    const auto refused = [&](DhchapSuccess1 success) {
      const auto taken = pair.host.take_success(success.encode());
      return taken ? std::optional<ErrorCode>() : taken.error().code;
    };
    EXPECT_EQ(refused({transaction, 48, {}}), ErrorCode::protocol_error);
    EXPECT_EQ(refused({static_cast<uint16_t>(transaction + 1), 32, {}}), ErrorCode::protocol_error);
    EXPECT_FALSE(pair.host.take_success(ConstBytes(DhchapSuccess1{transaction, 32, {}}.encode()).first(15)));
    EXPECT_FALSE(pair.host.take_success(DhchapChallenge{.transaction = transaction}.encode()));
    if (!mutual) continue;
    EXPECT_EQ(refused({transaction, 32, {}}), ErrorCode::permission_denied) << "it was to prove itself";
    EXPECT_EQ(refused({transaction, 32, std::vector<uint8_t>(32, 5)}), ErrorCode::permission_denied);
  }
}

}  // namespace
}  // namespace ashlar::nvmetcp::test
