#include <gtest/gtest.h>

#include "storage/pools.h"

namespace ashlar::storage {
namespace {

// /dev/null stands for a device: that it is no SCSI device is the engine's to say.
TEST(ScsiPool, HandsADeviceToTheEngineAsItIs) {
  const auto verbs = make_direct();
  const auto pool =
      open_scsi_pool({.name = "p", .kind = "scsi", .devices = {"/dev/null", "/dev/zero"}}, *verbs);
  ASSERT_TRUE(pool) << pool.error().text();
  const PoolAbilities abilities = (*pool)->abilities();
  EXPECT_TRUE(abilities.one_volume_a_device);
  EXPECT_FALSE(abilities.thin || abilities.resize || abilities.snapshots);
  EXPECT_EQ((*pool)->usage()->state, "online");
  EXPECT_EQ((*pool)->list()->size(), 2u);
  api::Volume volume{.name = "tape", .pool = "p", .device = "/dev/null", .backing = "/dev/null"};
  EXPECT_EQ(*(*pool)->choose_backing(volume, 0), "/dev/null");
  EXPECT_TRUE((*pool)->create(volume));
  EXPECT_EQ((*pool)->engine_store(volume).options,
            (std::map<std::string, std::string>{{"path", "/dev/null"}}));
  volume.allow = {"firmware", "format"};
  volume.timeout_seconds = 30;
  const EngineStore store = (*pool)->engine_store(volume);
  EXPECT_EQ(store.kind, "scsi");
  EXPECT_EQ(store.options.at("allow"), "firmware,format");
  EXPECT_EQ(store.options.at("timeout_seconds"), "30");
  volume.device = "/dev/full";
  EXPECT_EQ((*pool)->choose_backing(volume, 0).error().place, "device");
  EXPECT_EQ((*pool)->clone("/dev/null", "x").error().code, ErrorCode::unsupported);
  EXPECT_EQ((*pool)->find("/dev/no-such-device").error().code, ErrorCode::not_found);
}

TEST(ScsiPool, WhatIsNoDeviceIsRefusedByItsPlace) {
  const auto verbs = make_direct();
  const auto refused = [&](std::vector<std::string> devices) {
    const auto pool = open_scsi_pool({.name = "p", .kind = "scsi", .devices = std::move(devices)}, *verbs);
    return pool ? std::string("opened") : pool.error().place;
  };
  EXPECT_EQ(refused({}), "devices");
  EXPECT_EQ(refused({"/dev/null", "/etc/passwd"}), "devices[1]");
  EXPECT_EQ(refused({"/dev/null", "/dev/null"}), "devices[1]");
  EXPECT_EQ(refused({"/dev/no-such-device"}), "devices[0]");
  EXPECT_EQ(refused({"/dev/../etc/passwd"}), "devices[0]");
}

}  // namespace
}  // namespace ashlar::storage
