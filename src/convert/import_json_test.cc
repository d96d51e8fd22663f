// targetcli's and nvmetcli's configurations, field by field.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "convert/testing.h"

namespace ashlar::convert {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using namespace testing;

TEST(ImportTargetcli, VolumesKeepTheirIdentity) {
  const Import import = imported(example("targetcli/rhel9.json"), Source::targetcli);
  const api::Configuration& all = import.configuration;
  ASSERT_EQ(all.volumes.size(), 3u);
  const api::Volume& disk = named(all.volumes, "disk01");
  EXPECT_EQ(disk, (api::Volume{.name = "disk01",
                               .pool = "import-1",
                               .size_bytes = 10737418240,
                               .thin = true,
                               .write_cache = true,
                               .identity = {.naa = "6001405ea54b27a7e2a45c5af31933aa",
                                            .uuid = "ea54b27a-7e2a-45c5-af31-933aa92c0bd1",
                                            .serial = "ea54b27a-7e2a-45c5-af31-933aa92c0bd1",
                                            .vendor = "LIO-ORG",
                                            .product = "disk01",
                                            .revision = "4.0"},
                               .backing = "disk01.img"}));
  const api::Volume& db = named(all.volumes, "db");
  EXPECT_EQ(db, (api::Volume{.name = "db",
                             .pool = "import-devices",
                             .device = "/dev/vg_san/db",
                             .block_bytes = 4096,
                             .thin = false,
                             .read_only = true,
                             .identity = {.naa = "6001405b7f4d2c19a3e4f528c0d2e1a6",
                                          .uuid = "b7f4d2c1-9a3e-4f52-8c0d-2e1a6b7c9d84",
                                          .serial = "b7f4d2c1-9a3e-4f52-8c0d-2e1a6b7c9d84",
                                          .vendor = "LIO-ORG",
                                          .product = "IBLOCK",
                                          .revision = "4.0"},
                             .backing = "/dev/vg_san/db"}));
  const api::Volume& scratch = named(all.volumes, "scratch");
  EXPECT_EQ(scratch.pool, "import-memory");
  EXPECT_EQ(scratch.size_bytes, 1u << 30);
  EXPECT_TRUE(scratch.thin) << "memory cannot be reserved";
  EXPECT_EQ(scratch.identity.naa,
            "6001405ea0100000000000000000000" + std::string("0"));  // e, a, 0, 1 are its hex digits
  EXPECT_EQ(scratch.identity.serial, "short-serial-01");
  EXPECT_EQ(scratch.identity.uuid, "");
  EXPECT_EQ(named(all.pools, "import-1").path, "/srv/iscsi/vm store");
  EXPECT_EQ(named(all.pools, "import-1").kind, "dir");
  EXPECT_THAT(named(all.pools, "import-devices").devices, ElementsAre("/dev/vg_san/db"));
  EXPECT_EQ(named(all.pools, "import-memory").kind, "memory");
}

TEST(ImportTargetcli, AccessStays) {
  const Import import = imported(example("targetcli/rhel9.json"), Source::targetcli);
  const api::Configuration& all = import.configuration;
  const std::string iqn = "iqn.2003-01.org.linux-iscsi.san0.x8664:sn.5a8a9d7e0c1b";
  ASSERT_EQ(all.targets.size(), 1u);
  EXPECT_EQ(all.targets[0].name, iqn);
  EXPECT_EQ(all.targets[0].alias, "LIO Target");
  EXPECT_THAT(all.targets[0].portals, ElementsAre("import-portal-1", "import-portal-2"));
  EXPECT_EQ(all.portals[0],
            (api::Portal{.name = "import-portal-1", .address = "192.0.2.20", .group_tag = 5}));
  EXPECT_EQ(
      all.portals[1],
      (api::Portal{.name = "import-portal-2", .address = "2001:db8::20", .port = 3261, .group_tag = 5}));
  ASSERT_EQ(all.hosts.size(), 1u);
  EXPECT_EQ(all.hosts[0], (api::Host{.name = "node1",
                                     .initiators = {"iqn.1994-05.com.redhat:node1"},
                                     .chap = api::Chap{.user = "node1",
                                                       .secret = "S3cret-node1-in",
                                                       .mutual_user = "san0",
                                                       .mutual_secret = "S3cret-target-out"}}));
  EXPECT_THAT(maps_of(import), ElementsAre("db " + iqn + " node1 7 ro", "disk01 " + iqn + " node1 1"));
  EXPECT_EQ(all.maps[1].name, "disk01.node1");
}

TEST(ImportTargetcli, WhatIsLeftOutIsSaid) {
  const Import import = imported(example("targetcli/rhel9.json"), Source::targetcli);
  EXPECT_THAT(why_left_out(import, "pscsi tape"), HasSubstr("SCSI commands"));
  EXPECT_THAT(why_left_out(import, "user ceph1"), HasSubstr("cannot be served"));
  EXPECT_THAT(why_left_out(import, "naa.21000024ff314c48 of fabric qla2xxx"), HasSubstr("only iSCSI"));
  EXPECT_EQ(where_left_out(import, "fabric loopback"), "/targets/2");
  EXPECT_THAT(why_left_out(import, "LUN 4 (/backstores/pscsi/tape)"), HasSubstr("left out"));
  EXPECT_THAT(why_left_out(import, "LUN 9 of iqn.1994-05.com.redhat:Node1"), HasSubstr("no such LUN"));
  EXPECT_EQ(where_left_out(import, "LUN 9 of"), "/targets/0/tpgs/0/node_acls/0/mapped_luns/2");
  EXPECT_THAT(why_left_out(import, "access of iqn.1994-05.com.redhat:node2"), HasSubstr("12 to 255 bytes"));
  EXPECT_THAT(why_left_out(import, "iser"), HasSubstr("RDMA"));
  EXPECT_EQ(where_left_out(import, "is_nonrot 0"), "/storage_objects/0/attributes");
  EXPECT_EQ(where_left_out(import, "emulate_caw 1"), "/storage_objects/0/attributes");
  EXPECT_EQ(why_left_out(import, "alua_tpgs"), "") << "optimized, as what has no group";
  EXPECT_THAT(import.configuration.groups, ::testing::IsEmpty());
  EXPECT_EQ(where_left_out(import, "AuthMethod"), "/targets/0/tpgs/0/parameters");
  EXPECT_EQ(where_left_out(import, "login_timeout 15"), "/targets/0/tpgs/0/attributes");
  EXPECT_EQ(where_left_out(import, "dataout_timeout 3"), "/targets/0/tpgs/0/node_acls/0/attributes");
  EXPECT_EQ(where_left_out(import, "parameters (1)"), "/targets/0");
  EXPECT_EQ(where_left_out(import, "discovery_enable_auth"), "/fabric_modules/0");
  for (const Import::LeftOut& each : import.left_out) EXPECT_EQ(each.what.find("S3cret"), std::string::npos);
}

TEST(ImportTargetcli, DemoModeIsAHostForEverybody) {
  const Import import = imported(example("targetcli/demo_mode.json"), Source::targetcli);
  const api::Configuration& all = import.configuration;
  const std::string open = "iqn.2026-06.com.example:open", closed = "iqn.2026-06.com.example:closed";
  EXPECT_THAT(maps_of(import),
              ElementsAre("a " + open + " any 0", "a " + open + " client 0", "b " + closed + " client 0"));
  EXPECT_TRUE(named(all.hosts, "any").any);
  EXPECT_FALSE(named(all.hosts, "client").chap);
  EXPECT_EQ(named(all.volumes, "a").size_bytes, 1'000'000'000u);
  EXPECT_THAT(why_left_out(import, "the last 100 bytes of volume a"), HasSubstr("no whole block"));
  EXPECT_EQ(api::find_named(all.volumes, "cd"), nullptr);
  EXPECT_THAT(why_left_out(import, "volume cd"), HasSubstr("2048 bytes"));
  EXPECT_THAT(why_left_out(import, "LUN 1 (cd)"), HasSubstr("left out"));
  EXPECT_THAT(why_left_out(import, "portal group 2"), HasSubstr("not enabled"));
  EXPECT_THAT(why_left_out(import, "CHAP user unused"), HasSubstr("authentication is 0"));
  ASSERT_EQ(all.portals.size(), 1u);
  EXPECT_EQ(all.portals[0].group_tag, 1u);
  EXPECT_THAT(why_left_out(import, "portal group tag 3"), HasSubstr("one portal has one tag"));
  EXPECT_THAT(named(all.pools, "import-devices").devices,
              ElementsAre("/dev/disk/by-id/wwn-0x5000c500a1b2c3d4"));
}

TEST(ImportTargetcli, AuthenticationWithoutAUserLetsNobodyIn) {
  const Import import =
      imported(R"({"storage_objects": [{"name": "a", "plugin": "fileio", "dev": "/a", "size": 512}],
    "targets": [{"fabric": "iscsi", "wwn": "iqn.2026-01.com.x:y", "tpgs": [{"tag": 1, "attributes":
      {"authentication": 1, "generate_node_acls": 1}, "luns": [{"index": 0, "storage_object": "/backstores/fileio/a"}],
      "node_acls": [{"node_wwn": "iqn.2026-01.com.x:h", "mapped_luns": [{"index": 0, "tpg_lun": 0}]}]}]}]})",
               Source::targetcli);
  EXPECT_TRUE(import.configuration.maps.empty());
  EXPECT_TRUE(import.configuration.hosts.empty());
  EXPECT_THAT(why_left_out(import, "LUN 0 (a) of everybody"), HasSubstr("nobody could log in"));
  EXPECT_THAT(why_left_out(import, "access of iqn.2026-01.com.x:h"), HasSubstr("nobody could log in"));
}

