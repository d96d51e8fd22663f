#include "api/host_profile.h"

#include <gtest/gtest.h>

#include "api/testing.h"

namespace ashlar::api {
namespace {

// What one type of host cannot use another one can: a volume is refused for its hosts, not at all.
TEST(HostProfile, RefusesWhatItsHostsCannotUse) {
  Volume volume{.name = "v", .size_bytes = uint64_t{65} << 40, .block_bytes = 4096};
  volume.write_cache = true;
  const auto refused = [&volume](std::string_view name) {
    const auto checked = check_usable(volume, host_profile(name), "v");
    return checked ? "" : checked.error().place;
  };
  for (const char* name : {"generic", "linux", "proxmox", "windows", "beos"})
    EXPECT_EQ(refused(name), "") << name;
  EXPECT_EQ(refused("xen"), "v/block_bytes");
  EXPECT_EQ(refused("esxi"), "v/block_bytes");
  volume.block_bytes = 512;
  EXPECT_EQ(refused("esxi"), "v/size_bytes");
  volume.size_bytes = uint64_t{64} << 40;
  EXPECT_EQ(refused("esxi"), "v/write_cache");
  volume.write_cache = false;
  EXPECT_EQ(refused("esxi"), "");
  EXPECT_EQ(refused("xen"), "");
  volume.physical_block_bytes = 65536;
  EXPECT_EQ(refused("esxi"), "v/physical_block_bytes");
  EXPECT_EQ(refused("windows"), "v/physical_block_bytes");
  EXPECT_EQ(refused("linux"), "");
}

TEST(HostProfile, AVolumeIsFitForEveryHostThatItIsShownTo) {
  Configuration all = testing::small_configuration();
  all.maps[0].host.clear();
  all.maps[0].host_group = "web";
  all.volumes[0].block_bytes = 4096;
  all.hosts[0].os = "linux";
  EXPECT_TRUE(check_configuration(all));
  all.hosts[1].os = "xen";
  const auto refused = check_configuration(all);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("host web2 cannot have it: volumes/db1/block_bytes"),
            std::string::npos)
      << refused.error().text();
}

TEST(HostProfile, SerialNumbersThatBeginAlikeAreForOthers) {
  Configuration all = testing::small_configuration();
  all.volumes[0].identity.serial = "DATASTORE-1";
  all.volumes.push_back({.name = "db2", .pool = "p0", .size_bytes = 512});
  all.volumes[1].identity.serial = "DATASTORE-2";
  EXPECT_TRUE(check_configuration(all));
  for (Volume& each : all.volumes) each.profile = "esxi";
  EXPECT_FALSE(check_configuration(all));
  all.volumes[1].identity.serial = "2-DATASTORE";
  EXPECT_TRUE(check_configuration(all));
}

}  // namespace
}  // namespace ashlar::api
