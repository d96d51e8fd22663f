// Who may log in from where, who must prove what to discover, who is sent elsewhere.
#include <gtest/gtest.h>

#include "iscsi/login.h"
#include "iscsi/login_testing.h"
#include "iscsi/text.h"

namespace ashlar::iscsi::testing {
namespace {

// The peer of Host is 198.51.100.9.
std::shared_ptr<Directory> only_from(const std::string& range) {
  auto directory = make_directory();
  auto disk = std::make_shared<Target>(*directory->targets.at(disk_target));
  auto view = std::make_shared<unit::HostView>();
  view->host = "h-open";
  view->addresses = {*AddressRange::parse(range, "")};
  disk->hosts[open_host] = view;
  directory->targets[disk_target] = disk;
  return directory;
}

TEST(LoginAccess, FromWhereItMayCome) {
  Host near(only_from("198.51.100.0/24"));
  near.go(security, full_feature, normal(open_host));
  EXPECT_TRUE(near.outcome.finished) << near.outcome.reason;
  Host far(only_from("203.0.113.0/24"));
  far.go(security, full_feature, normal(open_host));
  EXPECT_EQ(far.status(), Status::not_found) << "it does not learn that the target is there";
}

TEST(LoginAccess, SendTargetsKeepsToAddresses) {
  for (const auto& [range, told] : {std::pair{"198.51.100.9", true}, std::pair{"203.0.113.0/24", false}}) {
    wire::iscsi::TextWriter answer;
    send_targets(*only_from(range),
                 {open_host, nullptr, near_portal(), {"192.0.2.1", 3260}, {"198.51.100.9", 4}}, "All",
                 answer);
    EXPECT_EQ(answer.text().find(disk_target) != std::string::npos, told) << range;
  }
}

std::shared_ptr<Directory> redirected(bool permanent) {
  auto directory = make_directory();
  auto disk = std::make_shared<Target>(*directory->targets.at(disk_target));
  disk->redirect = "192.0.2.77:3260";
  disk->redirect_permanent = permanent;
  directory->targets[disk_target] = disk;
  return directory;
}

TEST(LoginAccess, ARedirectNamesTheOtherAddress) {
  for (const bool permanent : {false, true}) {
    Host host(redirected(permanent));
    host.go(security, operational, normal(open_host));
    EXPECT_EQ(host.status(), permanent ? Status::target_moved_permanently : Status::target_moved_temporarily);
    EXPECT_TRUE(host.outcome.close);
    EXPECT_FALSE(host.outcome.response.transit);
    // RFC 7143 13.8: without a portal group tag.
    EXPECT_EQ(host.answer("TargetAddress"), "192.0.2.77:3260");
    EXPECT_EQ(host.outcome.response.data_segment_length, host.outcome.text.size());
  }
  Host stranger(redirected(true));
  stranger.go(security, operational, normal("iqn.2026-11.com.example:nobody"));
  EXPECT_EQ(stranger.status(), Status::not_found) << "a stranger is told nothing";
}

Portal guarded_portal() {
  Portal portal = near_portal();
  portal.discovery_chap = {"finder", "finderfinder", "", ""};
  return portal;
}

std::string proof(const Host& host, std::string_view secret) {
  const auto challenge = wire::iscsi::parse_binary("CHAP_C", host.answer("CHAP_C"), max_chap_bytes);
  const auto identifier = static_cast<uint8_t>(std::stoi(host.answer("CHAP_I")));
  return wire::iscsi::binary_as_hex(*chap_response(ChapAlgorithm::sha256, identifier, secret, *challenge));
}

TEST(LoginAccess, DiscoveryHasAProofOfItsOwn) {
  Host none(make_directory(), guarded_portal());
  none.go(security, full_feature, discovery(open_host) + text({"AuthMethod=None"}));
  EXPECT_EQ(none.status(), Status::authentication_failure);
  Host silent(make_directory(), guarded_portal());
  silent.go(security, full_feature, discovery(open_host));
  EXPECT_EQ(silent.status(), Status::authentication_failure);
  Host right(make_directory(), guarded_portal());
  right.say(security, discovery(open_host) + text({"AuthMethod=CHAP,None"}));
  EXPECT_EQ(right.answer("AuthMethod"), "CHAP");
  right.say(security, text({"CHAP_A=7"}));
  right.go(security, full_feature, text({"CHAP_N=finder", "CHAP_R=" + proof(right, "finderfinder")}));
  EXPECT_TRUE(right.outcome.finished) << right.outcome.reason;
  Host of_session(make_directory(), guarded_portal());
  of_session.say(security, discovery(chap_host) + text({"AuthMethod=CHAP"}));
  of_session.say(security, text({"CHAP_A=7"}));
  of_session.go(security, full_feature, text({"CHAP_N=alice", "CHAP_R=" + proof(of_session, chap_secret)}));
  EXPECT_EQ(of_session.status(), Status::authentication_failure) << "a session's secret is not discovery's";
  Host session(make_directory(), guarded_portal());
  session.go(security, full_feature, normal(open_host));
  EXPECT_TRUE(session.outcome.finished) << "normal sessions are not asked: " << session.outcome.reason;
}

TEST(LoginAccess, ASourceThatIsHeldBackMayNotTry) {
  Host host;
  host.machine.hold_back(loop::milliseconds(1500));
  host.say(security, normal(chap_host) + text({"AuthMethod=CHAP"}));
  EXPECT_EQ(host.status(), Status::service_unavailable) << "which hosts try again";
  EXPECT_NE(host.outcome.reason.find("in 2 s"), std::string::npos) << host.outcome.reason;
  Host begun;  // a challenge that was had before the failures is no way around it
  begun.say(security, normal(chap_host) + text({"AuthMethod=CHAP"}));
  begun.say(security, text({"CHAP_A=7"}));
  begun.machine.hold_back(loop::seconds(1));
  begun.go(security, full_feature, text({"CHAP_N=alice", "CHAP_R=" + proof(begun, chap_secret)}));
  EXPECT_EQ(begun.status(), Status::service_unavailable);
  Host open;
  open.machine.hold_back(loop::seconds(1));
  open.go(security, full_feature, normal(open_host));
  EXPECT_TRUE(open.outcome.finished) << "who needs no proof does not wait";
}

}  // namespace
}  // namespace ashlar::iscsi::testing