TEST(ImportTargetcli, OddInputIsNoCrash) {
  for (const char* text :
       {R"({"storage_objects": 7})", R"({"storage_objects": [7, null, {}, {"plugin": "fileio"}]})",
        R"({"targets": [{"fabric": "iscsi", "wwn": "nonsense"}]})",
        R"({"targets": [{"fabric": "iscsi", "wwn": "iqn.2026-01.com.x:y", "tpgs": [{"attributes": 3,
                               "portals": [{"ip_address": "host.name"}], "luns": [{}], "node_acls": [{}]}]}]})"}) {
    const auto result = import(text, Source::targetcli);
    ASSERT_TRUE(result) << text;
    EXPECT_FALSE(result->left_out.empty()) << text;
  }
  EXPECT_FALSE(import("[]", Source::targetcli));
  EXPECT_FALSE(import("{}", Source::targetcli));
  EXPECT_EQ(import("{,}", Source::targetcli).error().place, "line 1, column 2");
}

TEST(ImportTargetcli, TwoOfTheSameAreNotTakenForOne) {
  const Import import = imported(R"({"storage_objects": [
    {"name": "a b", "plugin": "fileio", "dev": "/srv/a", "size": 512, "wwn": "11112222-3333-4444-5555-666677778888"},
    {"name": "a/b", "plugin": "fileio", "dev": "/srv/b", "size": 512, "wwn": "11112222-3333-4444-5555-666677778888"},
    {"name": "c", "plugin": "fileio", "dev": "/srv//a", "size": 512}]})",
                                 Source::targetcli);
  const auto& volumes = import.configuration.volumes;
  ASSERT_EQ(volumes.size(), 2u);
  EXPECT_EQ(volumes[0].name, "a-b");
  EXPECT_EQ(volumes[1].name, "a-b-2");
  EXPECT_EQ(volumes[0].pool, volumes[1].pool);
  EXPECT_NE(volumes[0].identity.serial, "");
  EXPECT_EQ(volumes[1].identity.serial, "");
  EXPECT_THAT(why_left_out(import, "serial number 11112222"), HasSubstr("another volume has it"));
  EXPECT_THAT(why_left_out(import, "volume c"), HasSubstr("no two may share it"));
}

