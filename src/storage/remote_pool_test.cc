#include <gtest/gtest.h>

#include "storage/pools.h"

namespace ashlar::storage {
namespace {

constexpr char one[] = "iscsi://192.0.2.7/iqn.x:a/0 iscsi://192.0.2.8/iqn.x:a/0";
constexpr char other[] = "nvme-tcp://192.0.2.7/nqn.x:a/1";

TEST(RemotePool, HandsAUnitToTheEngineByItsPaths) {
  const auto verbs = make_direct();
  const auto pool = open_remote_pool({.name = "p", .kind = "remote", .devices = {one, other}}, *verbs);
  ASSERT_TRUE(pool) << pool.error().text();
  EXPECT_TRUE((*pool)->abilities().one_volume_a_device);
  EXPECT_FALSE((*pool)->abilities().snapshots || (*pool)->abilities().thin);
  api::Volume volume{.name = "v", .pool = "p", .device = one, .backing = one};
  EXPECT_EQ(*(*pool)->choose_backing(volume, 0), one);
  EXPECT_TRUE((*pool)->create(volume));
  EXPECT_EQ((*pool)->engine_store(volume).kind, "remote");
  EXPECT_EQ((*pool)->engine_store(volume).options.at("urls"), one);
  EXPECT_EQ((*pool)->list()->size(), 2u);
  volume.device = "iscsi://192.0.2.9/iqn.x:a/0";
  EXPECT_EQ((*pool)->choose_backing(volume, 0).error().place, "device");
  EXPECT_EQ((*pool)->clone(one, "x").error().code, ErrorCode::unsupported);
}

TEST(RemotePool, WhatIsNoUnitIsRefusedByItsPlace) {
  const auto verbs = make_direct();
  const auto refused = [&](std::vector<std::string> devices) {
    const auto pool =
        open_remote_pool({.name = "p", .kind = "remote", .devices = std::move(devices)}, *verbs);
    return pool ? std::string("opened") : pool.error().place;
  };
  EXPECT_EQ(refused({}), "devices");
  EXPECT_EQ(refused({one, "/dev/sg0"}), "devices[1]");
  EXPECT_EQ(refused({one, "iscsi://192.0.2.8/iqn.x:a/0"}), "devices[1]") << "a path of another unit";
  EXPECT_EQ(refused({" "}), "devices[0]");
  const char* const by_name = "iscsi://u@192.0.2.7/iqn.x:a/0";
  EXPECT_EQ(refused({one, by_name}), "devices[1]") << "without its secret";
  EXPECT_TRUE(open_remote_pool({.name = "p",
                                .kind = "remote",
                                .devices = {by_name},
                                .chap = api::Chap{.user = "v", .secret = "secret:1"}},
                               *verbs));
  EXPECT_EQ(refused({"iscsi://192.0.2.7/iqn.x:a/0,iscsi://192.0.2.8/iqn.x:a/0"}), "devices[0]");
}

}  // namespace
}  // namespace ashlar::storage
