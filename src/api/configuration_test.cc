#include "api/configuration.h"

#include <gtest/gtest.h>

#include <functional>

#include "api/lists.h"
#include "api/plan.h"
#include "api/settings.h"
#include "api/testing.h"

namespace ashlar::api {
namespace {

using testing::small_configuration;

TEST(Configuration, SurvivesItsJson) {
  const Configuration all = small_configuration();
  const auto again = read_configuration(write_configuration(all, Secrets::show));
  ASSERT_TRUE(again) << again.error().text();
  EXPECT_EQ(*again, all);
}

TEST(Configuration, ShowsNoSecretUnlessAsked) {
  const std::string text = print_json(write_configuration(small_configuration(), Secrets::redact));
  EXPECT_EQ(text.find("secret:"), std::string::npos);
  EXPECT_NE(text.find("(redacted)"), std::string::npos);
}

TEST(Configuration, IsTheSameTextInAnyOrder) {
  Configuration all = small_configuration();
  const Json before = write_configuration(all, Secrets::show);
  std::swap(all.hosts[0], all.hosts[1]);
  EXPECT_EQ(write_configuration(all, Secrets::show), before);
}

TEST(Configuration, NamesAMapByWhatItMaps) {
  Json json = write_configuration(small_configuration(), Secrets::show);
  json["maps"][0].erase("name");
  EXPECT_EQ(read_configuration(json)->maps[0].name, "db1.web1");
}

TEST(Configuration, NamesTheUnknownKeyAndTheNearest) {
  Json json = write_configuration(small_configuration(), Secrets::show);
  json["volumes"][0]["size_byte"] = 5;
  const auto read = read_configuration(json);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().place, "volumes[0].size_byte");
  EXPECT_NE(read.error().message.find("size_bytes"), std::string::npos);
}

TEST(Check, TakesAWholeArray) {
  const auto checked = check_configuration(small_configuration());
  EXPECT_TRUE(checked) << checked.error().text();
}

TEST(Check, WhatAVolumeHasOrHadIsNoMedium) {
  Configuration all = small_configuration();
  all.pools.push_back({.name = "iso", .kind = "dir", .path = "/srv/iso"});
  Volume disk{.name = "disk", .pool = "iso", .size_bytes = 1 << 20, .backing = "disk.img"};
  Volume gone{.name = "gone", .pool = "iso", .size_bytes = 1 << 20, .backing = "gone.img"};
  all.volumes.push_back(disk);
  all.volumes.push_back({.name = "cd0",
                         .pool = "iso",
                         .kind = "cdrom",
                         .medium = "debian.iso",
                         .block_bytes = cd_block_bytes,
                         .physical_block_bytes = cd_block_bytes});
  all.snapshots.push_back({.name = "disk@a", .volume = "disk", .size_bytes = 1 << 20, .backing = "a.img"});
  all.recycle_bin.push_back({.name = "gone.1",
                             .volume = gone,
                             .snapshots = {{.name = "gone@b", .volume = "gone", .backing = "b.img"}}});
  const auto checked = check_configuration(all);
  ASSERT_TRUE(checked) << checked.error().text();
  for (const char* file : {"disk.img", "a.img", "gone.img", "b.img"}) {
    for (Volume& each : all.volumes)
      if (is_cdrom(each)) each.medium = file;
    const auto refused = check_configuration(all);
    ASSERT_FALSE(refused) << file;
    EXPECT_EQ(refused.error().place, "volumes/cd0/medium");
    EXPECT_EQ(refused.error().code, ErrorCode::already_exists);
  }
}

struct Breach {
  const char* place;
  std::function<void(Configuration&)> commit;
};

class BreachTest : public ::testing::TestWithParam<Breach> {};

TEST_P(BreachTest, IsNamed) {
  Configuration all = small_configuration();
  GetParam().commit(all);
  const auto checked = check_configuration(all);
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().place, GetParam().place) << checked.error().text();
  EXPECT_FALSE(checked.error().message.empty());
}

void map_by_nvme(Configuration& c, const std::string& volume) {
  c.portals.push_back({.name = "n", .protocol = "nvme-tcp", .address = "192.0.2.77", .port = 4420});
  c.targets.push_back({.name = "nqn.2026-11.a:b", .protocol = "nvme-tcp"});
  c.maps.push_back({.name = volume + ".nvme", .volume = volume, .target = "nqn.2026-11.a:b", .host = "web1"});
}

