#include "storage/block_devices.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "storage/temporary_folder_test.h"

namespace ashlar::storage {
namespace {

/// sysfs, /dev and /proc as a machine with other disks would show them; the devices are files.
class FakeMachine : public testing::Test {
 protected:
  FakeMachine() : tree_{folder_ / "sys", folder_ / "dev", folder_ / "proc"} {
    for (const char* each : {"sys/block", "dev/disk/by-id", "proc/self"})
      std::filesystem::create_directories(folder_ / each);
    write_file(folder_ / "proc/self/mountinfo", "");
  }
  void sys(const std::string& path, const std::string& text) {
    const std::string file = folder_ / ("sys/block/" + path);
    std::filesystem::create_directories(std::filesystem::path(file).parent_path());
    write_file(file, text);
  }
  void disk(const std::string& name, const std::string& number, uint64_t bytes = 8u << 20) {
    sys(name + "/size", fmt::format("{}\n", bytes / 512));
    sys(name + "/dev", number + "\n");
    const std::string device = folder_ / ("dev/" + std::string(std::filesystem::path(name).filename()));
    write_file(device, "");
    std::filesystem::resize_file(device, bytes);
  }
  void link(const std::string& id, const std::string& device) {
    std::filesystem::create_symlink("../../" + device, folder_ / ("dev/disk/by-id/" + id));
  }
  DeviceFacts find(const std::string& name) {
    const auto all = list_block_devices(tree_);
    EXPECT_TRUE(all) << why(all);
    const auto found = std::ranges::find(*all, folder_ / ("dev/" + name), &DeviceFacts::path);
    return found != all->end() ? *found : DeviceFacts{};
  }

