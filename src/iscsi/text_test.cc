#include "iscsi/text.h"

#include <gtest/gtest.h>

#include "iscsi/login_testing.h"

namespace ashlar::iscsi::testing {
namespace {

using wire::iscsi::RejectReason;
using wire::iscsi::reserved_task_tag;

/// A logged-in host that sends text requests.
class Asker {
 public:
  explicit Asker(TextAsker asker, std::shared_ptr<const Directory> served = make_directory())
      : directory(std::move(served)), exchange(std::move(asker)) {
    request.initiator_task_tag = 21;
  }
  const TextOutcome& send(const std::string& data) {
    request.data_segment_length = static_cast<uint32_t>(data.size());
    outcome = exchange.apply(*directory, request, bytes_of(data), parameters);
    return outcome;
  }
  /// Asks, and says "go on" until the answer is whole.
  std::string ask(const std::string& data) {
    request.target_transfer_tag = reserved_task_tag;
    std::string whole = send(data).text;
    pieces = 1;
    while (!outcome.rejected && outcome.response.continues && pieces < 100000) {
      EXPECT_FALSE(outcome.response.final);
      EXPECT_NE(outcome.response.target_transfer_tag, reserved_task_tag);
      request.target_transfer_tag = outcome.response.target_transfer_tag;
      whole += send("").text;
      ++pieces;
    }
    return whole;
  }
  std::shared_ptr<const Directory> directory;
  TextExchange exchange;
  wire::iscsi::TextRequest request;
  SessionParameters parameters;
  TextOutcome outcome;
  int pieces = 0;
};

TextAsker discovering(const std::string& initiator, Portal portal = near_portal(),
                      std::string local = "192.0.2.1") {
  const uint16_t port = portal.endpoint.port;
  return {initiator, nullptr, std::move(portal), {std::move(local), port}};
}

TextAsker using_disk(const std::string& initiator) {
  return {initiator, make_directory()->targets.at(disk_target), near_portal(), {"192.0.2.1", 3260}};
}

const std::string disk_lines =
    text({"TargetName=" + disk_target, "TargetAddress=192.0.2.1:3260,7", "TargetAddress=192.0.2.1:3262,11"});
const std::string far_lines = text({"TargetName=" + far_target, "TargetAddress=192.0.2.2:3261,9"});

TEST(Text, SendTargetsAllShowsWhatTheHostMaySee) {
  Asker open(discovering(open_host));
  EXPECT_EQ(open.ask(text({"SendTargets=All"})), disk_lines + far_lines);
  EXPECT_TRUE(open.outcome.response.final);
  EXPECT_EQ(open.outcome.response.target_transfer_tag, reserved_task_tag);
  EXPECT_EQ(open.outcome.response.initiator_task_tag, 21u);
  EXPECT_EQ(open.outcome.response.data_segment_length, open.outcome.text.size());
  EXPECT_FALSE(open.exchange.open());
  EXPECT_EQ(Asker(discovering(chap_host)).ask(text({"SendTargets=All"})), disk_lines);
  EXPECT_EQ(Asker(discovering("iqn.2026-11.com.example:stranger")).ask(text({"SendTargets=All"})), "");
}

TEST(Text, SendTargetsByName) {
  EXPECT_EQ(Asker(discovering(open_host)).ask(text({"SendTargets=" + far_target})), far_lines);
  EXPECT_EQ(Asker(discovering(chap_host)).ask(text({"SendTargets=" + far_target})), "")
      << "not for this host";
  EXPECT_EQ(Asker(discovering(open_host)).ask(text({"SendTargets=iqn.2026-11.io.ashlar:nothing"})), "");
  EXPECT_EQ(Asker(discovering(open_host)).ask(text({"SendTargets="})), text({"SendTargets=Reject"}));
}

TEST(Text, ANormalSessionAsksForItsOwnTargetOnly) {
  EXPECT_EQ(Asker(using_disk(open_host)).ask(text({"SendTargets="})), disk_lines);
  EXPECT_EQ(Asker(using_disk(open_host)).ask(text({"SendTargets=" + disk_target})), disk_lines);
  EXPECT_EQ(Asker(using_disk(open_host)).ask(text({"SendTargets=All"})), text({"SendTargets=Reject"}));
  EXPECT_EQ(Asker(using_disk(open_host)).ask(text({"SendTargets=" + far_target})),
            text({"SendTargets=Reject"}));
  EXPECT_EQ(Asker(using_disk(open_host), std::make_shared<Directory>()).ask(text({"SendTargets="})), "")
      << "gone meanwhile";
}

TEST(Text, WildcardPortalsTellTheAddressThatTheHostUsed) {
  const auto lines = [](const TextAsker& asker) {
    return Asker(asker).ask(text({"SendTargets=" + disk_target}));
  };
  EXPECT_EQ(lines(discovering(open_host, wild_portal(), "198.51.100.1")),
            text({"TargetName=" + disk_target, "TargetAddress=192.0.2.1:3260,7",
                  "TargetAddress=198.51.100.1:3262,11"}));
  EXPECT_EQ(lines(discovering(open_host, wild6_portal(), "2001:db8::1")),
            text({"TargetName=" + disk_target, "TargetAddress=192.0.2.1:3260,7",
                  "TargetAddress=[2001:db8::1]:3263,12"}));
  // An IPv4 host on a dual-stack listener.
  EXPECT_EQ(lines(discovering(open_host, wild6_portal(), "::ffff:198.51.100.1")),
            text({"TargetName=" + disk_target, "TargetAddress=192.0.2.1:3260,7",
                  "TargetAddress=198.51.100.1:3262,11", "TargetAddress=198.51.100.1:3263,12"}));
}

// A host that may come from IPv4 addresses alone is refused by every IPv6 portal, and the other way round.
TEST(Text, PortalsThatTheHostCannotUseAreNotShown) {
  const auto seen_from = [](const std::vector<std::string>& ranges, const std::string& peer) {
    const auto directory = make_directory();
    auto target = std::make_shared<Target>(*directory->targets[disk_target]);
    target->portals = {near_portal(), {"six", {"2001:db8::1", 3260}, 8}, {"here", {"127.0.0.1", 3260}, 9}};
    auto view = std::make_shared<unit::HostView>(*make_view("h-open"));
    for (const std::string& each : ranges) view->addresses.push_back(*AddressRange::parse(each, ""));
    target->hosts[open_host] = view;
    directory->targets[disk_target] = target;
    TextAsker asker = discovering(open_host);
    asker.peer = {peer, 40000};
    return Asker(asker, directory).ask(text({"SendTargets=" + disk_target}));
  };
  const std::string name = text({"TargetName=" + disk_target});
  const std::string near = text({"TargetAddress=192.0.2.1:3260,7"});
  const std::string six = text({"TargetAddress=[2001:db8::1]:3260,8"});
  const std::string here = text({"TargetAddress=127.0.0.1:3260,9"});
  EXPECT_EQ(seen_from({}, "198.51.100.9"), name + near + six);
  EXPECT_EQ(seen_from({}, "127.0.0.1"), name + near + six + here);
  EXPECT_EQ(seen_from({}, "::ffff:127.0.0.1"), name + near + six + here);
  EXPECT_EQ(seen_from({}, "192.0.2.1"), name + near + six + here) << "the array's own machine";
  EXPECT_EQ(seen_from({"198.51.100.0/24"}, "198.51.100.9"), name + near);
  EXPECT_EQ(seen_from({"2001:db8::/32"}, "2001:db8::9"), name + six);
  EXPECT_EQ(seen_from({"2001:db8::/32", "127.0.0.0/8"}, "127.0.0.1"), name + near + six + here);
  EXPECT_EQ(seen_from({"::/0"}, "198.51.100.9"), name + near + six);
  EXPECT_EQ(seen_from({"198.51.100.0/24"}, "198.51.101.9"), "") << "a way that does not exist for it";
}

TEST(Text, ATargetWithoutAReachableAddressIsNotShown) {
  const auto directory = make_directory();
  auto hidden = std::make_shared<Target>(*directory->targets[disk_target]);
  hidden->portals = {wild6_portal()};
  directory->targets[disk_target] = hidden;
  EXPECT_EQ(Asker(discovering(open_host), directory).ask(text({"SendTargets=All"})), far_lines);
}

// 1,000 targets for a host that takes 512 bytes a PDU (spdk#1442 overflowed there).
TEST(Text, LongAnswersContinue) {
  const auto directory = std::make_shared<Directory>();
  for (int i = 0; i < 1000; ++i) {
    auto target = std::make_shared<Target>();
    target->name = fmt::format("iqn.2026-11.io.ashlar:{:04}", i);
    target->portals = {near_portal()};
    target->any_host = make_view("any");
    directory->targets[target->name] = target;
  }
  Asker asker(discovering(open_host), directory);
  asker.parameters.initiator_max_receive_data_segment_bytes = 512;
  const std::string whole = asker.ask(text({"SendTargets=All"}));
  std::string expected;
  for (const auto& [name, target] : directory->targets)
    expected += text({"TargetName=" + name, "TargetAddress=192.0.2.1:3260,7"});
  EXPECT_EQ(whole, expected);
  EXPECT_EQ(asker.pieces, static_cast<int>((expected.size() + 511) / 512));
  EXPECT_FALSE(asker.exchange.open());
  asker.parameters.initiator_max_receive_data_segment_bytes = 16777215;
  asker.ask(text({"SendTargets=All"}));
  EXPECT_EQ(asker.pieces, 2) << "one answer PDU is at most 64 KiB";
}

TEST(Text, RequestsContinueToo) {
  Asker asker(discovering(open_host));
  asker.request.final = false;
  asker.request.continues = true;
  asker.send("SendTar");
  ASSERT_FALSE(asker.outcome.rejected);
  EXPECT_TRUE(asker.outcome.text.empty());
  EXPECT_FALSE(asker.outcome.response.final || asker.outcome.response.continues);
  asker.request.target_transfer_tag = asker.outcome.response.target_transfer_tag;
  asker.request.final = true;
  asker.request.continues = false;
  EXPECT_EQ(asker.send(std::string("gets=All\0", 9)).text, disk_lines + far_lines);
}

TEST(Text, RequestsThatContinueAreBounded) {
  Asker asker(discovering(open_host));
  asker.request.final = false;
  asker.request.continues = true;
  uint32_t taken = 0;
  while (!asker.outcome.rejected && taken < 100) {
    asker.send("A");
    asker.request.target_transfer_tag = asker.outcome.response.target_transfer_tag;
    ++taken;
  }
  EXPECT_EQ(taken, wire::iscsi::max_text_pdus + 1);
  Asker large(discovering(open_host));
  EXPECT_TRUE(large.send(std::string(wire::iscsi::max_text_bytes + 1, 'A')).rejected);
}

// F=0: the host has more to say, so the exchange stays open with a tag (RFC 7143 11.10.1).
TEST(Text, AnExchangeOfSeveralSteps) {
  Asker asker(discovering(open_host));
  asker.request.final = false;
  asker.send(text({"MaxRecvDataSegmentLength=65536"}));
  EXPECT_FALSE(asker.outcome.response.final);
  EXPECT_TRUE(asker.exchange.open());
  EXPECT_EQ(asker.parameters.initiator_max_receive_data_segment_bytes, 65536u);
  asker.request.target_transfer_tag = asker.outcome.response.target_transfer_tag;
  asker.request.final = true;
  asker.send(text({"InitiatorAlias=me"}));
  EXPECT_TRUE(asker.outcome.response.final);
  EXPECT_FALSE(asker.exchange.open());
}

TEST(Text, KeysOfFullFeaturePhase) {
  Asker asker(using_disk(open_host));
  const std::string answer = asker.ask(
      text({"MaxRecvDataSegmentLength=4096", "HeaderDigest=CRC32C", "X-a=1", "MaxBurstLength=512"}));
  EXPECT_EQ(answer, text({"HeaderDigest=Reject", "X-a=NotUnderstood", "MaxBurstLength=Reject"}));
  EXPECT_EQ(asker.parameters.initiator_max_receive_data_segment_bytes, 4096u);
  EXPECT_FALSE(asker.parameters.header_digest);
  EXPECT_EQ(asker.parameters.max_burst_bytes, 262144u);
  EXPECT_EQ(asker.ask(text({"MaxRecvDataSegmentLength=8192"})), "") << "again in another exchange is fine";
}

void expect_rejected(Asker& asker, const std::string& data, RejectReason reason) {
  asker.send(data);
  EXPECT_TRUE(asker.outcome.rejected);
  EXPECT_EQ(asker.outcome.reject_reason, reason);
  EXPECT_FALSE(asker.outcome.reason.empty());
  EXPECT_FALSE(asker.exchange.open());
}

TEST(Text, Rejected) {
  Asker both_bits(discovering(open_host));
  both_bits.request.continues = true;
  expect_rejected(both_bits, "", RejectReason::protocol_error);
  Asker tagless(discovering(open_host));
  tagless.request.initiator_task_tag = reserved_task_tag;
  expect_rejected(tagless, "", RejectReason::invalid_pdu_field);
  Asker not_open(discovering(open_host));
  not_open.request.target_transfer_tag = 77;
  expect_rejected(not_open, "", RejectReason::protocol_error);
  Asker garbage(discovering(open_host));
  expect_rejected(garbage, "nonsense", RejectReason::protocol_error);
  Asker twice(discovering(open_host));
  expect_rejected(twice, text({"SendTargets=All", "SendTargets=All"}), RejectReason::protocol_error);
  Asker bad_value(discovering(open_host));
  expect_rejected(bad_value, text({"MaxRecvDataSegmentLength=0"}), RejectReason::protocol_error);
  EXPECT_EQ(bad_value.parameters, SessionParameters{});
}

TEST(Text, AStaleTagIsSeen) {
  Asker asker(discovering(open_host));
  asker.parameters.initiator_max_receive_data_segment_bytes = 16;
  asker.send(text({"SendTargets=All"}));
  const uint32_t first = asker.outcome.response.target_transfer_tag;
  asker.request.target_transfer_tag = first;
  asker.send("");
  ASSERT_FALSE(asker.outcome.rejected);
  EXPECT_NE(asker.outcome.response.target_transfer_tag, first);
  expect_rejected(asker, "", RejectReason::protocol_error);
}

TEST(Text, TextWhileOursIsUnderWay) {
  Asker asker(discovering(open_host));
  asker.parameters.initiator_max_receive_data_segment_bytes = 16;
  asker.send(text({"SendTargets=All"}));
  asker.request.target_transfer_tag = asker.outcome.response.target_transfer_tag;
  expect_rejected(asker, text({"SendTargets=All"}), RejectReason::protocol_error);
}

TEST(Text, ANewRequestGivesUpTheOldExchange) {
  Asker asker(discovering(open_host));
  asker.parameters.initiator_max_receive_data_segment_bytes = 16;
  asker.send(text({"SendTargets=All"}));
  ASSERT_TRUE(asker.exchange.open());
  asker.request.initiator_task_tag = 22;
  EXPECT_EQ(asker.send(text({"InitiatorAlias=me"})).text, "");
  EXPECT_TRUE(asker.outcome.response.final);
  EXPECT_EQ(asker.outcome.response.initiator_task_tag, 22u);
}

}  // namespace
}  // namespace ashlar::iscsi::testing