std::string text_of(const api::Group& group) {
  std::string text = fmt::format("{}{}:", group.name, group.explicit_changes ? " explicit" : "");
  for (const std::string& volume : group.volumes) text += " " + volume;
  for (const api::GroupAccess& each : group.access)
    text += fmt::format(", {} {}{}", each.group_tag, each.state, each.preferred ? " preferred" : "");
  return text;
}

// Two portal groups of one target, the good one of which depends on the storage object.
TEST(ImportTargetcli, TargetPortGroupsBecomeAccessGroups) {
  const Import import = imported(example("targetcli/alua.json"), Source::targetcli);
  const api::Configuration& all = import.configuration;
  std::vector<std::string> groups;
  groups.reserve(all.groups.size());
  for (const api::Group& each : all.groups) groups.push_back(text_of(each));
  EXPECT_THAT(groups, ElementsAre("import-group-1: files mail, 1 optimized preferred, 2 non_optimized",
                                  "import-group-2 explicit: vm, 1 standby, 2 optimized"));
  EXPECT_EQ(all.portals[0].group_tag, 1);
  EXPECT_EQ(all.portals[1].group_tag, 2);
  EXPECT_THAT(why_left_out(import, "access state 4 of odd"), HasSubstr("no such access state"));
  EXPECT_THAT(why_left_out(import, "ALUA group gone of /backstores/block/plain"),
              HasSubstr("no group of that"));
  EXPECT_EQ(where_left_out(import, "ALUA group gone"), "/targets/0/tpgs/1/luns/3");
  EXPECT_THAT(why_left_out(import, "nonop_delay_msecs 100"), HasSubstr("timers"));
  const auto checked = api::check_configuration(all);
  EXPECT_TRUE(checked) << checked.error().text();
}

