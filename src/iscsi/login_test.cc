// The login's stages, names and refusals. Authentication is in login_security_test.cc.
#include "iscsi/login.h"

#include <gtest/gtest.h>

#include "iscsi/login_testing.h"

namespace ashlar::iscsi::testing {
namespace {

void expect_refused(const Host& host, Status status) {
  EXPECT_EQ(wire::iscsi::name_of(host.status()), wire::iscsi::name_of(status)) << host.outcome.reason;
  EXPECT_TRUE(host.outcome.close);
  EXPECT_FALSE(host.outcome.finished);
  EXPECT_FALSE(host.outcome.response.transit);
  EXPECT_TRUE(host.outcome.text.empty());
  EXPECT_NE(host.outcome.reason.find("198.51.100.9"), std::string::npos) << "the log line says from whom";
}

const std::string open_iscsi_keys =
    text({"HeaderDigest=None", "DataDigest=None", "DefaultTime2Wait=2", "DefaultTime2Retain=0", "IFMarker=No",
          "OFMarker=No", "ErrorRecoveryLevel=0", "InitialR2T=No", "ImmediateData=Yes",
          "MaxBurstLength=16776192", "FirstBurstLength=262144", "MaxOutstandingR2T=1", "MaxConnections=1",
          "DataPDUInOrder=Yes", "DataSequenceInOrder=Yes", "MaxRecvDataSegmentLength=262144"});

// open-iscsi: names and AuthMethod in the security stage, the rest in the operational one.
TEST(Login, ShapeOfOpenIscsi) {
  Host host;
  host.go(security, operational,
          text({"InitiatorName=" + open_host, "InitiatorAlias=host9", "TargetName=" + disk_target,
                "SessionType=Normal", "AuthMethod=None"}));
  EXPECT_EQ(host.status(), Status::success);
  EXPECT_TRUE(host.outcome.response.transit);
  EXPECT_EQ(host.outcome.response.next_stage, operational);
  EXPECT_EQ(host.outcome.response.isid, host.request.isid);
  EXPECT_EQ(host.outcome.response.initiator_task_tag, 5u);
  EXPECT_EQ(host.answer("AuthMethod"), "None");
  EXPECT_EQ(host.answer("TargetPortalGroupTag"), "7");
  EXPECT_EQ(host.answer("TargetAlias"), "the disk");
  EXPECT_EQ(host.answer("InitiatorName"), "(none)");
  EXPECT_FALSE(host.outcome.finished);

  host.go(operational, full_feature, open_iscsi_keys);
  EXPECT_TRUE(host.outcome.finished) << host.outcome.reason;
  EXPECT_FALSE(host.outcome.close);
  EXPECT_EQ(host.outcome.response.next_stage, full_feature);
  EXPECT_EQ(host.outcome.response.data_segment_length, host.outcome.text.size());
  EXPECT_EQ(host.answer("MaxRecvDataSegmentLength"), "262144");
  EXPECT_EQ(host.answer("InitialR2T"), "No");
  EXPECT_EQ(host.answer("IFMarker"), "No");
  EXPECT_EQ(host.machine.initiator(), open_host);
  EXPECT_EQ(host.machine.initiator_alias(), "host9");
  EXPECT_EQ(host.machine.target()->name, disk_target);
  EXPECT_EQ(host.machine.view()->host, "h-open");
  EXPECT_EQ(host.machine.portal_group_tag(), 7);
  EXPECT_EQ(host.machine.connection_id(), 1);
  EXPECT_EQ(host.machine.authentication(), "none");
  EXPECT_FALSE(host.machine.discovery());
  const SessionParameters& agreed = host.machine.parameters();
  EXPECT_EQ(agreed.max_receive_data_segment_bytes, 262144u);
  EXPECT_EQ(agreed.initiator_max_receive_data_segment_bytes, 262144u);
  EXPECT_EQ(agreed.max_burst_bytes, 1048576u);
  EXPECT_FALSE(agreed.initial_r2t);
  EXPECT_EQ(host.outcome.reason, "login of " + open_host +
                                     " from 198.51.100.9:40000 through 192.0.2.1:3260: host h-open, target " +
                                     disk_target + ", authentication none");
}

TEST(Login, BeginsInTheOperationalStage) {
  Host host;
  host.go(operational, full_feature, normal(open_host) + open_iscsi_keys);
  EXPECT_TRUE(host.outcome.finished) << host.outcome.reason;
  EXPECT_EQ(host.answer("TargetPortalGroupTag"), "7");
  EXPECT_EQ(host.answer("MaxRecvDataSegmentLength"), "262144");
}

TEST(Login, FromSecurityStraightToFullFeature) {
  Host host;
  host.go(security, full_feature, normal(open_host));
  EXPECT_TRUE(host.outcome.finished) << host.outcome.reason;
  SessionParameters defaults;
  EXPECT_EQ(host.machine.parameters(), defaults) << "what was not negotiated keeps the RFC's default";
}

TEST(Login, ManySteps) {
  Host host;
  host.say(security, normal(open_host));
  EXPECT_FALSE(host.outcome.response.transit);
  host.say(security, text({"AuthMethod=CHAP,None"}));
  EXPECT_EQ(host.answer("AuthMethod"), "None");
  host.say(security, "");
  host.go(security, operational, "");
  EXPECT_TRUE(host.outcome.response.transit);
  host.say(operational, text({"HeaderDigest=CRC32C,None"}));
  EXPECT_EQ(host.answer("HeaderDigest"), "CRC32C");
  EXPECT_EQ(host.answer("MaxRecvDataSegmentLength"), "262144");
  host.say(operational, text({"DataDigest=CRC32C"}));
  EXPECT_EQ(host.answer("MaxRecvDataSegmentLength"), "(none)") << "declared once";
  host.go(operational, full_feature, "");
  EXPECT_TRUE(host.outcome.finished);
  EXPECT_TRUE(host.machine.parameters().header_digest && host.machine.parameters().data_digest);
}

TEST(Login, NamesAreComparedInLowerCase) {
  Host host;
  host.go(security, full_feature,
          text({"InitiatorName=IQN.2026-11.com.example:OPEN", "TargetName=IQN.2026-11.io.ashlar:Disk"}));
  EXPECT_TRUE(host.outcome.finished) << host.outcome.reason;
  EXPECT_EQ(host.machine.initiator(), open_host);
}

TEST(Login, UnknownKeysAreNotUnderstood) {
  Host host;
  host.go(operational, full_feature, normal(open_host) + text({"X-com.example.z=1", "Frobnicate=Yes"}));
  EXPECT_TRUE(host.outcome.finished);
  EXPECT_EQ(host.answer("X-com.example.z"), "NotUnderstood");
  EXPECT_EQ(host.answer("Frobnicate"), "NotUnderstood");
}

TEST(Login, Discovery) {
  Host host;
  host.go(security, operational, discovery(open_host) + text({"AuthMethod=None"}));
  EXPECT_EQ(host.answer("TargetPortalGroupTag"), "(none)");
  host.go(operational, full_feature, open_iscsi_keys);
  EXPECT_TRUE(host.outcome.finished) << host.outcome.reason;
  EXPECT_EQ(host.answer("MaxBurstLength"), "Irrelevant");
  EXPECT_EQ(host.answer("HeaderDigest"), "None");
  EXPECT_TRUE(host.machine.discovery());
  EXPECT_EQ(host.machine.target(), nullptr);
  EXPECT_EQ(host.machine.view(), nullptr);
  EXPECT_EQ(host.machine.portal_group_tag(), 0);
}

TEST(Login, AnUnknownHostMayDiscoverNothing) {
  Host host;
  host.go(security, full_feature, discovery("iqn.2026-11.com.example:stranger"));
  EXPECT_TRUE(host.outcome.finished) << host.outcome.reason;
}

TEST(Login, TargetsThatAreNotFound) {
  Host unknown;
  expect_refused(
      (unknown.go(security, full_feature, normal(open_host, "iqn.2026-11.io.ashlar:nothing")), unknown),
      Status::not_found);
  Host not_a_name;
  expect_refused((not_a_name.go(security, full_feature, normal(open_host, "nonsense")), not_a_name),
                 Status::not_found);
  Host stranger;
  expect_refused((stranger.go(security, full_feature, normal("iqn.2026-11.com.example:stranger")), stranger),
                 Status::not_found);
  Host other_portal;
  expect_refused((other_portal.go(security, full_feature, normal(open_host, far_target)), other_portal),
                 Status::not_found);
  Host right_portal(make_directory(), far_portal());
  right_portal.go(security, full_feature, normal(open_host, far_target));
  EXPECT_TRUE(right_portal.outcome.finished);
  EXPECT_EQ(right_portal.answer("TargetPortalGroupTag"), "9");
}

TEST(Login, AnyHostSeesATargetForAll) {
  const auto directory = make_directory();
  add_any_target(*directory);
  Host host(directory);
  host.go(security, full_feature, normal("iqn.2026-11.com.example:stranger", any_target));
  EXPECT_TRUE(host.outcome.finished) << host.outcome.reason;
  EXPECT_EQ(host.machine.view()->host, "h-any");
}

TEST(Login, MissingParameters) {
  Host nameless;
  expect_refused((nameless.go(security, full_feature, text({"TargetName=" + disk_target})), nameless),
                 Status::missing_parameter);
  Host targetless;
  expect_refused((targetless.go(security, full_feature, text({"InitiatorName=" + open_host})), targetless),
                 Status::missing_parameter);
  Host silent;
  expect_refused((silent.say(security, ""), silent), Status::missing_parameter);
}

TEST(Login, BadNamesAndTypes) {
  Host bad_name;
  expect_refused((bad_name.go(security, full_feature, normal("not a name")), bad_name),
                 Status::initiator_error);
  Host long_name;
  expect_refused((long_name.go(security, full_feature, normal("iqn." + std::string(300, 'x'))), long_name),
                 Status::initiator_error);
  Host bad_type;
  expect_refused(
      (bad_type.go(security, full_feature, text({"InitiatorName=" + open_host, "SessionType=Recovery"})),
       bad_type),
      Status::session_type_not_supported);
  Host late_type;
  late_type.say(security, text({"InitiatorName=" + open_host, "TargetName=" + disk_target}));
  expect_refused((late_type.say(security, text({"SessionType=Discovery"})), late_type),
                 Status::initiator_error);
}

TEST(Login, Versions) {
  Host newer;
  newer.request.version_max = 3;
  newer.request.version_min = 1;
  expect_refused((newer.go(security, full_feature, normal(open_host)), newer), Status::unsupported_version);
  Host wide;
  wide.request.version_max = 3;
  wide.go(security, full_feature, normal(open_host));
  EXPECT_TRUE(wide.outcome.finished);
  EXPECT_EQ(wide.outcome.response.version_active, 0);
}

TEST(Login, JoiningASessionIsRefused) {
  Host host;
  host.request.tsih = 12;
  expect_refused((host.go(security, full_feature, normal(open_host)), host), Status::session_does_not_exist);
  EXPECT_EQ(host.outcome.response.tsih, 12);
}

// Every current stage, next stage, T and C against a fresh login: what is not listed as good is refused.
TEST(Login, EveryFirstTransition) {
  for (int current = 0; current < 4; ++current) {
    for (int next = 0; next < 4; ++next) {
      for (const bool transit : {false, true}) {
        for (const bool continues : {false, true}) {
          Host host;
          host.request.continues = continues;
          const auto wish = transit ? std::optional(static_cast<Stage>(next)) : std::nullopt;
          host.send(static_cast<Stage>(current), wish, normal(open_host));
          const bool good =
              current < 2 && !(transit && continues) && (!transit || (next != 2 && next > current));
          EXPECT_EQ(host.status() == Status::success, good)
              << current << ' ' << next << ' ' << transit << ' ' << continues;
          EXPECT_EQ(host.outcome.response.transit, good && transit);
          EXPECT_EQ(host.outcome.finished, good && transit && next == 3);
          if (!good) expect_refused(host, Status::initiator_error);
        }
      }
    }
  }
}

TEST(Login, StagesDoNotJump) {
  Host ahead;
  ahead.say(security, normal(open_host));
  expect_refused((ahead.say(operational, ""), ahead), Status::initiator_error);
  Host behind;
  behind.say(operational, normal(open_host));
  expect_refused((behind.say(security, ""), behind), Status::initiator_error);
}

TEST(Login, IdentityIsFixedByTheFirstRequest) {
  const auto refused = [](auto change) {
    Host host;
    host.say(security, normal(open_host));
    change(host.request);
    expect_refused((host.say(security, ""), host), Status::initiator_error);
  };
  refused([](auto& request) { request.isid[5] = 9; });
  refused([](auto& request) { request.connection_id = 2; });
  refused([](auto& request) { request.tsih = 1; });
}

TEST(Login, KeysTwiceOrOutOfPlace) {
  Host twice;
  twice.say(security, normal(open_host));
  expect_refused((twice.say(security, text({"InitiatorName=" + open_host})), twice), Status::initiator_error);
  Host early;
  expect_refused((early.say(security, normal(open_host) + text({"MaxBurstLength=4096"})), early),
                 Status::initiator_error);
  Host inquiry;
  expect_refused((inquiry.say(operational, normal(open_host) + text({"SendTargets=All"})), inquiry),
                 Status::initiator_error);
  Host garbage;
  expect_refused((garbage.say(security, "InitiatorName"), garbage), Status::initiator_error);
  Host declared;
  expect_refused(
      (declared.say(operational, normal(open_host) + text({"MaxRecvDataSegmentLength=1"})), declared),
      Status::initiator_error);
}

TEST(Login, TextOverSeveralRequests) {
  Host host;
  const std::string whole = normal(open_host) + text({"AuthMethod=None"});
  for (size_t i = 0; i + 1 < 10; ++i) {
    host.begin(security, whole.substr(i * 5, 5));
    ASSERT_EQ(host.status(), Status::success);
    EXPECT_TRUE(host.outcome.text.empty());
    EXPECT_FALSE(host.outcome.response.transit);
  }
  host.go(security, operational, whole.substr(45));
  EXPECT_TRUE(host.outcome.response.transit);
  EXPECT_EQ(host.answer("AuthMethod"), "None");
  EXPECT_EQ(host.answer("TargetPortalGroupTag"), "7");
}

TEST(Login, TextOverSeveralRequestsIsBounded) {
  Host host;
  uint32_t taken = 0;
  while (host.status() == Status::success && taken < 100) {
    host.begin(security, "A");
    ++taken;
  }
  EXPECT_EQ(taken, wire::iscsi::max_text_pdus + 1);
  expect_refused(host, Status::initiator_error);
  Host large;
  taken = 0;
  while (large.status() == Status::success && taken < 100) {
    large.begin(security, std::string(LoginMachine::max_data_segment_bytes, 'A'));
    ++taken;
  }
  EXPECT_EQ(taken, wire::iscsi::max_text_bytes / LoginMachine::max_data_segment_bytes + 1);
  Host too_large;
  expect_refused(
      (too_large.say(security, std::string(LoginMachine::max_data_segment_bytes + 1, 'A')), too_large),
      Status::initiator_error);
}

TEST(Login, ALoginDoesNotGoOnForEver) {
  Host host;
  host.say(security, normal(open_host));
  uint32_t requests = 1;
  while (host.status() == Status::success && requests < 1000) {
    host.say(security, "");
    ++requests;
  }
  EXPECT_EQ(requests, LoginMachine::max_requests + 1);
  expect_refused(host, Status::initiator_error);
}

TEST(Login, AdditionalHeadersAreRefused) {
  Host host;
  host.request.additional_header_bytes = 4;
  expect_refused((host.say(security, normal(open_host)), host), Status::initiator_error);
}

TEST(Login, NothingFollowsTheEnd) {
  Host done;
  done.go(security, full_feature, normal(open_host));
  ASSERT_TRUE(done.outcome.finished);
  expect_refused((done.go(security, full_feature, normal(open_host)), done), Status::invalid_during_login);
  Host refused;
  refused.go(security, full_feature, "");
  ASSERT_TRUE(refused.outcome.close);
  expect_refused((refused.go(security, full_feature, normal(open_host)), refused),
                 Status::invalid_during_login);
}

std::string many_unknown_keys(int count) {
  std::string keys;
  for (int i = 0; i < count; ++i) keys += std::string(55, 'K') + std::to_string(100 + i) + "=1" + '\0';
  return keys;
}

// The answer to many unknown keys is longer than one PDU: it goes on with the C bit, and the host only says "go on".
TEST(Login, LongAnswersContinue) {
  Host host;
  host.begin(operational, normal(open_host) + many_unknown_keys(120));
  host.go(operational, full_feature, many_unknown_keys(0));
  std::string whole = host.outcome.text;
  EXPECT_EQ(whole.size(), LoginMachine::max_data_segment_bytes);
  EXPECT_TRUE(host.outcome.response.continues);
  EXPECT_FALSE(host.outcome.response.transit) << "never with the C bit";
  int pieces = 1;
  while (host.outcome.response.continues && pieces < 10) {
    host.go(operational, full_feature, "");
    whole += host.outcome.text;
    ++pieces;
  }
  EXPECT_EQ(pieces, 2);
  EXPECT_TRUE(host.outcome.finished);
  const auto pairs = wire::iscsi::parse_text(whole);
  ASSERT_TRUE(pairs);
  EXPECT_EQ(pairs->size(), 123u);  // 120 unknown ones, portal group, alias, our receive length
}

TEST(Login, NoTextWhileOursIsUnderWay) {
  for (const bool continues : {false, true}) {
    Host host;
    host.say(operational, normal(open_host) + many_unknown_keys(120));
    ASSERT_TRUE(host.outcome.response.continues);
    host.request.continues = continues;
    expect_refused((host.say(operational, continues ? "" : text({"ImmediateData=No"})), host),
                   Status::initiator_error);
  }
}

TEST(Login, EveryTruncationOfALogin) {
  const std::string whole = normal(open_host) + open_iscsi_keys;
  for (size_t size = 0; size < whole.size(); ++size) {
    Host host;
    host.go(operational, full_feature, whole.substr(0, size));
    EXPECT_TRUE(host.outcome.finished || host.outcome.close) << size;
    if (host.outcome.finished) EXPECT_EQ(whole[size - 1], '\0') << size;
  }
}

}  // namespace
}  // namespace ashlar::iscsi::testing