  TemporaryFolder folder_;
  DeviceTree tree_;
};

TEST_F(FakeMachine, TellsADiskAndItsPartitions) {
  disk("sda", "8:0");
  disk("sda/sda1", "8:1", 4u << 20);
  sys("sda/sda1/partition", "1\n");
  sys("sda/queue/logical_block_size", "4096\n");
  sys("sda/queue/rotational", "1\n");
  sys("sda/device/vendor", "ATA     \n");
  sys("sda/device/model", "DISK 9000   \n");
  sys("sda/device/vpd_pg80", std::string("\0\x80\0\x04", 4) + "S123");
  link("ata-DISK_9000_S123", "sda");
  link("wwn-0x5000c500a1b2c3d4", "sda");
  link("scsi-SATA_DISK", "sda");
  link("wwn-0x5000c500a1b2c3d4-part1", "sda1");
  const DeviceFacts whole = find("sda");
  EXPECT_EQ(whole.stable_id, folder_ / "dev/disk/by-id/wwn-0x5000c500a1b2c3d4");
  EXPECT_EQ(whole.size_bytes, 8u << 20);
  EXPECT_EQ(whole.block_bytes, 4096u);
  EXPECT_TRUE(whole.rotational);
  EXPECT_EQ(whole.model, "ATA DISK 9000");
  EXPECT_EQ(whole.serial, "S123");
  EXPECT_EQ(whole.holds, "partitions");
  const DeviceFacts part = find("sda1");
  EXPECT_EQ(part.stable_id, folder_ / "dev/disk/by-id/wwn-0x5000c500a1b2c3d4-part1");
  EXPECT_EQ(part.size_bytes, 4u << 20);
  EXPECT_EQ(part.holds, "");
}

TEST_F(FakeMachine, PrefersTheNameThatTheDiskCarries) {
  disk("nvme0n1", "259:0");
  link("nvme-MODEL_SERIAL", "nvme0n1");
  link("nvme-eui.0025385b71b00fe3", "nvme0n1");
  disk("dm-0", "253:0");
  link("dm-name-vg-lv", "dm-0");
  link("dm-uuid-LVM-abc", "dm-0");
  disk("vda", "254:0");
  EXPECT_EQ(find("nvme0n1").stable_id, folder_ / "dev/disk/by-id/nvme-eui.0025385b71b00fe3");
  EXPECT_EQ(find("dm-0").stable_id, folder_ / "dev/disk/by-id/dm-uuid-LVM-abc");
  EXPECT_EQ(find("vda").stable_id, "");
}

TEST_F(FakeMachine, LeavesOutWhatIsNoDisk) {
  for (const char* name : {"loop0", "ram0", "zram0", "sr0", "fd0"}) disk(name, "7:0");
  disk("sdb", "8:16", 0);
  const auto all = list_block_devices(tree_);
  ASSERT_TRUE(all);
  EXPECT_TRUE(all->empty());
  sys("loop0/loop/backing_file", "/srv/image\n");
  EXPECT_EQ(find("loop0").model, "loop of /srv/image");
  EXPECT_EQ(find("loop0").stable_id, folder_ / "dev/loop0");
}

TEST_F(FakeMachine, WhatIsInUseIsNotFree) {
  disk("sda", "8:0");
  disk("sdb", "8:16");
  disk("sdc", "8:32");
  disk("sdd", "8:48");
  sys("sdc/holders/dm-0/x", "");
  write_file(folder_ / "proc/self/mountinfo",
             "27 1 8:0 / /srv/with\\040space rw - ext4 /dev/sda rw\n28 1 0:40 / /mnt rw shared:1 - btrfs " +
                 (folder_ / "dev/sdd") + " rw\n");
  write_file(folder_ / "proc/swaps", "Filename Type Size\n" + (folder_ / "dev/sdb") + " partition 1 0 -2\n");
  EXPECT_EQ(find("sda").holds, "mounted on /srv/with space");
  EXPECT_EQ(find("sdb").holds, "swap in use");
  EXPECT_EQ(find("sdc").holds, "used by dm-0");
  EXPECT_EQ(find("sdd").holds, "mounted on /mnt");
}

TEST_F(FakeMachine, WhatCannotBeReadIsNotFree) {
  disk("sda", "8:0");
  std::filesystem::remove(folder_ / "dev/sda");
  EXPECT_TRUE(find("sda").holds.starts_with("unreadable"));
  disk("sdb", "8:16");
  std::filesystem::remove(folder_ / "proc/self/mountinfo");
  EXPECT_TRUE(find("sdb").holds.starts_with("unreadable"));
}

TEST_F(FakeMachine, FindsWhatIsOnADevice) {
  disk("sda", "8:0");
  disk("sdb", "8:16");
  disk("sdc", "8:32");
  std::fstream swap(folder_ / "dev/sda", std::ios::in | std::ios::out | std::ios::binary);
  swap.seekp(1024) << std::string("\x01\0\0\0\xff\x07\0\0", 8);  // version 1, 2047 pages
  swap.seekp(4086) << "SWAPSPACE2";
  swap.close();
  std::fstream table(folder_ / "dev/sdb", std::ios::in | std::ios::out | std::ios::binary);
  table.seekp(446) << std::string("\0\0\0\0\x83\0\0\0\x01\0\0\0\x10\0\0\0", 16);
  table.seekp(510) << "\x55\xaa";
  table.close();
  EXPECT_EQ(find("sda").holds, "swap");
  EXPECT_EQ(find("sdb").holds, "partitions");
  EXPECT_EQ(find("sdc").holds, "");
}

TEST_F(FakeMachine, NoBlockDevicesAtAllIsAnError) {
  std::filesystem::remove_all(folder_ / "sys");
  EXPECT_EQ(list_block_devices(tree_).error().code, ErrorCode::not_found);
}

TEST(BlockDevices, ALoopDeviceIsListedWithWhatItHolds) {
  const LoopDevice loop(16u << 20);
  if (loop.path().empty()) {
    const auto all = list_block_devices();
    EXPECT_TRUE(all) << why(all);
    GTEST_SKIP() << "no loop device can be made here; only the call was looked at";
  }
  const auto facts = [&]() -> DeviceFacts {
    const auto all = list_block_devices();
    if (!all) return {};
    const auto found = std::ranges::find(*all, loop.path(), &DeviceFacts::path);
    return found != all->end() ? *found : DeviceFacts{};
  };
  EXPECT_EQ(facts().stable_id, loop.path());
  EXPECT_EQ(facts().size_bytes, 16u << 20);
  EXPECT_EQ(facts().holds, "");
  ASSERT_TRUE(run("mkfs.ext4 -q " + loop.path()));
  EXPECT_EQ(facts().holds, "ext4");
  ASSERT_TRUE(run("wipefs -a " + loop.path()));
  EXPECT_EQ(facts().holds, "");
}

}  // namespace
}  // namespace ashlar::storage
