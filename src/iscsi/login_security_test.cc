// Authentication as part of the login: who must, who may, what fails.
#include <gtest/gtest.h>

#include "iscsi/login.h"
#include "iscsi/login_testing.h"

namespace ashlar::iscsi::testing {
namespace {

/// The proof that the last response's challenge asks for.
std::string proof(const Host& host, std::string_view secret = chap_secret) {
  const auto algorithm = choose_chap_algorithm(host.answer("CHAP_A"));
  const auto challenge = wire::iscsi::parse_binary("CHAP_C", host.answer("CHAP_C"), max_chap_bytes);
  if (!algorithm || !challenge) return "0x00";
  const auto identifier = static_cast<uint8_t>(std::stoi(host.answer("CHAP_I")));
  return wire::iscsi::binary_as_hex(*chap_response(*algorithm, identifier, secret, *challenge));
}

void expect_refused(const Host& host, Status status = Status::authentication_failure) {
  EXPECT_EQ(wire::iscsi::name_of(host.status()), wire::iscsi::name_of(status)) << host.outcome.reason;
  EXPECT_TRUE(host.outcome.close);
  EXPECT_EQ(host.outcome.reason.find(chap_secret), std::string::npos) << "no secret in a log line";
}

/// As far as the challenge.
void challenge(Host& host, const std::string& initiator, const std::string& algorithms = "7,5") {
  host.say(security, normal(initiator) + text({"AuthMethod=CHAP,None"}));
  EXPECT_EQ(host.answer("AuthMethod"), "CHAP");
  host.say(security, text({"CHAP_A=" + algorithms}));
}

TEST(LoginSecurity, Chap) {
  Host host;
  challenge(host, chap_host);
  EXPECT_EQ(host.answer("CHAP_A"), "7");
  host.go(security, operational, text({"CHAP_N=alice", "CHAP_R=" + proof(host)}));
  EXPECT_TRUE(host.outcome.response.transit) << host.outcome.reason;
  host.go(operational, full_feature, "");
  EXPECT_TRUE(host.outcome.finished);
  EXPECT_EQ(host.machine.authentication(), "CHAP SHA-256");
  EXPECT_NE(host.outcome.reason.find("authentication CHAP SHA-256"), std::string::npos);
}

// libiscsi: T bit from the first request on; we agree only when the proof is there.
TEST(LoginSecurity, TheHostsHurryDoesNotSkipAnything) {
  Host host;
  host.go(security, operational, normal(chap_host) + text({"AuthMethod=CHAP,None"}));
  EXPECT_EQ(host.status(), Status::success);
  EXPECT_FALSE(host.outcome.response.transit);
  host.go(security, operational, text({"CHAP_A=5"}));
  EXPECT_FALSE(host.outcome.response.transit);
  host.go(security, full_feature, text({"CHAP_N=alice", "CHAP_R=" + proof(host)}));
  EXPECT_TRUE(host.outcome.finished);
  EXPECT_EQ(host.machine.authentication(), "CHAP MD5");
}

TEST(LoginSecurity, MethodAndAlgorithmInOneRequest) {
  Host host;
  host.say(security, normal(chap_host) + text({"AuthMethod=CHAP", "CHAP_A=8,7,6,5"}));
  EXPECT_EQ(host.answer("CHAP_A"), "8");
  host.go(security, full_feature, text({"CHAP_N=alice", "CHAP_R=" + proof(host)}));
  EXPECT_EQ(host.machine.authentication(), "CHAP SHA3-256");
}

TEST(LoginSecurity, MutualChap) {
  Host host;
  challenge(host, mutual_host);
  host.go(security, full_feature,
          text({"CHAP_N=bob", "CHAP_R=" + proof(host), "CHAP_I=200", "CHAP_C=0x0102030405"}));
  ASSERT_TRUE(host.outcome.finished) << host.outcome.reason;
  EXPECT_EQ(host.answer("CHAP_N"), "array");
  const std::vector<uint8_t> ours = {1, 2, 3, 4, 5};
  EXPECT_EQ(host.answer("CHAP_R"),
            wire::iscsi::binary_as_hex(*chap_response(ChapAlgorithm::sha256, 200, mutual_secret, ours)));
  EXPECT_EQ(host.machine.authentication(), "mutual CHAP SHA-256");
}

TEST(LoginSecurity, WrongProofEndsTheLogin) {
  Host wrong;
  challenge(wrong, chap_host);
  expect_refused(
      (wrong.go(security, full_feature, text({"CHAP_N=alice", "CHAP_R=" + proof(wrong, "guess")})), wrong));
  Host user;
  challenge(user, chap_host);
  expect_refused((user.go(security, full_feature, text({"CHAP_N=mallory", "CHAP_R=" + proof(user)})), user));
  Host other_host;  // bob's secret is right, but this initiator name is alice's host
  challenge(other_host, chap_host);
  expect_refused((other_host.go(security, full_feature, text({"CHAP_N=bob", "CHAP_R=" + proof(other_host)})),
                  other_host));
}

TEST(LoginSecurity, ReflectionEndsTheLogin) {
  Host host;
  challenge(host, mutual_host);
  expect_refused(
      (host.go(security, full_feature,
               text({"CHAP_N=bob", "CHAP_R=" + proof(host), "CHAP_I=1", "CHAP_C=" + host.answer("CHAP_C")})),
       host));
  Host same;
  challenge(same, same_host);
  expect_refused((same.go(security, full_feature,
                          text({"CHAP_N=carol", "CHAP_R=" + proof(same), "CHAP_I=1", "CHAP_C=0x11"})),
                  same));
}

TEST(LoginSecurity, ChapCannotBeAvoided) {
  Host none;
  expect_refused((none.go(security, operational, normal(chap_host) + text({"AuthMethod=None"})), none));
  Host other_methods;
  expect_refused(
      (other_methods.say(security, normal(chap_host) + text({"AuthMethod=KRB5,SRP"})), other_methods));
  Host nothing;
  expect_refused((nothing.go(security, operational, normal(chap_host)), nothing));
  Host straight;
  expect_refused((straight.go(security, full_feature, normal(chap_host)), straight));
  Host skipped;
  expect_refused((skipped.go(operational, full_feature, normal(chap_host)), skipped));
  Host lingers;
  expect_refused((lingers.say(operational, normal(chap_host)), lingers));
  Host stayed;
  stayed.say(security, normal(chap_host));
  EXPECT_EQ(stayed.status(), Status::success) << "it may still offer a method";
  expect_refused((stayed.go(security, operational, ""), stayed));
  Host unfinished;
  challenge(unfinished, chap_host);
  unfinished.go(security, full_feature, "");
  EXPECT_FALSE(unfinished.outcome.finished || unfinished.outcome.response.transit);
  expect_refused((unfinished.say(operational, ""), unfinished), Status::initiator_error);
  Host changed;
  challenge(changed, chap_host);
  expect_refused((changed.go(security, full_feature, text({"AuthMethod=None"})), changed),
                 Status::initiator_error);
}

TEST(LoginSecurity, KeysOutOfOrder) {
  Host early;
  expect_refused((early.say(security, normal(chap_host) + text({"CHAP_A=5"})), early));
  Host unasked;
  expect_refused((unasked.say(security, normal(open_host) + text({"AuthMethod=None", "CHAP_A=5"})), unasked));
  Host proof_first;
  expect_refused((
      proof_first.say(security, normal(chap_host) + text({"AuthMethod=CHAP", "CHAP_N=alice", "CHAP_R=0x00"})),
      proof_first));
  Host unknown;
  expect_refused((challenge(unknown, chap_host, "1,2,9"), unknown));
}

TEST(LoginSecurity, AnOpenHostNeedsNone) {
  Host both;
  both.go(security, full_feature, normal(open_host) + text({"AuthMethod=CHAP,None"}));
  EXPECT_EQ(both.answer("AuthMethod"), "None");
  EXPECT_TRUE(both.outcome.finished);
  Host only_chap;
  expect_refused(
      (only_chap.go(security, full_feature, normal(open_host) + text({"AuthMethod=CHAP"})), only_chap));
  EXPECT_NE(only_chap.outcome.reason.find("no CHAP secret is set"), std::string::npos)
      << only_chap.outcome.reason;
}

TEST(LoginSecurity, DiscoveryNeedsChapOnlyWhenAllOfItDoes) {
  Host none;
  expect_refused((none.go(security, operational, discovery(chap_host) + text({"AuthMethod=None"})), none));
  Host chap;
  chap.say(security, discovery(chap_host) + text({"AuthMethod=CHAP,None"}));
  EXPECT_EQ(chap.answer("AuthMethod"), "CHAP");
  chap.say(security, text({"CHAP_A=5"}));
  chap.go(security, full_feature, text({"CHAP_N=alice", "CHAP_R=" + proof(chap)}));
  EXPECT_TRUE(chap.outcome.finished) << chap.outcome.reason;

  const auto directory = make_directory();
  add_any_target(*directory);
  Host mixed(directory);
  mixed.go(security, full_feature, discovery(chap_host) + text({"AuthMethod=CHAP,None"}));
  EXPECT_EQ(mixed.answer("AuthMethod"), "None") << "one target is open to it";
  EXPECT_TRUE(mixed.outcome.finished);
  Host insists(directory);
  insists.say(security, discovery(chap_host) + text({"AuthMethod=CHAP"}));
  EXPECT_EQ(insists.answer("AuthMethod"), "CHAP") << "it may all the same";
}

// 1,000 logins draw 1,000 different challenges from their source (CVE-2024-45751 was a source that repeated).
TEST(LoginSecurity, ChallengesComeFromTheSource) {
  uint64_t counter = 0;
  const RandomSource source = [&](std::span<uint8_t> out) {
    ++counter;
    for (size_t i = 0; i < out.size(); ++i) out[i] = static_cast<uint8_t>(counter >> (8 * (i % 8)));
  };
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    ChapTarget target({make_view("h", one_way())}, source);
    wire::iscsi::TextWriter answer;
    ASSERT_TRUE(target.apply({{"CHAP_A", "7"}}, answer));
    EXPECT_TRUE(seen.insert(answer.take()).second);
  }
}

}  // namespace
}  // namespace ashlar::iscsi::testing
