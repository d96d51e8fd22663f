#include "iscsi/negotiate.h"

#include <gtest/gtest.h>

#include <map>

namespace ashlar::iscsi {
namespace {

using wire::iscsi::TextPairs;

constexpr Situation operational{.phase = in_operational};
constexpr Situation security{.phase = in_security};
constexpr Situation full_feature{.phase = in_full_feature};
constexpr Situation discovery{.phase = in_operational, .discovery = true};

/// One negotiation with its answers.
struct Talk {
  explicit Talk(const Settings& chosen = {}) : settings(chosen), negotiation(settings) {}
  Result<void> say(const TextPairs& pairs, const Situation& situation = operational) {
    wire::iscsi::TextWriter writer;
    const auto result = negotiation.apply(pairs, situation, writer);
    text = writer.take();
    const auto parsed = wire::iscsi::parse_text(text);
    answers.clear();
    for (const auto& [key, value] : *parsed) answers[std::string(key)] = value;
    return result;
  }
  /// The answer to one pair; "(none)" when there is none, "(error)" when it failed.
  std::string ask(std::string_view key, std::string_view value, const Situation& situation = operational) {
    if (!say({{key, value}}, situation)) return "(error)";
    const auto found = answers.find(std::string(key));
    return found == answers.end() ? "(none)" : found->second;
  }
  Settings settings;
  Negotiation negotiation;
  std::string text;
  std::map<std::string, std::string> answers;
};

std::string ask(std::string_view key, std::string_view value, const Situation& situation = operational,
                const Settings& settings = {}) {
  return Talk(settings).ask(key, value, situation);
}

TEST(Negotiate, TheTableHoldsEveryKeyOnce) {
  const std::set<std::string_view> rfc7143 = {"HeaderDigest",
                                              "DataDigest",
                                              "MaxConnections",
                                              "SendTargets",
                                              "TargetName",
                                              "InitiatorName",
                                              "TargetAlias",
                                              "InitiatorAlias",
                                              "TargetAddress",
                                              "TargetPortalGroupTag",
                                              "InitialR2T",
                                              "ImmediateData",
                                              "MaxRecvDataSegmentLength",
                                              "MaxBurstLength",
                                              "FirstBurstLength",
                                              "DefaultTime2Wait",
                                              "DefaultTime2Retain",
                                              "MaxOutstandingR2T",
                                              "DataPDUInOrder",
                                              "DataSequenceInOrder",
                                              "ErrorRecoveryLevel",
                                              "SessionType",
                                              "TaskReporting",
                                              "iSCSIProtocolLevel",
                                              "X#NodeArchitecture",
                                              "IFMarker",
                                              "OFMarker",
                                              "IFMarkInt",
                                              "OFMarkInt",
                                              "AuthMethod",
                                              "CHAP_A",
                                              "CHAP_I",
                                              "CHAP_C",
                                              "CHAP_N",
                                              "CHAP_R"};
  std::set<std::string_view> names;
  for (const KeyRow& row : key_table()) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_EQ(find_key(row.name), &row);
    const bool number = row.kind == KeyKind::minimum || row.kind == KeyKind::maximum;
    const bool flag = row.kind == KeyKind::boolean_and || row.kind == KeyKind::boolean_or;
    EXPECT_EQ(row.number_wish != nullptr, number) << row.name;
    EXPECT_EQ(row.number != nullptr, number || row.kind == KeyKind::declared_number) << row.name;
    EXPECT_EQ(row.flag != nullptr && row.flag_wish != nullptr, flag) << row.name;
    EXPECT_EQ(row.choose != nullptr, row.kind == KeyKind::list) << row.name;
  }
  EXPECT_EQ(names, rfc7143);
  EXPECT_EQ(find_key("headerdigest"), nullptr);
}

TEST(Negotiate, DefaultsAreTheRfcs) {
  const SessionParameters defaults;
  EXPECT_FALSE(defaults.header_digest || defaults.data_digest);
  EXPECT_EQ(defaults.max_connections, 1u);
  EXPECT_TRUE(defaults.initial_r2t && defaults.immediate_data && defaults.data_pdu_in_order &&
              defaults.data_sequence_in_order);
  EXPECT_EQ(defaults.max_receive_data_segment_bytes, 8192u);
  EXPECT_EQ(defaults.initiator_max_receive_data_segment_bytes, 8192u);
  EXPECT_EQ(defaults.max_burst_bytes, 262144u);
  EXPECT_EQ(defaults.first_burst_bytes, 65536u);
  EXPECT_EQ(defaults.default_time2wait_seconds, 2u);
  EXPECT_EQ(defaults.default_time2retain_seconds, 20u);
  EXPECT_EQ(defaults.max_outstanding_r2t, 1u);
  EXPECT_EQ(defaults.error_recovery_level, 0u);
}

// key, value of the host, our answer with default settings.
struct Row {
  const char* key;
  const char* offered;
  const char* answer;
};

class EveryRow : public ::testing::TestWithParam<Row> {};

TEST_P(EveryRow, IsAnswered) {
  EXPECT_EQ(ask(GetParam().key, GetParam().offered), GetParam().answer)
      << GetParam().key << '=' << GetParam().offered;
}

constexpr Row every_row[] = {
    {"HeaderDigest", "None", "None"},
    {"HeaderDigest", "CRC32C", "CRC32C"},
    {"HeaderDigest", "None,CRC32C", "None"},
    {"HeaderDigest", "CRC32C,None", "CRC32C"},
    {"HeaderDigest", "MD4,CRC32C", "CRC32C"},
    {"HeaderDigest", "MD4", "Reject"},
    {"HeaderDigest", "", "Reject"},
    {"HeaderDigest", "crc32c", "Reject"},
    {"DataDigest", "CRC32C,None", "CRC32C"},
    {"DataDigest", "None", "None"},
    {"DataDigest", "X", "Reject"},
    {"MaxConnections", "1", "1"},
    {"MaxConnections", "65535", "8"},
    {"MaxConnections", "0", "Reject"},
    {"MaxConnections", "65536", "Reject"},
    {"InitialR2T", "Yes", "Yes"},
    {"InitialR2T", "No", "No"},
    {"InitialR2T", "no", "Reject"},
    {"ImmediateData", "Yes", "Yes"},
    {"ImmediateData", "No", "No"},
    {"ImmediateData", "1", "Reject"},
    {"MaxRecvDataSegmentLength", "512", "(none)"},
    {"MaxRecvDataSegmentLength", "16777215", "(none)"},
    {"MaxRecvDataSegmentLength", "511", "(error)"},
    {"MaxRecvDataSegmentLength", "16777216", "(error)"},
    {"MaxRecvDataSegmentLength", "x", "(error)"},
    {"MaxBurstLength", "512", "512"},
    {"MaxBurstLength", "16776192", "1048576"},
    {"MaxBurstLength", "511", "Reject"},
    {"MaxBurstLength", "16777216", "Reject"},
    {"MaxBurstLength", "0x40000", "262144"},
    {"FirstBurstLength", "4096", "4096"},
    {"FirstBurstLength", "16776192", "262144"},
    {"FirstBurstLength", "0", "Reject"},
    {"DefaultTime2Wait", "0", "0"},
    {"DefaultTime2Wait", "2", "2"},
    {"DefaultTime2Wait", "3600", "3600"},
    {"DefaultTime2Wait", "3601", "Reject"},
    {"DefaultTime2Retain", "20", "0"},
    {"DefaultTime2Retain", "0", "0"},
    {"DefaultTime2Retain", "4000", "Reject"},
    {"MaxOutstandingR2T", "1", "1"},
    {"MaxOutstandingR2T", "16", "8"},
    {"MaxOutstandingR2T", "0", "Reject"},
    {"MaxOutstandingR2T", "65536", "Reject"},
    {"DataPDUInOrder", "No", "Yes"},
    {"DataPDUInOrder", "Yes", "Yes"},
    {"DataPDUInOrder", "", "Reject"},
    {"DataSequenceInOrder", "No", "Yes"},
    {"DataSequenceInOrder", "Yes", "Yes"},
    {"DataSequenceInOrder", "Maybe", "Reject"},
    {"ErrorRecoveryLevel", "0", "0"},
    {"ErrorRecoveryLevel", "2", "0"},
    {"ErrorRecoveryLevel", "3", "Reject"},
    {"ErrorRecoveryLevel", "-1", "Reject"},
    {"SessionType", "Normal", "(none)"},
    {"TargetName", "iqn.x", "(none)"},
    {"InitiatorName", "iqn.x", "(none)"},
    {"InitiatorAlias", "me", "(none)"},
    {"TaskReporting", "RFC3720", "RFC3720"},
    {"TaskReporting", "FastAbort,ResponseFence", "ResponseFence"},
    {"TaskReporting", "FastAbort", "Reject"},
    {"iSCSIProtocolLevel", "1", "1"},
    {"iSCSIProtocolLevel", "2", "1"},
    {"iSCSIProtocolLevel", "0", "0"},
    {"iSCSIProtocolLevel", "32", "Reject"},
    {"X#NodeArchitecture", "Linux", "(none)"},
    {"IFMarker", "Yes", "No"},
    {"IFMarker", "No", "No"},
    {"OFMarker", "Yes", "No"},
    {"IFMarkInt", "2048", "Reject"},
    {"OFMarkInt", "1~65535", "Reject"},
    {"X-com.example.speed", "11", "NotUnderstood"},
    {"NoSuchKey", "1", "NotUnderstood"},
    {"headerdigest", "None", "NotUnderstood"},
    {"RDMAExtensions", "Yes", "NotUnderstood"},
    {"X-com.example.speed", "NotUnderstood", "(none)"},
    {"MaxBurstLength", "Irrelevant", "(none)"},
    {"HeaderDigest", "Reject", "(none)"},
    {"TargetAddress", "192.0.2.1:3260,1", "(error)"},
    {"TargetAlias", "x", "(error)"},
    {"TargetPortalGroupTag", "1", "(error)"},
    {"TargetPortalGroupTag", "NotUnderstood", "(none)"},
    {"SendTargets", "All", "(error)"},
    {"AuthMethod", "None", "(error)"},
    {"CHAP_A", "5", "(error)"},
    {"CHAP_N", "x", "(error)"},
};
INSTANTIATE_TEST_SUITE_P(Negotiate, EveryRow, ::testing::ValuesIn(every_row));

TEST(Negotiate, SettingsAreOurWish) {
  Settings settings;
  settings.header_digest = false;
  settings.data_digest = false;
  settings.initial_r2t = true;
  settings.immediate_data = false;
  settings.max_burst_bytes = 65536;
  settings.max_outstanding_r2t = 2;
  EXPECT_EQ(ask("HeaderDigest", "CRC32C,None", operational, settings), "None");
  EXPECT_EQ(ask("DataDigest", "CRC32C", operational, settings), "Reject");
  EXPECT_EQ(ask("InitialR2T", "No", operational, settings), "Yes");
  EXPECT_EQ(ask("ImmediateData", "Yes", operational, settings), "No");
  EXPECT_EQ(ask("MaxBurstLength", "262144", operational, settings), "65536");
  EXPECT_EQ(ask("MaxOutstandingR2T", "8", operational, settings), "2");
}

TEST(Negotiate, WhatIsAnsweredIsInForce) {
  Talk talk;
  ASSERT_TRUE(talk.say({{"HeaderDigest", "CRC32C,None"},
                        {"DataDigest", "CRC32C"},
                        {"InitialR2T", "No"},
                        {"ImmediateData", "No"},
                        {"MaxRecvDataSegmentLength", "65536"},
                        {"FirstBurstLength", "131072"},
                        {"MaxBurstLength", "524288"},
                        {"DefaultTime2Wait", "5"},
                        {"DefaultTime2Retain", "7"},
                        {"MaxOutstandingR2T", "4"},
                        {"TaskReporting", "ResponseFence"},
                        {"iSCSIProtocolLevel", "0"}}));
  SessionParameters expected;
  expected.header_digest = expected.data_digest = true;
  expected.initial_r2t = expected.immediate_data = false;
  expected.initiator_max_receive_data_segment_bytes = 65536;
  expected.max_burst_bytes = 524288;
  expected.first_burst_bytes = 131072;
  expected.default_time2wait_seconds = 5;
  expected.default_time2retain_seconds = 0;
  expected.max_outstanding_r2t = 4;
  expected.task_reporting = "ResponseFence";
  expected.protocol_level = 0;
  EXPECT_EQ(talk.negotiation.parameters(), expected);
}

TEST(Negotiate, ARejectedOfferLeavesTheDefault) {
  Talk talk;
  ASSERT_TRUE(talk.say(
      {{"MaxBurstLength", "1"}, {"InitialR2T", "x"}, {"HeaderDigest", "x"}, {"MaxOutstandingR2T", "0"}}));
  EXPECT_EQ(talk.negotiation.parameters(), SessionParameters{});
}

TEST(Negotiate, FirstBurstNeverAboveMaxBurst) {
  Talk behind;
  ASSERT_TRUE(behind.say({{"FirstBurstLength", "262144"}, {"MaxBurstLength", "131072"}}));
  EXPECT_EQ(behind.answers["FirstBurstLength"], "131072");
  Talk before;
  ASSERT_TRUE(before.say({{"MaxBurstLength", "131072"}, {"FirstBurstLength", "262144"}}));
  EXPECT_EQ(before.answers["FirstBurstLength"], "131072");
  Talk only_max;
  ASSERT_TRUE(only_max.say({{"MaxBurstLength", "4096"}}));
  EXPECT_EQ(only_max.negotiation.parameters().first_burst_bytes, 4096u);
  Talk later;
  ASSERT_TRUE(later.say({{"FirstBurstLength", "65536"}}));
  EXPECT_FALSE(later.say({{"MaxBurstLength", "4096"}}));
}

TEST(Negotiate, AKeyComesOnce) {
  Talk talk;
  ASSERT_TRUE(talk.say({{"MaxBurstLength", "4096"}}));
  const auto again = talk.say({{"MaxBurstLength", "4096"}});
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::protocol_error);
  EXPECT_EQ(again.error().place, "MaxBurstLength");
  EXPECT_FALSE(Talk().say({{"FirstBurstLength", "4096"}, {"FirstBurstLength", "4096"}}));
  EXPECT_FALSE(Talk().say({{"X-a", "1"}, {"X-a", "1"}}));
  EXPECT_FALSE(Talk().say({{"InitiatorName", "a"}, {"InitiatorName", "b"}}));
}

