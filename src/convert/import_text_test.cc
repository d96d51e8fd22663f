// scst.conf and targets.conf, field by field.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "convert/position.h"
#include "convert/statement.h"
#include "convert/testing.h"

namespace ashlar::convert {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using namespace testing;

TEST(ImportScst, DrawnIdentitiesAreDrawnAlike) {
  const Import import = imported(example("scst/esos.scst"), Source::scst);
  const api::Configuration& all = import.configuration;
  ASSERT_EQ(all.volumes.size(), 4u);
  EXPECT_EQ(named(all.volumes, "vg1"), (api::Volume{.name = "vg1",
                                                    .pool = "import-devices",
                                                    .device = "/dev/vg1/lun1",
                                                    .size_bytes = 21470642176,
                                                    .thin = false,
                                                    .identity = {.eui64 = "3530396637643733",  // "509f7d73"
                                                                 .serial = "509f7d73",
                                                                 .vendor = "SCST_BIO",
                                                                 .product = "vg1",
                                                                 .revision = " 320"},
                                                    .backing = "/dev/vg1/lun1"}));
  // Without usn and t10_dev_id, SCST makes them of the device's name, as it did for vg1.
  const Import bare =
      imported("HANDLER vdisk_blockio {\n DEVICE vg1 {\n  filename /dev/vg1/lun1\n }\n}\n", Source::scst);
  EXPECT_EQ(bare.configuration.volumes[0].identity.serial, "509f7d73");
  EXPECT_EQ(bare.configuration.volumes[0].identity.eui64, "3530396637643733");
  const Import set = imported(
      "setup_id 0x1234\nHANDLER vdisk_blockio {\nDEVICE vg1 {\nfilename /dev/a\n}\n}\n", Source::scst);
  EXPECT_EQ(set.configuration.volumes[0].identity.serial, "1234509f7d73");
  EXPECT_EQ(set.configuration.volumes[0].identity.eui64, "3132333435303966");
}

TEST(ImportScst, Volumes) {
  const Import import = imported(example("scst/esos.scst"), Source::scst);
  const api::Configuration& all = import.configuration;
  const api::Volume& one = named(all.volumes, "disk1");
  EXPECT_EQ(one.backing, "disk1");
  EXPECT_EQ(one.pool, "import-1");
  EXPECT_EQ(named(all.pools, "import-1").path, "/mnt/vdisks");
  EXPECT_TRUE(one.thin);
  EXPECT_FALSE(one.write_cache);
  EXPECT_EQ(one.identity.vendor, "SCST_FIO");
  EXPECT_THAT(why_left_out(import, "nv_cache of disk1"), HasSubstr("flush"));
  EXPECT_THAT(why_left_out(import, "the size of volume disk1"), HasSubstr("when it is applied"));
  const api::Volume& two = named(all.volumes, "disk2");
  EXPECT_EQ(two.pool, "import-1");
  EXPECT_EQ(two.block_bytes, 4096u);
  EXPECT_EQ(two.size_bytes, 2048u << 20);
  EXPECT_TRUE(two.removable);
  EXPECT_TRUE(two.write_cache);
  EXPECT_EQ(two.identity.naa, "6589cfc000000d9f095196d274132652");
  EXPECT_EQ(two.identity.eui64, "");
  EXPECT_EQ(named(all.volumes, "nothing").pool, "import-null");
}

TEST(ImportScst, AccessAndWhatIsLeftOut) {
  const Import import = imported(example("scst/esos.scst"), Source::scst);
  const api::Configuration& all = import.configuration;
  const std::string iqn = "iqn.2016-02.local.virtual:hpms01.vg1";
  EXPECT_THAT(maps_of(import), ElementsAre("disk1 " + iqn + " esx 1 ro", "disk2 " + iqn + " backup 5 ro",
                                           "nothing " + iqn + " any 0", "vg1 " + iqn + " esx 0"));
  EXPECT_THAT(named(all.host_groups, "esx").hosts, ElementsAre("esx1-4c5f", "esx2-77aa"));
  for (const char* host : {"esx1-4c5f", "esx2-77aa", "backup", "any"}) {
    EXPECT_EQ(named(all.hosts, host).chap->user, "joe");
    EXPECT_EQ(named(all.hosts, host).chap->secret, "12charsecret");
    EXPECT_EQ(named(all.hosts, host).chap->mutual_user, "array");
    EXPECT_EQ(named(all.hosts, host).chap->mutual_secret, "another12chars");
  }
  EXPECT_THAT(named(all.hosts, "backup").initiators, ElementsAre("iqn.2026-01.com.example:backup"));
  ASSERT_EQ(all.portals.size(), 1u);
  EXPECT_EQ(all.portals[0].address, "0.0.0.0");
  EXPECT_THAT(why_left_out(import, "enabled 0 of target"), HasSubstr("cannot be switched off"));
  EXPECT_THAT(why_left_out(import, "IncomingUser fred"), HasSubstr("the first was taken"));
  EXPECT_THAT(why_left_out(import, "IncomingUser scanner"), HasSubstr("discovery"));
  EXPECT_THAT(why_left_out(import, "LUN 2 1:0:0:0"), HasSubstr("left out"));
  EXPECT_THAT(why_left_out(import, "the portal 192.0.2.1 of"), HasSubstr("name the target's portals"));
  EXPECT_THAT(why_left_out(import, "access of iqn.2026-01.com.example:lab*"), HasSubstr("without patterns"));
  EXPECT_THAT(why_left_out(import, "device cdrom1 of vcdrom"), HasSubstr("only disks"));
  EXPECT_THAT(why_left_out(import, "device 1:0:0:0 of dev_disk"), HasSubstr("only disks"));
  EXPECT_THAT(why_left_out(import, "copy_manager_tgt"), HasSubstr("SCST's own"));
  EXPECT_THAT(why_left_out(import, "21:00:00:1b:32:94:31:e3 of qla2x00t"), HasSubstr("only the targets"));
  EXPECT_THAT(all.groups, ElementsAre(api::Group{
                              .name = "esos",
                              .volumes = {"vg1"},
                              .access = {{.group_tag = 1, .state = "non_optimized"}},
                          }));
  EXPECT_EQ(where_left_out(import, "HeaderDigest CRC32C,None"), "line 84");
  for (const char* what : {"threads 2", "max_tasklet_cmd 10", "suspend 0", "block 0 0", "cluster_mode 0",
                           "pr_file_name", "rotational 1", "threads_num 1", "vend_specific_id",
                           "T10 device id 509f7d73-vg1", "rel_tgt_id 1", "allow_not_connected_copy 0"})
    EXPECT_NE(why_left_out(import, what), "") << what;
  for (const Import::LeftOut& each : import.left_out)
    EXPECT_EQ(each.what.find("12char"), std::string::npos) << each.what;
}

// Targets make a target port group there, portals here.
TEST(ImportScst, DeviceGroupsBecomeAccessGroups) {
  const Import import = imported(example("scst/two_nodes.scst"), Source::scst);
  const api::Configuration& all = import.configuration;
  const std::vector<api::GroupAccess> access = {{.group_tag = 17, .state = "optimized", .preferred = true},
                                                {.group_tag = 18, .state = "non_optimized"}};
  EXPECT_THAT(
      all.groups,
      ElementsAre(
          api::Group{.name = "mirrored", .volumes = {"logs"}, .access = access},
          api::Group{.name = "mirrored-2", .volumes = {"vms"}, .explicit_changes = true, .access = access}))
      << "hosts may change the states of vms (expl_alua)";
  ASSERT_EQ(all.portals.size(), 2u);
  EXPECT_EQ(all.portals[0].group_tag, 17);
  EXPECT_EQ(all.portals[1].group_tag, 18);
  EXPECT_THAT(why_left_out(import, "device 1:0:0:0 of DEVICE_GROUP"), HasSubstr("left out"));
  EXPECT_THAT(why_left_out(import, "state lba_dependent of TARGET_GROUP node_b"),
              HasSubstr("no such access state"));
  EXPECT_THAT(why_left_out(import, "target iqn.2019-03.com.example:san-b of"), HasSubstr("another machine"));
  EXPECT_THAT(why_left_out(import, "access state non_optimized of logs by portal 192.0.2.31"),
              HasSubstr("by tag 17 the volume is optimized already"));
  const auto checked = api::check_configuration(all);
  EXPECT_TRUE(checked) << checked.error().text();
}

TEST(ImportScst, AsTrueNasWritesIt) {
  const Import import = imported(example("scst/truenas.scst"), Source::scst);
  const api::Configuration& all = import.configuration;
  const std::string prefix = "iqn.2005-10.org.freenas.ctl:";
  EXPECT_EQ(named(all.volumes, "web"), (api::Volume{.name = "web",
                                                    .pool = "import-devices",
                                                    .device = "/dev/zvol/tank/web",
                                                    .physical_block_bytes = 512,
                                                    .thin = false,
                                                    .write_cache = true,
                                                    .identity = {.naa = "6589cfc000000d9f095196d274132642",
                                                                 .serial = "038f0453d897b6a",
                                                                 .vendor = "TrueNAS",
                                                                 .product = "iSCSI Disk"},
                                                    .backing = "/dev/zvol/tank/web"}));
  EXPECT_TRUE(named(all.volumes, "archive").read_only);
  EXPECT_EQ(named(all.targets, prefix + "web").alias, "web servers");
  EXPECT_THAT(maps_of(import), ElementsAre("archive " + prefix + "archive tape 0",
                                           "web " + prefix + "web any 0", "web " + prefix + "web tape 0"));
  EXPECT_FALSE(named(all.hosts, "any").chap);
  EXPECT_EQ(named(all.hosts, "tape").chap->user, "archive");
  // What "web" asks of nobody, the host now gives there as well.
  EXPECT_THAT(why_left_out(import, "CHAP of host tape on " + prefix + "web"), HasSubstr("in the same way"));
  EXPECT_EQ(named(all.portals, named(all.targets, prefix + "archive").portals.at(0)).address, "192.0.2.7");
  EXPECT_EQ(why_left_out(import, "the portal"), "");
}

TEST(ImportScst, Grammar) {
  const auto text =
      read_scst_text("a b # c\n\n# d\nH x {\n\te \"f  g\"\n\tI j {k l}\n\tM n { }\n}\np \\#q\n");
  ASSERT_TRUE(text) << text.error().text();
  ASSERT_EQ(text->children.size(), 3u);
  EXPECT_EQ(text->children[0].value, "b");
  EXPECT_EQ(text->children[2].value, "#q");
  const Statement& block = text->children[1];
  EXPECT_EQ(block.line, 4u);
  ASSERT_EQ(block.children.size(), 3u);
  EXPECT_EQ(block.children[0].value, "f  g");
  EXPECT_EQ(block.children[1].value, "j");
  ASSERT_EQ(block.children[1].children.size(), 1u);
  EXPECT_EQ(block.children[1].children[0].key, "k");
  EXPECT_TRUE(block.children[2].children.empty());
  EXPECT_EQ(read_scst_text("a {\n").error().place, "line 1");
  EXPECT_EQ(read_scst_text("a {\n}\n}\n").error().place, "line 3");
  std::string deep, many;
  for (int i = 0; i < 100'000; ++i) deep += "a {\n";
  EXPECT_EQ(read_scst_text(deep).error().place, "line 9");
  for (size_t i = 0; i <= max_statements; ++i) many += "a\n";
  EXPECT_EQ(read_scst_text(many).error().place, "line 200001");
  EXPECT_FALSE(read_scst_text("a \xff"));
  EXPECT_FALSE(import("a b\n", Source::scst));
}

TEST(ImportTgt, NumbersAndNamesAsTgtGivesThem) {
  const Import import = imported(example("tgt/plain.tgt"), Source::tgt);
  const api::Configuration& all = import.configuration;
  ASSERT_EQ(all.volumes.size(), 5u);
  // Targets are counted by name: san.monitoring is the last, and san.rdma has a number as well.
  EXPECT_EQ(named(all.volumes, "open.img").identity, (api::Identity{.naa = "60000000000000000e0000000001000a",
                                                                    .serial = "beaf110",
                                                                    .vendor = "IET",
                                                                    .product = "VIRTUAL-DISK"}));
  EXPECT_EQ(named(all.volumes, "monitoring").identity.naa, "60000000000000000e00000000040001");
  EXPECT_EQ(named(all.volumes, "monitoring").identity.serial, "beaf41");
  const api::Volume& disk = named(all.volumes, "xen1-disk2.img");
  EXPECT_EQ(disk.identity.serial, "beaf32");
  EXPECT_EQ(disk.identity.vendor, "MyCorp");
  EXPECT_FALSE(disk.write_cache);
  EXPECT_FALSE(disk.thin);
  EXPECT_EQ(disk.backing, "xen1-disk2.img");
  EXPECT_EQ(named(all.pools, disk.pool).path, "/srv");
  EXPECT_TRUE(named(all.volumes, "open.img").write_cache);
  const api::Volume& direct = named(all.volumes, "xen1-disk3");
  EXPECT_EQ(direct.device, "/dev/san/xen1-disk3");
  EXPECT_EQ(direct.identity.serial, "");
  EXPECT_THAT(why_left_out(import, "serial number of /dev/san/xen1-disk3"), HasSubstr("asks the disk"));
}

TEST(ImportTgt, AccessAndWhatIsLeftOut) {
  const Import import = imported(example("tgt/plain.tgt"), Source::tgt);
  const api::Configuration& all = import.configuration;
  const std::string xen = "iqn.2007-02.com.example:san.xen1", open = "iqn.2007-02.com.example:san.open";
  EXPECT_THAT(maps_of(import),
              ElementsAre("open.img " + open + " any 10", "open.img " + open + " xen-a 10",
                          "open.img " + open + " xen-b 10", "xen1-disk1.img " + xen + " san.xen1 1",
                          "xen1-disk2.img " + xen + " san.xen1 2", "xen1-disk3 " + xen + " san.xen1 3"));
  EXPECT_THAT(named(all.host_groups, "san.xen1").hosts, ElementsAre("xen-a", "xen-b"));
  EXPECT_EQ(*named(all.hosts, "xen-a").chap, (api::Chap{.user = "user1",
                                                        .secret = "secretpass12",
                                                        .mutual_user = "userA",
                                                        .mutual_secret = "secretpassAA"}));
  EXPECT_EQ(named(all.hosts, "xen-a").chap, named(all.hosts, "xen-b").chap);
  EXPECT_THAT(why_left_out(import, "include /etc/tgt/conf.d/*.conf"), HasSubstr("only this file"));
  EXPECT_EQ(where_left_out(import, "include"), "line 2");
  EXPECT_THAT(why_left_out(import, "san.rdma of driver iser"), HasSubstr("only iSCSI over TCP"));
  EXPECT_THAT(why_left_out(import, "incominguser user2"), HasSubstr("the first was taken"));
  EXPECT_THAT(why_left_out(import, "access from 192.0.2.2"), HasSubstr("not by addresses"));
  EXPECT_THAT(why_left_out(import, "LUN 1 (monitoring)"), HasSubstr("map the volume"));
  EXPECT_THAT(why_left_out(import, "incomingdiscoveryuser (redacted)"), HasSubstr("setting of tgtd"));
  EXPECT_EQ(api::find_named(all.volumes, "rdma.img"), nullptr);
}

TEST(ImportTgt, Blocks) {
  const Import import = imported(example("tgt/blocks.tgt"), Source::tgt);
  const api::Configuration& all = import.configuration;
  const std::string five = "iqn.2008-09.com.example:server.target5";
  ASSERT_EQ(all.volumes.size(), 3u);
  const api::Volume& direct = named(all.volumes, "sdd");
  EXPECT_EQ(direct.identity, (api::Identity{.naa = "60000000000000000e000000000a0001",
                                            .serial = "DIRECT1",
                                            .vendor = "VENDOR1",
                                            .product = "DISK",
                                            .revision = "7"}));
  EXPECT_TRUE(direct.removable);
  EXPECT_FALSE(direct.write_cache);
  const api::Volume& back = named(all.volumes, "sdb1");
  EXPECT_TRUE(back.write_cache);
  EXPECT_EQ(back.identity.serial, "SERIAL");
  EXPECT_EQ(back.identity.naa, "60000000000000000e000000000a0002");
  const api::Volume& file = named(all.volumes, "b.img");
  EXPECT_EQ(file.block_bytes, 4096u);
  EXPECT_TRUE(file.read_only);
  EXPECT_EQ(file.identity.naa, "60000000000000000e00000000a50007");
  EXPECT_EQ(file.identity.serial, "multipath-10");
  EXPECT_EQ(file.identity.vendor, "back2");
  EXPECT_THAT(maps_of(import),
              ElementsAre("b.img " + five + " any 15", "sdb1 " + five + " any 2", "sdd " + five + " any 1"));
  EXPECT_THAT(why_left_out(import, "mode_page 8:0:18"), HasSubstr("no counterpart"));
  EXPECT_THAT(why_left_out(import, "LUN 3 (/srv/disks/cd.iso)"), HasSubstr("cd"));
  EXPECT_THAT(why_left_out(import, "MaxRecvDataSegmentLength 8192"), HasSubstr("negotiated"));
  EXPECT_THAT(why_left_out(import, "the options and identity of /srv/disks/b.img"),
              HasSubstr("one identity"));
  EXPECT_THAT(why_left_out(import, "of everybody on iqn.2008-09.com.example:server.target6"),
              HasSubstr("dump"));
}

TEST(ImportTgt, Grammar) {
  const auto text = read_tgt_text(
      "/* a\n */ b c\n<d e/>\n<f>\n g=h\n i \\\n  j\n k \"l m\" # n\n</f>\ninclude /x/*.conf\n");
  ASSERT_TRUE(text) << text.error().text();
  ASSERT_EQ(text->children.size(), 4u);
  EXPECT_EQ(text->children[0].value, "c");
  EXPECT_EQ(text->children[1].value, "e");
  EXPECT_EQ(text->children[3].value, "/x/*.conf");
  const Statement& block = text->children[2];
  ASSERT_EQ(block.children.size(), 3u);
  EXPECT_EQ(block.children[0].value, "h");
  EXPECT_EQ(block.children[1].value, "j");
  EXPECT_EQ(block.children[2].value, "l m");
  const std::pair<const char*, const char*> wrong[] = {{"<a>\n", "line 1"},
                                                       {"<a>\n</b>\n", "line 2"},
                                                       {"\n</a>\n", "line 2"},
                                                       {"<a\n", "line 1"},
                                                       {"a\n/* b\n", "line 2"},
                                                       {"<<include x>>\n", "line 1"},
                                                       {"<a b>\n<c>\n</a>\n", "line 3"},
                                                       {"<>\n", "line 1"}};
  for (const auto& [bad, place] : wrong) {
    const auto refused = read_tgt_text(bad);
    ASSERT_FALSE(refused) << bad;
    EXPECT_EQ(refused.error().place, place) << bad;
  }
  EXPECT_FALSE(import("a b\n", Source::tgt));
  EXPECT_TRUE(import("default-driver iscsi\n", Source::tgt));
}

TEST(Import, EveryExampleIsOneConfigurationAlways) {
  const std::pair<const char*, Source> examples[] = {{"targetcli/rhel9.json", Source::targetcli},
                                                     {"targetcli/demo_mode.json", Source::targetcli},
                                                     {"scst/esos.scst", Source::scst},
                                                     {"scst/truenas.scst", Source::scst},
                                                     {"nvmet/tcp.json", Source::nvmet},
                                                     {"nvmet/rdma.json", Source::nvmet},
                                                     {"tgt/plain.tgt", Source::tgt},
                                                     {"tgt/blocks.tgt", Source::tgt}};
  for (const auto& [name, source] : examples) {
    Import import = imported(example(name), source);
    const Import again = imported(example(name), source);
    EXPECT_EQ(import.configuration, again.configuration);
    ASSERT_EQ(import.left_out.size(), again.left_out.size());
    for (const Import::LeftOut& each : import.left_out) {
      EXPECT_FALSE(each.where.empty() || each.what.empty() || each.why.empty()) << name << ": " << each.what;
    }
    for (api::Volume& volume : import.configuration.volumes) {
      if (volume.size_bytes == 0 && volume.device.empty())
        volume.size_bytes = 4096;  // as the file would tell
      if (volume.identity.serial.size() > 32) volume.identity.serial.clear();
    }
    const auto checked = api::check_configuration(import.configuration);
    EXPECT_TRUE(checked) << name << ": " << checked.error().text();
  }
}

}  // namespace
}  // namespace ashlar::convert