const Breach breaches[] = {
    {"pools/p0/kind", [](Configuration& c) { c.pools[0].kind = "raid"; }},
    {"pools/p0/path", [](Configuration& c) { c.pools[0].path = "/srv"; }},
    {"pools/p0/path", [](Configuration& c) { c.pools[0].kind = "dir"; }},
    {"pools/p0/devices", [](Configuration& c) { c.pools[0].kind = "device"; }},
    {"pools/p0/warn_percent", [](Configuration& c) { c.pools[0].warn_percent = 99; }},
    {"pools/p0", [](Configuration& c) { c.pools.push_back(c.pools[0]); }},
    {"volumes/db1/pool", [](Configuration& c) { c.volumes[0].pool = "p1"; }},
    {"volumes/db1/size_bytes", [](Configuration& c) { c.volumes[0].size_bytes = 513; }},
    {"volumes/db1/size_bytes", [](Configuration& c) { c.volumes[0].size_bytes = 0; }},
    {"volumes/db1/block_bytes", [](Configuration& c) { c.volumes[0].block_bytes = 520; }},
    {"volumes/db1/physical_block_bytes", [](Configuration& c) { c.volumes[0].physical_block_bytes = 3000; }},
    {"volumes/db1/profile", [](Configuration& c) { c.volumes[0].profile = "beos"; }},
    {"volumes/db1/device", [](Configuration& c) { c.volumes[0].device = "/dev/sda"; }},
    {"volumes/db1/block_bytes",
     [](Configuration& c) {
       c.volumes[0].profile = "esxi";
       c.volumes[0].block_bytes = 4096;
     }},
    {"volumes/db1/block_bytes",
     [](Configuration& c) {
       c.volumes[0].profile = "xen";
       c.volumes[0].block_bytes = 4096;
     }},
    {"volumes/db1/physical_block_bytes",
     [](Configuration& c) {
       c.volumes[0].profile = "windows";
       c.volumes[0].physical_block_bytes = 8192;
     }},
    {"volumes/db1/size_bytes",
     [](Configuration& c) {
       c.volumes[0].profile = "esxi";
       c.volumes[0].size_bytes = (uint64_t{64} << 40) + 512;
     }},
    {"volumes/db1/write_cache",
     [](Configuration& c) {
       c.volumes[0].profile = "esxi";
       c.volumes[0].write_cache = true;
     }},
    {"volumes/db2/identity/serial",
     [](Configuration& c) {
       c.volumes[0].profile = "esxi";
       c.volumes[0].identity.serial = "DATASTORE-1";
       c.volumes.push_back({.name = "db2", .pool = "p0", .size_bytes = 512, .profile = "esxi"});
       c.volumes[1].identity.serial = "DATASTORE-2";
     }},
    {"maps/db1.web1/volume",
     [](Configuration& c) {
       c.hosts[0].os = "esxi";
       c.volumes[0].write_cache = true;
     }},
    {"maps/db1.web1/lun",
     [](Configuration& c) {
       c.hosts[0].os = "windows";
       c.maps[0].lun = 255;
     }},
    {"maps/db1.web1/lun",
     [](Configuration& c) {
       c.hosts[0].os = "esxi";
       c.maps[0].lun = 1024;
     }},
    {"volumes/db1/identity/naa", [](Configuration& c) { c.volumes[0].identity.naa = "4111111111111111"; }},
    {"volumes/db1/identity/vendor", [](Configuration& c) { c.volumes[0].identity.vendor = "NINE CHAR"; }},
    {"volumes/db2/identity/naa",
     [](Configuration& c) {
       c.volumes.push_back(c.volumes[0]);
       c.volumes[1].name = "db2";
     }},
    {"snapshots/db1@monday/volume", [](Configuration& c) { c.snapshots[0].volume = "db2"; }},
    {"snapshots/monday/name", [](Configuration& c) { c.snapshots[0].name = "monday"; }},
    {"hosts/web1/initiators[0]", [](Configuration& c) { c.hosts[0].initiators[0] = "web1"; }},
    {"hosts/web1/initiators[0]", [](Configuration& c) { c.hosts[0].initiators[0] = "iqn.2001-01.com.A:b"; }},
    {"hosts/web2/initiators[0]", [](Configuration& c) { c.hosts[1].initiators = c.hosts[0].initiators; }},
    {"hosts/web1/any", [](Configuration& c) { c.hosts[0].any = true; }},
    {"hosts/web1/chap/secret", [](Configuration& c) { c.hosts[0].chap->secret = ""; }},
    {"hosts/web1/chap/mutual_secret", [](Configuration& c) { c.hosts[0].chap->mutual_user = "array"; }},
    {"hosts/web2/dhchap/key", [](Configuration& c) { c.hosts[1].dhchap.emplace(); }},
    {"hosts/web2/dhchap/controller_key",
     [](Configuration& c) { c.hosts[1].dhchap = Dhchap{.key = "secret:1", .controller_key = "secret:1"}; }},
    {"hosts/web2/dhchap/hashes[0]",
     [](Configuration& c) { c.hosts[1].dhchap = Dhchap{.key = "secret:1", .hashes = {"md5"}}; }},
    {"hosts/web2/dhchap/groups[1]",
     [](Configuration& c) { c.hosts[1].dhchap = Dhchap{.key = "secret:1", .groups = {"null", "null"}}; }},
    {"host-groups/web/hosts[1]", [](Configuration& c) { c.host_groups[0].hosts[1] = "web3"; }},
    {"host-groups/web/hosts[1]", [](Configuration& c) { c.host_groups[0].hosts[1] = "web1"; }},
    {"host-groups/web1/name", [](Configuration& c) { c.host_groups[0].name = "web1"; }},
    {"portals/san-a/address", [](Configuration& c) { c.portals[0].address = "san.example.org"; }},
    {"portals/san-a/port", [](Configuration& c) { c.portals[0].port = 0; }},
    {"portals/san-a/protocol", [](Configuration& c) { c.portals[0].protocol = "nvme-rdma"; }},
    {"portals/san-a/discovery_chap",
     [](Configuration& c) {
       c.portals[0].protocol = "nvme-tcp";
       c.portals[0].discovery_chap = c.hosts[0].chap;
     }},
    {"portals/san-a/tls", [](Configuration& c) { c.portals[0].tls = "required"; }},
    {"portals/san-a/tls",
     [](Configuration& c) {
       c.portals[0].protocol = "nvme-tcp";
       c.portals[0].tls = "on";
     }},
    {"hosts/web1/tls_optional", [](Configuration& c) { c.hosts[0].tls_optional = true; }},
    {"hosts/web1/tls_key",
     [](Configuration& c) {
       c.hosts[0].initiators.clear();
       c.hosts[0].any = true;
       c.hosts[0].tls_key = "secret:1";
     }},
    {"hosts/web1/initiators[0]", [](Configuration& c) { c.hosts[0].initiators[0] = "nqn.1.a"; }},
    {"maps/cd.nvme/volume",
     [](Configuration& c) {
       c.pools.push_back({.name = "iso", .kind = "dir", .path = "/srv/iso"});
       c.volumes.push_back(
           {.name = "cd", .pool = "iso", .kind = "cdrom", .block_bytes = 2048, .physical_block_bytes = 2048});
       map_by_nvme(c, "cd");
     }},
    {"maps/tape.nvme/volume",
     [](Configuration& c) {
       c.pools.push_back({.name = "drives", .kind = "scsi", .devices = {"/dev/sg0"}});
       c.volumes.push_back({.name = "tape", .pool = "drives", .device = "/dev/sg0"});
       map_by_nvme(c, "tape");
     }},
    {"portals/san-a/referrals", [](Configuration& c) { c.portals[0].referrals = {"192.0.2.9:8009"}; }},
    {"portals/n/referrals[0]",
     [](Configuration& c) {
       map_by_nvme(c, c.volumes[0].name);
       c.portals.back().referrals = {"san.example.org:8009"};
     }},
    {"targets/iqn.2026-11.io.ashlar:one/nvme", [](Configuration& c) { c.targets[0].nvme.emplace(); }},
    {"targets/nqn.2026-11.a:b/nvme/queue_depth",
     [](Configuration& c) {
       map_by_nvme(c, c.volumes[0].name);
       c.targets.back().nvme.emplace().queue_depth = 1;
     }},
    {"targets/nqn.2026-11.a:b/protocol", [](Configuration& c) { c.targets[0].name = "nqn.2026-11.a:b"; }},
    {"targets/iqn.2026-11.io.ashlar:one/protocol",
     [](Configuration& c) { c.targets[0].protocol = "nvme-tcp"; }},
    {"targets/nqn.2026-11.a:b/portals[0]",
     [](Configuration& c) {
       c.targets[0].name = "nqn.2026-11.a:b";
       c.targets[0].protocol = "nvme-tcp";
     }},
    {"isns-servers/isns-a/address", [](Configuration& c) { c.isns_servers[0].address = "isns.example.org"; }},
    {"isns-servers/isns-a/port", [](Configuration& c) { c.isns_servers[0].port = 0; }},
    {"isns-servers/isns-a/entity", [](Configuration& c) { c.isns_servers[0].entity = "an array"; }},
    {"isns-servers/isns-a/entity",
     [](Configuration& c) { c.isns_servers[0].entity = std::string(201, 'x'); }},
    {"isns-servers/isns-a/comment",
     [](Configuration& c) { c.isns_servers[0].comment = std::string(1025, 'x'); }},
    {"isns-servers/isns-b/port",
     [](Configuration& c) {
       c.isns_servers.push_back(c.isns_servers[0]);
       c.isns_servers[1].name = "isns-b";
     }},
    {"isns-servers/isns-a",
     [](Configuration& c) {
       for (uint16_t i = 0; i < 4; ++i)
         c.isns_servers.push_back({.name = fmt::format("more{}", i), .address = "192.0.2.54", .port = i});
     }},
    {"targets/x/name", [](Configuration& c) { c.targets[0].name = "x"; }},
    {"targets/iqn.2026-11.io.ashlar:one/alias",
     [](Configuration& c) {
       for (int i = 0; i < 128; ++i) c.targets[0].alias += "ü";  // each of two bytes
     }},
    {"maps/db1.web1/target", [](Configuration& c) { c.maps[0].target = "iqn.2026-11.io.ashlar:two"; }},
    {"maps/db1.web1/host", [](Configuration& c) { c.maps[0].host_group = "web"; }},
    {"maps/db1.web1/lun", [](Configuration& c) { c.maps[0].lun = 20000; }},
    {"maps/second",
     [](Configuration& c) {
       c.maps.push_back(c.maps[0]);
       c.maps[1].name = "second";
     }},
    {"maps/group/lun",
     [](Configuration& c) {
       c.volumes.push_back({.name = "db2", .pool = "p0", .size_bytes = 512});
       c.maps.push_back(
           {.name = "group", .volume = "db2", .target = c.maps[0].target, .host_group = "web", .lun = 0});
     }},
    {"groups/ha/volumes[0]", [](Configuration& c) { c.groups[0].volumes[0] = "db2"; }},
    {"groups/ha/volumes[1]", [](Configuration& c) { c.groups[0].volumes.push_back("db1"); }},
    {"groups/other/volumes[0]",
     [](Configuration& c) { c.groups.push_back({.name = "other", .volumes = {"db1"}}); }},
    {"groups/ha/access[0]/state", [](Configuration& c) { c.groups[0].access[0].state = "stand-by"; }},
    {"groups/ha/access[0]/group_tag", [](Configuration& c) { c.groups[0].access[0].group_tag = 2; }},
    {"groups/ha/access[1]/group_tag",
     [](Configuration& c) { c.groups[0].access.push_back(c.groups[0].access[0]); }},
    {"groups/-/name", [](Configuration& c) { c.groups[0].name = "-"; }},
    {"users/alice/role", [](Configuration& c) { c.users[0].role = "root"; }},
    {"users/alice/grants[0]/kind", [](Configuration& c) { c.users[0].grants = {{"volume", "*", "viewer"}}; }},
    {"tokens/ansible/user", [](Configuration& c) { c.tokens[0].user = "bob"; }},
    {"alert-rules/pool-full/channels[0]", [](Configuration& c) { c.alert_rules[0].channels = {"pager"}; }},
    {"settings/array.nam", [](Configuration& c) { c.settings[0].name = "array.nam"; }},
    {"settings/array.name/value", [](Configuration& c) { c.settings[0].value = 5; }},
    {"settings/array.management_urls/value[0]",
     [](Configuration& c) { c.settings[0] = {"array.management_urls", Json::array({"san.example.org"})}; }},
};
INSTANTIATE_TEST_SUITE_P(All, BreachTest, ::testing::ValuesIn(breaches));