TEST(ImportNvmet, VolumesWithTheirIdentity) {
  const Import import = imported(example("nvmet/tcp.json"), Source::nvmet);
  const api::Configuration& all = import.configuration;
  ASSERT_EQ(all.volumes.size(), 4u);
  const api::Volume& one = named(all.volumes, "fast-ns1");
  EXPECT_EQ(one.identity.uuid, "43c4260a-826b-475d-9b42-883b4258f53f");
  EXPECT_EQ(one.identity.eui64, "");
  EXPECT_EQ(one.backing, "one.img");
  EXPECT_EQ(named(all.pools, one.pool).path, "/srv/nvme");
  EXPECT_THAT(why_left_out(import, "the size of volume fast-ns1"),
              HasSubstr("taken from the file when it is applied"));
  const api::Volume& two = named(all.volumes, "fast-ns2");
  EXPECT_EQ(two.identity.uuid, "ef90689c-6c46-d44c-89c1-4067801309a8");
  EXPECT_EQ(two.device, "/dev/nvme0n1");
  EXPECT_THAT(why_left_out(import, "NGUID ef90689c"), HasSubstr("kept as the volume's UUID"));
  EXPECT_THAT(why_left_out(import, "enable 0 of namespace 2"), HasSubstr("mapped"));
  EXPECT_EQ(named(all.volumes, "fast-ns3").identity.uuid, "d4f5a0b1-9d68-4d2e-8b0c-1f0a3c2b4d5e");
  EXPECT_THAT(why_left_out(import, "NGUID 0025385b71b00ea5-"), HasSubstr("not an NGUID"));
  EXPECT_EQ(named(all.volumes, "fast-ns4").identity.eui64, "0025385b71b00ea5");
  EXPECT_EQ(named(all.volumes, "fast-ns4").identity.uuid, "");
  EXPECT_THAT(named(all.pools, "import-devices").devices,
              ElementsAre("/dev/nvme0n1", "/dev/nvme1n1", "/dev/nvme2n1"));
  EXPECT_TRUE(all.targets.empty() && all.maps.empty() && all.portals.empty());
  ASSERT_EQ(all.hosts.size(), 1u);
  EXPECT_EQ(all.hosts[0].name, "4c4c4544-0044-3510-8051-b7c04f564432");
  EXPECT_THAT(all.hosts[0].initiators,
              ElementsAre("nqn.2014-08.org.nvmexpress:uuid:4c4c4544-0044-3510-8051-b7c04f564432"));
}

