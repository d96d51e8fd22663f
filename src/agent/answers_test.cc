// What the agent says: lists, texts for hosts, metrics, its health, times.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/clock.h"
#include "agent/connect_text.h"
#include "agent/exposition.h"
#include "agent/health.h"
#include "agent/list_query.h"
#include "agent/resource_json.h"
#include "api/testing.h"

namespace ashlar::agent {
namespace {

using api::Json;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

std::vector<Json> items() {
  return {{{"name", "b"}, {"size", 20}, {"status", {{"state", "online"}}}},
          {{"name", "a"}, {"size", 100}, {"status", {{"state", "failed"}}}},
          {{"name", "c"}, {"size", 3}, {"list", {1, 2}}}};
}

std::string listed(const Json& query) {
  const auto page = run_list_query(items(), query);
  if (!page) return page.error().text();
  std::string names;
  for (const Json& each : (*page)["items"]) names += each.value("name", "-");
  return fmt::format("{} of {} next {}", names, (*page)["total"].get<int>(), (*page)["next"].dump());
}

TEST(ListQuery, Filters) {
  EXPECT_EQ(listed(Json::object()), "bac of 3 next null");
  EXPECT_EQ(listed({{"filter", "name==a"}}), "a of 1 next null");
  EXPECT_EQ(listed({{"filter", "name!=a"}}), "bc of 2 next null");
  EXPECT_EQ(listed({{"filter", "size>19"}}), "ba of 2 next null") << "as numbers";
  EXPECT_EQ(listed({{"filter", "size<20,name!=c"}}), " of 0 next null");
  EXPECT_EQ(listed({{"filter", "status.state~line"}}), "b of 1 next null");
  EXPECT_EQ(listed({{"filter", "status.state=="}}), "c of 1 next null") << "what is not there is empty";
  EXPECT_EQ(listed({{"filter", "name.first==a"}}), " of 0 next null");
  EXPECT_EQ(listed({{"filter", "list~2"}}), "c of 1 next null");
  EXPECT_THAT(listed({{"filter", "name"}}), HasSubstr("filter: 'name' is not FIELD==VALUE"));
  EXPECT_THAT(listed({{"filter", "==a"}}), HasSubstr("filter"));
}

TEST(ListQuery, SortsAndPages) {
  EXPECT_EQ(listed({{"sort", "name"}}), "abc of 3 next null");
  EXPECT_EQ(listed({{"sort", "-size"}}), "abc of 3 next null") << "100, 20, 3";
  EXPECT_EQ(listed({{"sort", "status.state,-name"}}), "cab of 3 next null");
  EXPECT_EQ(listed({{"sort", "name"}, {"limit", 2}}), "ab of 3 next \"2\"");
  EXPECT_EQ(listed({{"sort", "name"}, {"limit", 2}, {"cursor", "2"}}), "c of 3 next null");
  EXPECT_EQ(listed({{"cursor", "99"}}), " of 3 next null");
  EXPECT_EQ(listed({{"cursor", "18446744073709551615"}, {"limit", 1000}}), " of 3 next null");
  for (const char* bad : {"x", "-1", "1x", "99999999999999999999"})
    EXPECT_THAT(listed({{"cursor", bad}}), HasSubstr("cursor")) << bad;
}

TEST(ListQuery, Fields) {
  const auto page = run_list_query(items(), {{"fields", "name,status.state,nothing"}});
  ASSERT_TRUE(page);
  EXPECT_EQ((*page)["items"][0].dump(), R"({"name":"b","status":{"state":"online"}})");
  EXPECT_EQ((*page)["items"][2].dump(), R"({"name":"c"})");
}

class ConnectText : public testing::Test {
 protected:
  ConnectText() : all_(api::testing::small_configuration()) {
    all_.portals.push_back({.name = "san-b", .address = "2001:db8::1"});
    all_.targets[0].portals.clear();
  }
  std::string text(const std::string& format, const std::string& host = "web1",
                   const std::string& volume = "db1") {
    const auto text = connect_text(all_, volume, host, format);
    return text ? *text : text.error().text();
  }
  api::Configuration all_;
};

TEST_F(ConnectText, EveryFormatNamesWhatItNeeds) {
  const std::string target = all_.targets[0].name;
  EXPECT_THAT(text("linux"),
              AllOf(HasSubstr("iscsiadm"), HasSubstr(target), HasSubstr("192.0.2.10:3260"),
                    HasSubstr("[2001:db8::1]:3260"), HasSubstr("wwn-0x3111111111111111"), HasSubstr("web1")));
  EXPECT_THAT(text("windows"), AllOf(HasSubstr("Connect-IscsiTarget -NodeAddress " + target),
                                     HasSubstr("ONEWAYCHAP"), HasSubstr("SerialNumber -eq 'A1'")));
  EXPECT_THAT(text("esxi"), AllOf(HasSubstr("esxcli iscsi"), HasSubstr("naa.3111111111111111")));
  EXPECT_THAT(text("proxmox"), AllOf(HasSubstr("pvesm add iscsi db1"), HasSubstr(target)));
  EXPECT_THAT(text("k8s"), AllOf(HasSubstr("kind: PersistentVolume"), HasSubstr("lun: 0"),
                                 HasSubstr("portals: [\"[2001:db8::1]:3260\"]")));
  EXPECT_THAT(text("xen"), AllOf(HasSubstr("device-config:SCSIid=33111111111111111"), HasSubstr(target),
                                 HasSubstr("192.0.2.10,2001:db8::1"), HasSubstr("chapuser=web1")));
  for (const char* format : {"linux", "windows", "esxi", "proxmox", "xen", "k8s"})
    EXPECT_THAT(text(format), Not(HasSubstr("secret:"))) << format;
}

TEST_F(ConnectText, SeveralWaysNeedMultipathSoftware) {
  all_.volumes[0].identity.vendor = "ACME";
  const std::pair<const char*, const char*> lines[] = {
      {"linux", "vendor \"ACME\""},
      {"linux", "prio alua"},
      {"windows", "Enable-MSDSMAutomaticClaim -BusType iSCSI"},
      {"esxi", "--psp=VMW_PSP_RR"},
      {"esxi", "--vendor=\"ACME\""},
      {"xen", "multipathing=true"}};
  for (const auto& [format, line] : lines) EXPECT_THAT(text(format), HasSubstr(line)) << format;
  all_.portals.pop_back();
  for (const auto& [format, line] : lines) EXPECT_THAT(text(format), Not(HasSubstr(line))) << format;
}

TEST_F(ConnectText, WithoutAFormatItIsThatOfTheHost) {
  for (const char* os : {"linux", "windows", "esxi", "proxmox", "xen"}) {
    all_.hosts[0].os = os;
    EXPECT_EQ(text(""), text(os));
  }
  all_.hosts[0].os = "generic";
  EXPECT_EQ(text(""), text("linux"));
}

TEST_F(ConnectText, ThroughAGroupAndWithoutChap) {
  all_.maps[0].host.clear();
  all_.maps[0].host_group = "web";
  all_.maps[0].lun = 5;
  EXPECT_THAT(text("k8s", "web2"), AllOf(HasSubstr("lun: 5"), Not(HasSubstr("chap"))));
  EXPECT_THAT(text("windows", "web2"), Not(HasSubstr("CHAP")));
}

TEST_F(ConnectText, OverNvmeTcp) {
  all_.portals.push_back({.name = "n", .protocol = "nvme-tcp", .address = "192.0.2.11", .port = 4420});
  all_.targets.push_back({.name = "nqn.2026-11.io.ashlar:one", .protocol = "nvme-tcp"});
  all_.hosts[1].initiators = {"nqn.2014-08.org.nvmexpress:uuid:web2"};
  all_.maps.push_back(
      {.name = "db1.web2", .volume = "db1", .target = all_.targets[1].name, .host = "web2", .lun = 3});
  EXPECT_THAT(text("linux", "web2"),
              AllOf(HasSubstr("nvme connect -t tcp -a 192.0.2.11 -s 4420 -n nqn.2026-11.io.ashlar:one"),
                    HasSubstr("namespace 4"),
                    HasSubstr("echo nqn.2014-08.org.nvmexpress:uuid:web2 > /etc/nvme/hostnqn"),
                    HasSubstr("nvmf-autoconnect"), Not(HasSubstr("3260"))));
  EXPECT_THAT(text("esxi", "web2"), HasSubstr("--subsystem-nqn=nqn.2026-11.io.ashlar:one"));
  EXPECT_THAT(text("windows", "web2"), HasSubstr("has no words for NVMe/TCP"));
  // A host that has it both ways is told both.
  all_.maps.push_back(
      {.name = "both", .volume = "db1", .target = all_.targets[1].name, .host = "web1", .lun = 3});
  EXPECT_THAT(text("linux"), AllOf(HasSubstr("iscsiadm"), HasSubstr("nvme connect")));
  EXPECT_THAT(text("k8s"), HasSubstr("PersistentVolume"));
}

TEST_F(ConnectText, OverNvmeTcpWithAProof) {
  all_.portals.push_back({.name = "n", .protocol = "nvme-tcp", .address = "192.0.2.11", .port = 4420});
  all_.targets.push_back({.name = "nqn.2026-11.io.ashlar:one", .protocol = "nvme-tcp"});
  all_.hosts[1].initiators = {"nqn.2014-08.org.nvmexpress:uuid:web2"};
  all_.maps.push_back(
      {.name = "db1.web2", .volume = "db1", .target = all_.targets[1].name, .host = "web2", .lun = 3});
  EXPECT_THAT(text("linux", "web2"), Not(HasSubstr("dhchap")));
  all_.hosts[1].chap = api::Chap{.user = "u", .secret = "secret:1"};
  EXPECT_THAT(text("linux", "web2"), HasSubstr("ashlar host set web2 --dhchap-key generate"));
  all_.hosts[1].dhchap = api::Dhchap{.key = "secret:2"};
  EXPECT_THAT(text("linux", "web2"),
              AllOf(HasSubstr("-n nqn.2026-11.io.ashlar:one --dhchap-secret=KEY\n"), HasSubstr("chmod 600"),
                    Not(HasSubstr("ctrl-secret")), Not(HasSubstr("secret:"))));
  all_.hosts[1].dhchap->controller_key = "secret:3";
  EXPECT_THAT(
      text("linux", "web2"),
      HasSubstr(
          "echo '-t tcp -a 192.0.2.11 -s 4420 --dhchap-secret=KEY --dhchap-ctrl-secret=CONTROLLER_KEY'"));
  EXPECT_THAT(text("esxi", "web2"), HasSubstr("DH-HMAC-CHAP"));
}

TEST_F(ConnectText, AHostWithNamesOfBothProtocolsIsToldTheRightOne) {
  all_.hosts[0].initiators.insert(all_.hosts[0].initiators.begin(), "nqn.2014-08.org.nvmexpress:uuid:web1");
  EXPECT_THAT(text("linux"), AllOf(HasSubstr("echo InitiatorName=iqn."), Not(HasSubstr("nqn."))));
  EXPECT_THAT(text("xen"), AllOf(HasSubstr("iscsi-iqn=iqn."), Not(HasSubstr("nqn."))));
  all_.hosts[0].initiators.pop_back();
  EXPECT_THAT(text("linux"), Not(HasSubstr("InitiatorName")));
}

TEST_F(ConnectText, WhatIsNotThereIsSaid) {
  EXPECT_THAT(text("linux", "web2"), AllOf(HasSubstr("host: volume db1 is not mapped to host web2"),
                                           HasSubstr("ashlar map create")));
  EXPECT_THAT(text("linux", "web9"), HasSubstr("host: there is no host 'web9'"));
  EXPECT_THAT(text("linux", "web1", "db9"), HasSubstr("volumes/db9: there is no volume"));
  EXPECT_THAT(text("amiga"), HasSubstr("format: 'amiga' is none of linux"));
  all_.portals.clear();
  EXPECT_THAT(text("linux"), HasSubstr("portals: target"));
}

TEST_F(ConnectText, OverNvmeTcpByTls) {
  for (const char* tls : {"off", "allowed", "required"})
    all_.portals.push_back(
        {.name = tls, .protocol = "nvme-tcp", .address = "192.0.2.11", .port = 4420, .tls = tls});
  all_.portals[3].address = "192.0.2.12";
  all_.portals[4].address = "192.0.2.13";
  all_.targets.push_back({.name = "nqn.2026-11.io.ashlar:one", .protocol = "nvme-tcp"});
  all_.hosts[1].initiators = {"nqn.2014-08.org.nvmexpress:uuid:web2"};
  all_.maps.push_back(
      {.name = "m", .volume = "db1", .target = all_.targets[1].name, .host = "web2", .lun = 3});
  EXPECT_THAT(text("linux", "web2"),
              AllOf(HasSubstr("nvme connect -t tcp -a 192.0.2.12 -s 4420 -n nqn.2026-11.io.ashlar:one\n"),
                    HasSubstr("# Not by required: TLS is required there"), Not(HasSubstr("--tls")),
                    Not(HasSubstr("tlshd"))));
  all_.hosts[1].tls_key = "secret:1";
  EXPECT_THAT(text("linux", "web2"),
              AllOf(HasSubstr("-a 192.0.2.12 -s 4420 -n nqn.2026-11.io.ashlar:one --tls\n"),
                    HasSubstr("-a 192.0.2.13 -s 4420 -n nqn.2026-11.io.ashlar:one --tls\n"),
                    HasSubstr("# Not by off: this host must come by TLS"), HasSubstr("tlshd"),
                    HasSubstr("--hostnqn=nqn.2014-08.org.nvmexpress:uuid:web2 --keydata=TLS_KEY"),
                    Not(HasSubstr("secret:")), Not(HasSubstr("nvme connect -t tcp -a 192.0.2.11"))));
  all_.hosts[1].tls_optional = true;
  EXPECT_THAT(text("linux", "web2"),
              HasSubstr("nvme connect -t tcp -a 192.0.2.11 -s 4420 -n nqn.2026-11.io.ashlar:one\n"));
}

TEST(Exposition, FamiliesStayTogetherAndLabelsAreEscaped) {
  Exposition out;
  out.family("a", "counter", "First.");
  out.family("b", "histogram", "Second.");
  out.family("empty", "gauge", "Nothing.");
  out.value("a", {{"name", "one"}}, 1);
  out.bucket("b", {{"x", "y"}}, "0.5", 2);
  out.value("b_sum", {}, 0.25);
  out.value("b_count", {}, 2);
  out.value("a", {{"name", "back\\slash \"quote\"\nline"}}, 1e18);
  out.family("a", "gauge", "Said again.");
  EXPECT_EQ(out.text(),
            "# HELP a First.\n# TYPE a counter\na{name=\"one\"} 1\n"
            "a{name=\"back\\\\slash \\\"quote\\\"\\nline\"} 1e+18\n"
            "# HELP b Second.\n# TYPE b histogram\nb_bucket{x=\"y\",le=\"0.5\"} 2\nb_sum 0.25\nb_count 2\n");
}

notify::Alert alert_of(const std::string& severity, notify::AlertState state) {
  notify::Alert alert;
  alert.id = "rule~x";
  alert.severity = severity;
  alert.message = "Something is wrong.";
  alert.state = state;
  return alert;
}

TEST(Health, OneSentenceThatIsTrue) {
  rpc::EngineStatus engine;
  engine.volumes.resize(1);
  engine.sessions = 2;
  Health health = health_of(engine, {}, {}, {});
  EXPECT_EQ(health.state, "ok");
  EXPECT_EQ(health.sentence, "All is well: 1 volume, 2 sessions of hosts.");
  EXPECT_THAT(health.advice, IsEmpty());
  health = health_of({}, {}, {}, {});
  EXPECT_EQ(health.state, "critical");
  EXPECT_THAT(health.sentence, HasSubstr("engine does not answer"));
  health = health_of(engine, {{"volumes/db1", "gone"}}, {}, {});
  EXPECT_EQ(health.state, "critical");
  EXPECT_THAT(health.sentence, HasSubstr("volumes/db1 is not served: gone."));
  health = health_of(engine, {}, {}, {"000007.json is damaged"});
  EXPECT_EQ(health.state, "warning");
  EXPECT_THAT(health.sentence, HasSubstr("1 of the configuration's files"));
}

TEST(Health, Alerts) {
  using enum notify::AlertState;
  const rpc::EngineStatus engine;
  EXPECT_EQ(
      health_of(engine, {}, {alert_of("critical", acknowledged), alert_of("critical", cleared)}, {}).state,
      "ok");
  Health health = health_of(engine, {}, {alert_of("warning", raised)}, {});
  EXPECT_EQ(health.state, "warning");
  EXPECT_THAT(health.sentence, HasSubstr("1 alert waits for you"));
  EXPECT_THAT(health.advice, ElementsAre("Something is wrong. (rule~x)"));
  health = health_of(engine, {}, {alert_of("warning", raised), alert_of("critical", raised)}, {});
  EXPECT_EQ(health.state, "critical");
  EXPECT_THAT(health.sentence, HasSubstr("2 alerts wait for you"));
  EXPECT_EQ(health_of(engine, {}, std::vector(100, alert_of("warning", raised)), {}).advice.size(), 5u);
}

TEST(Clock, ThereAndBack) {
  EXPECT_EQ(rfc3339(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(rfc3339(1'763'666'704), "2025-11-20T19:25:04Z");
  for (const int64_t each : {int64_t{0}, int64_t{1'800'000'000}, int64_t{253'402'300'799}})
    EXPECT_EQ(parse_rfc3339(rfc3339(each)), each);
  EXPECT_EQ(parse_rfc3339("2025-11-20T19:25:04.999Z"), 1'763'666'704);
  EXPECT_EQ(parse_rfc3339("2025-11-20T19:25:04+00:00"), 1'763'666'704);
  for (const char* bad :
       {"", "now", "2025-11-20", "2025-11-20T19:25:04", "2025-11-20T19:25:04+01:00", "2025-11-20T19:25:04Zz"})
    EXPECT_FALSE(parse_rfc3339(bad)) << bad;
}

TEST(ResourceJson, EtagsFollowEveryValue) {
  const Json one = {{"name", "a"}, {"secret", "secret:1"}};
  Json other = one;
  EXPECT_EQ(etag_of(one), etag_of(other));
  other["secret"] = "secret:2";
  EXPECT_NE(etag_of(one), etag_of(other)) << "a new secret is a change";
  EXPECT_TRUE(check_match("*", one, "x"));
  EXPECT_TRUE(check_match(etag_of(other) + ", " + etag_of(one), one, "x"));
  EXPECT_EQ(check_match(etag_of(other), one, "x").error().code, ErrorCode::stale);
}

TEST(ResourceJson, MergePatchesOfTheStandard) {  // RFC 7396, appendix A
  const std::vector<std::array<const char*, 3>> cases = {
      {R"({"a":"b"})", R"({"a":"c"})", R"({"a":"c"})"},
      {R"({"a":"b"})", R"({"b":"c"})", R"({"a":"b","b":"c"})"},
      {R"({"a":"b"})", R"({"a":null})", R"({})"},
      {R"({"a":["b"]})", R"({"a":"c"})", R"({"a":"c"})"},
      {R"({"a":{"b":"c"}})", R"({"a":{"b":"d","c":null}})", R"({"a":{"b":"d"}})"},
      {R"({"a":"foo"})", R"(null)", R"(null)"},
      {R"(["a","b"])", R"(["c","d"])", R"(["c","d"])"},
      {R"({"e":null})", R"({"a":1})", R"({"e":null,"a":1})"},
      {R"([1,2])", R"({"a":"b","c":null})", R"({"a":"b"})"},
      {R"({})", R"({"a":{"bb":{"ccc":null}}})", R"({"a":{"bb":{}}})"}};
  for (const auto& [target, patch, result] : cases) {
    Json value = *api::parse_json(target);
    merge_patch(value, *api::parse_json(patch));
    EXPECT_EQ(value.dump(), result);
  }
}

TEST(ResourceJson, WhatIsUsedIsNamed) {
  const api::Configuration all = api::testing::small_configuration();
  const auto users_of = [&](const char* kind, const std::string& name) {
    const auto unused = check_unused(all, *api::find_kind(kind), name);
    return unused ? std::string() : unused.error().message;
  };
  EXPECT_THAT(users_of("pools", "p0"), HasSubstr("volume db1"));
  EXPECT_THAT(users_of("hosts", "web1"), HasSubstr("map db1.web1, host group web"));
  EXPECT_THAT(users_of("hosts", "web2"), HasSubstr("host group web"));
  EXPECT_THAT(users_of("portals", "san-a"), HasSubstr("target iqn.2026-11.io.ashlar:one"));
  EXPECT_THAT(users_of("targets", "iqn.2026-11.io.ashlar:one"), HasSubstr("map db1.web1"));
  EXPECT_THAT(users_of("users", "alice"), HasSubstr("token ansible"));
  EXPECT_THAT(users_of("alert-channels", "ops"), HasSubstr("alert rule pool-full"));
  EXPECT_EQ(users_of("host-groups", "web"), "");
}

}  // namespace
}  // namespace ashlar::agent
