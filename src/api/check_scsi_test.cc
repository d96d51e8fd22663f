// What a volume that is a SCSI device passed through may not say, and what only such a volume may.
#include <gtest/gtest.h>

#include <functional>

#include "api/testing.h"

namespace ashlar::api {
namespace {

Configuration with_a_tape() {
  Configuration all = testing::small_configuration();
  all.pools.push_back({.name = "tapes", .kind = "scsi", .devices = {"/dev/sg3"}});
  all.volumes.push_back({.name = "tape1", .pool = "tapes", .device = "/dev/sg3", .thin = false});
  return all;
}

TEST(CheckScsi, ATapeIsAVolume) {
  const auto checked = check_configuration(with_a_tape());
  EXPECT_TRUE(checked) << checked.error().text();
}

TEST(CheckScsi, EveryBreachIsNamed) {
  struct Case {
    const char* place;
    std::function<void(Configuration&)> commit;
  };
  const Case cases[] = {
      {"pools/tapes/devices", [](auto& all) { all.pools[1].devices.clear(); }},
      {"volumes/tape1/size_bytes", [](auto& all) { all.volumes[1].size_bytes = 1 << 20; }},
      {"volumes/tape1/write_cache", [](auto& all) { all.volumes[1].write_cache = true; }},
      {"volumes/tape1/removable", [](auto& all) { all.volumes[1].removable = true; }},
      {"volumes/tape1/layers", [](auto& all) { all.volumes[1].layers = {{.kind = "readonly"}}; }},
      {"volumes/tape1/device", [](auto& all) { all.volumes[1].device = "/dev/sg4"; }},
      {"volumes/tape1/allow[1]", [](auto& all) { all.volumes[1].allow = {"ata", "all"}; }},
      {"volumes/tape1/timeout_seconds", [](auto& all) { all.volumes[1].timeout_seconds = 86'401; }},
      {"volumes/db1/allow", [](auto& all) { all.volumes[0].allow = {"ata"}; }},
      {"volumes/db1/timeout_seconds", [](auto& all) { all.volumes[0].timeout_seconds = 5; }},
  };
  for (const Case& each : cases) {
    Configuration all = with_a_tape();
    each.commit(all);
    const auto checked = check_configuration(all);
    ASSERT_FALSE(checked) << each.place;
    EXPECT_EQ(checked.error().place, each.place) << checked.error().text();
  }
}

}  // namespace
}  // namespace ashlar::api