TEST(ImportNvmet, TheRestWaits) {
  const Import import = imported(example("nvmet/tcp.json"), Source::nvmet);
  const std::string why = "its subsystems are not taken over yet";
  EXPECT_EQ(why_left_out(import, "subsystem nqn.2026-01.com.example:fast"), why);
  EXPECT_EQ(why_left_out(import, "port 1 (tcp 192.0.2.68 4420)"), why);
  EXPECT_EQ(why_left_out(import, "access of nqn.2014-08.org.nvmexpress:uuid:4c4c4544"), why);
  EXPECT_EQ(where_left_out(import, "serial d958dba9aa7f964f3163"), "/subsystems/0/attr");
  EXPECT_EQ(where_left_out(import, "ana_groups (1)"), "/ports/0");
  const Import rdma = imported(example("nvmet/rdma.json"), Source::nvmet);
  EXPECT_EQ(named(rdma.configuration.volumes, "testnqn-ns1").device, "/dev/nvme0n1");
  EXPECT_EQ(why_left_out(rdma, "port 2 (rdma"), why);
  EXPECT_FALSE(convert::import("{}", Source::nvmet));
}

TEST(ImportNvmet, KeysOfHosts) {
  const Import import = imported(example("nvmet/keys.json"), Source::nvmet);
  const api::Configuration& all = import.configuration;
  ASSERT_EQ(all.hosts.size(), 5u);
  EXPECT_FALSE(named(all.hosts, "plain").dhchap);
  EXPECT_FALSE(named(all.hosts, "open").dhchap);
  const api::Dhchap& both = *named(all.hosts, "both").dhchap;
  EXPECT_THAT(both.key, HasSubstr("DHHC-1:01:AQEB"));
  EXPECT_THAT(both.controller_key, HasSubstr("DHHC-1:01:AgIC"));
  EXPECT_THAT(both.hashes, ElementsAre("sha-512"));
  EXPECT_THAT(both.groups, ElementsAre("ffdhe4096"));
  const api::Dhchap& one = *named(all.hosts, "one").dhchap;
  EXPECT_THAT(one.key, HasSubstr("DHHC-1:00:AwMD"));
  EXPECT_EQ(one.controller_key, "") << "it is the same";
  EXPECT_THAT(why_left_out(import, "dhchap_ctrl_key of nqn.2014-08.org.nvmexpress:uuid:one"),
              HasSubstr("another one"));
  EXPECT_EQ(one.groups.front(), "ffdhe3072");
  EXPECT_EQ(one.groups.back(), "null") << "hosts that have no exchange come in as before";
  const api::Dhchap& odd = *named(all.hosts, "odd").dhchap;
  EXPECT_TRUE(odd.hashes.empty() && odd.groups.empty());
  EXPECT_THAT(why_left_out(import, "dhchap_dhgroup ffdhe1024"), HasSubstr("no such group"));
  for (const char* name : {"broken", "half"}) {
    EXPECT_THAT(why_left_out(import, fmt::format("host nqn.2014-08.org.nvmexpress:uuid:{}", name)),
                HasSubstr("cannot be taken over"));
  }
  EXPECT_THAT(why_left_out(import, "host iqn.2026-11.com.example:none"), HasSubstr("begins with nqn."));
  for (const Import::LeftOut& each : import.left_out)
    EXPECT_EQ((each.what + each.why).find("AgIC"), std::string::npos) << each.what;
  const auto checked = api::check_configuration(all);
  EXPECT_TRUE(checked) << checked.error().text();
}

TEST(Import, Sources) {
  EXPECT_EQ(*parse_source("targetcli"), Source::targetcli);
  EXPECT_EQ(*parse_source("scst"), Source::scst);
  EXPECT_EQ(*parse_source("nvmet"), Source::nvmet);
  EXPECT_EQ(*parse_source("tgt"), Source::tgt);
  EXPECT_EQ(parse_source("iet").error().place, "source");
}

}  // namespace
}  // namespace ashlar::convert
