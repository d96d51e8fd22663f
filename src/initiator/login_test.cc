#include "initiator/login.h"

#include "initiator/chap.h"
#include "initiator/fake_target_test.h"
#include "initiator/negotiation.h"

namespace ashlar::initiator {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;

class LoginTest : public SessionTest {
 protected:
  /// The host's story: tries once; the test looks at host->login_error.
  static Task<void> try_login(Host& host) { co_await host.log_in(); }
  static Task<void> agree(FakeTarget& target) {
    co_await target.log_in();
    while (!target.ended) co_await target.next();
  }
  void expect_error(ErrorCode code, std::string_view part) {
    ASSERT_TRUE(host->login_error.has_value());
    EXPECT_EQ(host->login_error->code, code) << host->login_error->text();
    EXPECT_NE(host->login_error->message.find(part), std::string::npos) << host->login_error->text();
  }
};

std::string value_in(const Pdu& pdu, std::string_view key) {
  const std::string text(text_of(pdu.data));
  const auto pairs = iscsi::parse_text(text);
  if (!pairs) return "unparsable";
  const std::string_view* value = iscsi::find_value(*pairs, key);
  return value == nullptr ? std::string() : std::string(*value);
}

struct ChapCase {
  ChapAlgorithm algorithm;
  bool mutual;
};
ChapCase chap_case;
bool lie = false;

// The target's half of CHAP, written out from RFC 7143 12.1.3 and not with the host's code but for the digest.
Task<void> chap_target(FakeTarget& target) {
  Pdu request = co_await target.next();
  EXPECT_EQ(value_in(request, "AuthMethod"), "CHAP");
  EXPECT_EQ(value_in(request, "SessionType"), "Normal");
  target.send(target.login_response(request), bytes_of("AuthMethod=CHAP\0TargetPortalGroupTag=3\0"sv));
  request = co_await target.next();
  EXPECT_EQ(value_in(request, "CHAP_A"), std::to_string(static_cast<int>(chap_case.algorithm)));
  iscsi::TextWriter challenge;
  challenge.add("CHAP_A", static_cast<uint64_t>(chap_case.algorithm));
  challenge.add("CHAP_I", uint64_t{200});
  challenge.add("CHAP_C", "0x000102030405060708090a0b0c0d0e0f");
  target.send(target.login_response(request), bytes_of(challenge.text()));
  request = co_await target.next();
  EXPECT_TRUE(request.as<iscsi::LoginRequest>().transit);
  EXPECT_EQ(value_in(request, "CHAP_N"), "host");
  std::vector<uint8_t> bytes(16);
  for (uint8_t i = 0; i < 16; ++i) bytes[i] = i;
  const auto right = chap_response(chap_case.algorithm, 200, "a secret of the host", bytes);
  EXPECT_EQ(value_in(request, "CHAP_R"), iscsi::binary_as_hex(right));
  iscsi::TextWriter proof;
  if (chap_case.mutual) {
    const auto theirs = iscsi::parse_binary("CHAP_C", value_in(request, "CHAP_C"), 1024);
    EXPECT_TRUE(theirs.has_value());
    const auto identifier = static_cast<uint8_t>(std::stoi(value_in(request, "CHAP_I")));
    const auto answer = chap_response(chap_case.algorithm, identifier,
                                      lie ? "a guess at a secret" : "the target's secret", *theirs);
    proof.add("CHAP_N", "array");
    proof.add("CHAP_R", std::string_view(iscsi::binary_as_hex(answer)));
  }
  target.send(target.login_response(request), bytes_of(proof.text()));
  if (lie) co_return;
  co_await target.log_in();
}

TEST_F(LoginTest, ChapByEveryAlgorithm) {
  for (const ChapAlgorithm algorithm :
       {ChapAlgorithm::md5, ChapAlgorithm::sha1, ChapAlgorithm::sha256, ChapAlgorithm::sha3_256}) {
    for (const bool mutual : {false, true}) {
      chap_case = {algorithm, mutual};
      lie = false;
      target_loop().enter([this] { target.reset(); });
      target = std::make_unique<FakeTarget>(target_loop());
      host = std::make_unique<Host>(host_loop());
      ChapCredentials chap;
      chap.user = "host";
      chap.secret = "a secret of the host";
      if (mutual) {
        chap.mutual_user = "array";
        chap.mutual_secret = "the target's secret";
      }
      chap.algorithms = {algorithm};
      host->options.chap = chap;
      run(chap_target, [](Host& its_host) -> Task<void> {
        const bool in = co_await its_host.log_in();
        EXPECT_TRUE(in) << its_host.login_error->text();
        if (!in) co_return;
        EXPECT_EQ(its_host.session->parameters().portal_group_tag, 3);
        EXPECT_NE(its_host.session->parameters().authentication.find(name_of(chap_case.algorithm)),
                  std::string::npos);
      });
    }
  }
}

TEST_F(LoginTest, ATargetThatCannotProveItselfIsRefused) {
  chap_case = {ChapAlgorithm::sha256, true};
  lie = true;
  ChapCredentials chap;
  chap.user = "host";
  chap.secret = "a secret of the host";
  chap.mutual_user = "array";
  chap.mutual_secret = "the target's secret";
  chap.algorithms = {ChapAlgorithm::sha256};
  host->options.chap = chap;
  run(chap_target, try_login);
  expect_error(ErrorCode::permission_denied, "did not prove");
}

TEST_F(LoginTest, OneSecretForBothWaysIsRefused) {
  ChapCredentials chap;
  chap.secret = chap.mutual_secret = "the same";
  host->options.chap = chap;
  EXPECT_EQ(check_options(host->options).error().place, "chap.mutual_secret");
}

TEST_F(LoginTest, RefusedByStatus) {
  run(
      [](FakeTarget& target) -> Task<void> {
        const Pdu request = co_await target.next();
        iscsi::LoginResponse answer = target.login_response(request);
        answer.transit = false;
        answer.status = iscsi::LoginStatus::not_found;
        target.send(answer);
      },
      try_login);
  expect_error(ErrorCode::not_found, "0203");
}

TEST_F(LoginTest, NobodyListens) {
  host->options.endpoint.port = 99;
  run([](FakeTarget&) -> Task<void> { co_return; }, try_login);
  EXPECT_TRUE(host->login_error.has_value());
}

TEST_F(LoginTest, ASilentTargetIsGivenUp) {
  run(
      [](FakeTarget& target) -> Task<void> {
        while (!target.ended) co_await target.next();
      },
      try_login);
  expect_error(ErrorCode::timed_out, "in time");
  EXPECT_FALSE(host->told_closed.has_value());
}

TEST_F(LoginTest, AnotherIsid) {
  run(
      [](FakeTarget& target) -> Task<void> {
        const Pdu request = co_await target.next();
        iscsi::LoginResponse answer = target.login_response(request);
        answer.isid[5] ^= 1;
        target.send(answer);
      },
      try_login);
  expect_error(ErrorCode::protocol_error, "another ISID");
}

TEST_F(LoginTest, TransitWithoutBeingAsked) {
  host->options.chap = ChapCredentials{.user = "host", .secret = "a secret of the host"};
  run(
      [](FakeTarget& target) -> Task<void> {
        const Pdu request = co_await target.next();
        iscsi::LoginResponse answer = target.login_response(request);
        answer.transit = true;
        answer.next_stage = iscsi::LoginStage::full_feature_phase;
        target.send(answer, bytes_of("AuthMethod=CHAP\0"sv));
      },
      try_login);
  expect_error(ErrorCode::protocol_error, "not asked for");
}

TEST_F(LoginTest, ZeroTsih) {
  run(
      [](FakeTarget& target) -> Task<void> {
        for (int i = 0; i < 2; ++i) {
          const Pdu request = co_await target.next();
          iscsi::LoginResponse answer = target.login_response(request);
          answer.tsih = 0;
          target.send(answer, bytes_of(target.agree(request)));
        }
      },
      try_login);
  expect_error(ErrorCode::protocol_error, "TSIH 0");
}

TEST_F(LoginTest, AnotherPduDuringLogin) {
  run(
      [](FakeTarget& target) -> Task<void> {
        co_await target.next();
        iscsi::NopIn nop;
        nop.numbers = target.numbers();
        target.send(nop);
      },
      try_login);
  expect_error(ErrorCode::protocol_error, "NOP-In during login");
}

// One answer in three PDUs (C bit), and a target that wants one more round before full feature phase.
TEST_F(LoginTest, ContinuedTextAndASlowTransit) {
  run(
      [](FakeTarget& target) -> Task<void> {
        Pdu request = co_await target.next();
        target.send(target.login_response(request), bytes_of(target.agree(request)));
        request = co_await target.next();
        const std::string text = target.agree(request) + "X-com.example.question=1\0"s;
        for (const size_t part : {size_t{0}, size_t{1}, size_t{2}}) {
          iscsi::LoginResponse answer = target.login_response(request);
          answer.transit = false;
          answer.next_stage = iscsi::LoginStage::security_negotiation;
          answer.tsih = 0;
          answer.continues = part < 2;
          target.send(answer, bytes_of(text.substr(part * 40, part < 2 ? 40 : std::string::npos)));
          request = co_await target.next();
        }
        EXPECT_EQ(value_in(request, "X-com.example.question"), "NotUnderstood");
        target.send(target.login_response(request));
      },
      [](Host& its_host) -> Task<void> {
        const bool in = co_await its_host.log_in();
        EXPECT_TRUE(in) << its_host.login_error->text();
      });
}

TEST_F(LoginTest, ALoginWithoutEnd) {
  run(
      [](FakeTarget& target) -> Task<void> {
        while (!target.ended) {
          const Pdu request = co_await target.next();
          if (target.ended) break;
          iscsi::LoginResponse answer = target.login_response(request);
          answer.transit = false;
          answer.tsih = 0;
          target.send(answer, bytes_of("AuthMethod=None\0"sv));
        }
      },
      try_login);
  expect_error(ErrorCode::protocol_error, "does not end");
}

TEST_F(LoginTest, SkipsTheSecurityStageWhenTold) {
  host->options.skip_security_stage = true;
  run(
      [](FakeTarget& target) -> Task<void> {
        const Pdu request = co_await target.next();
        EXPECT_EQ(request.as<iscsi::LoginRequest>().current_stage,
                  iscsi::LoginStage::login_operational_negotiation);
        EXPECT_EQ(value_in(request, "TargetName"), "iqn.2026-11.io.ashlar:target");
        target.send(target.login_response(request), bytes_of(target.agree(request)));
      },
      [](Host& its_host) -> Task<void> {
        const bool in = co_await its_host.log_in();
        EXPECT_TRUE(in) << its_host.login_error->text();
      });
}

struct WrongAnswer {
  const char* name;
  const char* key;
  const char* value;
  const char* part;
};
const WrongAnswer wrong_answers[] = {
    {"DigestNotOffered", "HeaderDigest", "CRC32", "HeaderDigest=CRC32 does not answer"},
    {"LargerBurst", "MaxBurstLength", "16777215", "MaxBurstLength=16777215"},
    {"TinyBurst", "FirstBurstLength", "511", "FirstBurstLength=511"},
    {"ImmediateDataAgainstOurNo", "ImmediateData", "Yes", "ImmediateData=Yes"},
    {"InitialR2tAgainstOurYes", "InitialR2T", "No", "InitialR2T=No"},
    {"NoR2tAtAll", "MaxOutstandingR2T", "0", "MaxOutstandingR2T=0"},
    {"RecoveryLevel", "ErrorRecoveryLevel", "1", "ErrorRecoveryLevel=1"},
    {"NoAnswer", "MaxConnections", "", "MaxConnections was never answered"},
    {"NoNumber", "MaxBurstLength", "many", "MaxBurstLength"},
    {"TinySegment", "MaxRecvDataSegmentLength", "511", "MaxRecvDataSegmentLength=511"},
};
class Negotiated : public LoginTest, public testing::WithParamInterface<WrongAnswer> {};

TEST_P(Negotiated, WrongAnswerEndsTheLogin) {
  host->options.initial_r2t = true;
  host->options.immediate_data = false;
  target->login_answers[GetParam().key] = GetParam().value;
  run(agree, try_login);
  ASSERT_TRUE(host->login_error.has_value());
  EXPECT_EQ(host->login_error->code, ErrorCode::protocol_error) << host->login_error->text();
  EXPECT_NE(host->login_error->text().find(GetParam().part), std::string::npos) << host->login_error->text();
}
INSTANTIATE_TEST_SUITE_P(Answers, Negotiated, testing::ValuesIn(wrong_answers),
                         [](const testing::TestParamInfo<WrongAnswer>& info) {
                           return std::string(info.param.name);
                         });

TEST(Chap, KnownDigests) {
  // printf '\x17secretchallenge' | openssl dgst -md5 and so on
  const auto hex = [](ChapAlgorithm algorithm) {
    return iscsi::binary_as_hex(chap_response(algorithm, 0x17, "secret", bytes_of("challenge")));
  };
  EXPECT_EQ(hex(ChapAlgorithm::md5), "0x8e31442198d4ee60f86323efa06de4a3");
  EXPECT_EQ(hex(ChapAlgorithm::sha1), "0x998c5e7e3842f36e3cd56b50a4e325ef32b5b2da");
  EXPECT_EQ(hex(ChapAlgorithm::sha256), "0xd32110083382640514c8ffb0dda428d1e24b2d0abbe6e89c7641f5d9758a7e36");
  EXPECT_EQ(hex(ChapAlgorithm::sha3_256),
            "0xfb8caa179e1ee3862b1b07e1e000909788c169d0e5ce36a79f630817038648a4");
}

TEST(Options, Ranges) {
  LoginOptions options;
  options.initiator_name = "iqn.2026-11.io.ashlar:host";
  EXPECT_TRUE(check_options(options).has_value());
  options.max_outstanding_r2t = 17;
  EXPECT_EQ(check_options(options).error().place, "max_outstanding_r2t");
  options.max_outstanding_r2t = 1;
  options.first_burst_bytes = 2 << 20;
  EXPECT_EQ(check_options(options).error().place, "first_burst_bytes");
}

TEST(Targets, Parsed) {
  const auto targets =
      parse_targets("TargetName=iqn.a\0TargetAddress=10.0.0.1:3260,1\0TargetAddress=[::1]:1,2\0"sv);
  ASSERT_TRUE(targets.has_value()) << targets.error().text();
  ASSERT_EQ(targets->size(), 1u);
  EXPECT_EQ(targets->at(0).portals.at(1).address, "[::1]:1");
  EXPECT_FALSE(parse_targets("TargetName=iqn.a").has_value());
  EXPECT_FALSE(parse_targets("TargetAddress=10.0.0.1:3260,1\0"sv).has_value());
  EXPECT_FALSE(parse_targets("TargetName=iqn.a\0TargetAddress=10.0.0.1:3260\0"sv).has_value());
}

TEST(Luns, AsOnTheWire) {
  EXPECT_EQ(lun_bytes(5), (LunBytes{0, 5}));
  EXPECT_EQ(lun_bytes(0x1234), (LunBytes{0x52, 0x34}));
}

TEST(Answers, SenseOfBothFormats) {
  Answer answer;
  answer.outcome = Outcome::answered;
  answer.status = 0x02;
  answer.sense = {0x72, 0x06, 0x29, 0x00, 0, 0, 0, 0};
  EXPECT_EQ(answer.text(), "CHECK CONDITION, sense 6/2900");
  answer.sense = {0x70, 0, 0x05};
  EXPECT_EQ(answer.text(), "CHECK CONDITION, sense 5/0000");
  EXPECT_EQ(answer.result().error().code, ErrorCode::io_error);
}

}  // namespace
}  // namespace ashlar::initiator