TEST(Differences, AreValueByValue) {
  const Configuration before = small_configuration();
  Configuration after = before;
  after.volumes[0].size_bytes *= 2;
  after.hosts[0].chap->secret = "secret:ffeeddccbbaa99887766554433221100";
  after.hosts.pop_back();
  after.pools.push_back({.name = "p1", .kind = "null"});
  const auto found = differences_of(before, after);
  ASSERT_EQ(found.size(), 4u);
  EXPECT_EQ(found[0].path, "pools/p1");
  EXPECT_TRUE(found[0].before.is_null());
  EXPECT_EQ(found[1].path, "volumes/db1/size_bytes");
  EXPECT_EQ(found[1].after, 2u << 30);
  EXPECT_EQ(found[2].path, "hosts/web1/chap/secret");
  EXPECT_EQ(found[2].before, "(redacted)");
  EXPECT_EQ(found[2].after, "(redacted)");
  EXPECT_EQ(found[3].path, "hosts/web2");
  EXPECT_TRUE(found[3].after.is_null());
  EXPECT_TRUE(differences_of(before, before).empty());
}

TEST(Settings, HaveDefaultsThatTheirOwnRulesTake) {
  for (const SettingInfo& info : setting_infos()) {
    const auto value = parse_json(info.default_json);
    ASSERT_TRUE(value) << info.name;
    const auto checked = check_setting({std::string(info.name), *value});
    EXPECT_TRUE(checked) << checked.error().text();
    EXPECT_FALSE(info.help.empty());
  }
  EXPECT_EQ(setting_number({}, "recycle_bin.hours"), 24);
  EXPECT_EQ(setting_text(small_configuration(), "array.name"), "san1");
}

}  // namespace
}  // namespace ashlar::api