TEST(Negotiate, OperationalKeysStayOutOfSecurity) {
  for (const KeyRow& row : key_table()) {
    const bool allowed = (row.phases & in_security) != 0 && row.from_initiator;
    EXPECT_EQ(Talk().say({{row.name, "1"}}, security).has_value(), allowed) << row.name;
  }
  EXPECT_EQ(ask("X-a", "1", security), "NotUnderstood");
}

TEST(Negotiate, FullFeaturePhaseChangesLittle) {
  Talk talk;
  EXPECT_EQ(talk.ask("MaxRecvDataSegmentLength", "1024", full_feature), "(none)");
  EXPECT_EQ(talk.negotiation.parameters().initiator_max_receive_data_segment_bytes, 1024u);
  EXPECT_EQ(talk.ask("InitiatorAlias", "me", full_feature), "(none)");
  EXPECT_EQ(talk.ask("SendTargets", "All", full_feature), "(none)");
  for (const char* key :
       {"HeaderDigest", "MaxBurstLength", "InitialR2T", "SessionType", "AuthMethod", "CHAP_A", "IFMarker"}) {
    EXPECT_EQ(ask(key, "1", full_feature), "Reject") << key;
  }
}

TEST(Negotiate, WhatDiscoveryHasNoUseForIsIrrelevant) {
  const std::set<std::string_view> irrelevant = {
      "MaxConnections",    "InitialR2T",     "ImmediateData",       "MaxBurstLength", "FirstBurstLength",
      "MaxOutstandingR2T", "DataPDUInOrder", "DataSequenceInOrder", "TaskReporting",  "iSCSIProtocolLevel"};
  for (const KeyRow& row : key_table()) {
    if ((row.phases & in_operational) == 0 || !row.from_initiator) continue;
    EXPECT_EQ(ask(row.name, "1024", discovery) == "Irrelevant", irrelevant.contains(row.name)) << row.name;
  }
  EXPECT_EQ(ask("HeaderDigest", "None", discovery), "None");
}

TEST(Negotiate, OnlyTheFirstConnectionSetsTheSession) {
  const Situation joining{.phase = in_operational, .leading = false};
  EXPECT_EQ(ask("MaxBurstLength", "4096", joining), "(error)");
  EXPECT_EQ(ask("InitialR2T", "No", joining), "(error)");
  EXPECT_EQ(ask("HeaderDigest", "None", joining), "None");
  EXPECT_EQ(ask("MaxRecvDataSegmentLength", "4096", joining), "(none)");
}

TEST(Negotiate, DeclaresOurReceiveLengthOnce) {
  Settings settings;
  settings.max_receive_data_segment_bytes = 131072;
  Negotiation negotiation(settings);
  wire::iscsi::TextWriter writer;
  EXPECT_EQ(negotiation.parameters().max_receive_data_segment_bytes, 8192u);
  negotiation.declare(writer);
  negotiation.declare(writer);
  EXPECT_EQ(writer.text(), std::string("MaxRecvDataSegmentLength=131072\0", 32));
  EXPECT_EQ(negotiation.parameters().max_receive_data_segment_bytes, 131072u);
}

}  // namespace
}  // namespace ashlar::iscsi
