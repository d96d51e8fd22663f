// The world is stopped at every call of the disk, of the pools and of the engine, and begins again on every disk that this may
// have left.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>

#include "agent/completion.h"
#include "agent/recycling.h"
#include "agent/secret_fields.h"
#include "agent/world_test.h"
#include "api/lists.h"
#include "base/log.h"

namespace ashlar::agent {
namespace {

using api::Configuration;

void add_host(Configuration& next, const std::string& name, const std::string& volume) {
  next.hosts.push_back(host_of(name));
  next.hosts.back().chap = api::Chap{.user = name, .secret = "the secret of " + name};
  next.maps.push_back({.volume = volume, .target = target_name, .host = name});
}

/// A life of an array, change by change.
const std::vector<ArrayWorld::Edit>& changes() {
  static const std::vector<ArrayWorld::Edit> all = {
      [](Configuration& next) {
        next.pools = {{.name = "p0", .kind = "dir", .path = pool_folder}};
        next.portals = {{.name = "san-a", .address = "192.0.2.10"}};
        next.targets = {{.name = target_name}};
      },
      [](Configuration& next) { next.volumes.push_back(volume_of("db1")); },
      [](Configuration& next) { next.volumes.push_back(volume_of("db2")); },
      [](Configuration& next) { add_host(next, "web1", "db1"); },
      [](Configuration& next) { next.snapshots.push_back({.name = "db1@a"}); },
      [](Configuration& next) { api::find_named(next.volumes, "db1")->size_bytes *= 2; },
      [](Configuration& next) {  // the restore
        api::Volume& volume = *api::find_named(next.volumes, "db1");
        volume.backing = std::string(new_backing);
        volume.origin = "db1@a";
        volume.size_bytes = api::find_named(next.snapshots, "db1@a")->size_bytes;
      },
      [](Configuration& next) {
        next.volumes.push_back(volume_of("copy"));
        next.volumes.back().origin = "db1@a";
      },
      [](Configuration& next) { api::find_named(next.volumes, "db2")->size_bytes /= 2; },
      [](Configuration& next) { next.hosts[0].chap->secret = "another secret of web1"; },
      [](Configuration& next) { static_cast<void>(recycle(next, "db1", begin_of_time, 24, "1")); },
      [](Configuration& next) { static_cast<void>(recover(next, "db1.1", "")); },
      [](Configuration& next) { static_cast<void>(recycle(next, "db1", begin_of_time, 24, "2")); },
      [](Configuration& next) {
        next.recycle_bin.clear();
        add_host(next, "web2", "copy");
      },
      [](Configuration& next) { static_cast<void>(recycle(next, "copy", begin_of_time, 0, "3")); }};
  return all;
}
constexpr size_t written_before =
    4;  // a host writes to db1 before this change, the snapshot; and again after it

/// What the caller was told before the power went.
struct Known {
  uint64_t generation = 0;
  Configuration configuration;
};

/// Lives until the power is cut; `power` is still on when nothing was.
Known live(ArrayWorld& world) {
  Known known;
  if (!world.open()) return known;
  const auto write = [&world](const char* content) {
    if (const api::Volume* db1 = api::find_named(world.configuration().volumes, "db1"))
      world.pools.write(pool_folder, db1->backing, content);
  };
  for (size_t i = 0; i < changes().size(); ++i) {
    if (i == written_before) write("before");
    if (i == written_before + 1) write("after");
    const auto outcome = world.change(changes()[i], true);
    if (!outcome) {
      EXPECT_TRUE(world.power.off) << i << ": " << why(outcome);
      break;
    }
    EXPECT_TRUE(outcome->applied) << i;
    known = {world.generation(), world.configuration()};
  }
  return known;
}

void check_contents(const ArrayWorld& world) {
  const auto folders = world.pools.folders();
  const auto& files = folders.at(pool_folder);
  const auto content = [&files](const std::string& backing) { return files.at(backing).content; };
  const Configuration& all = world.configuration();
  for (const api::Snapshot& each : all.snapshots) EXPECT_EQ(content(each.backing), "before");
  for (const api::Volume& each : all.volumes) {
    if (!each.origin.empty()) EXPECT_EQ(content(each.backing), "before") << each.name;
    if (each.name == "db1" && each.origin.empty() && !all.snapshots.empty())
      EXPECT_NE(content(each.backing), "");
  }
}

void check_secrets(const ArrayWorld& world) {
  for (const std::string& each : secret_references(world.configuration()))
    EXPECT_TRUE(const_cast<ArrayWorld&>(world).array().secret(each)) << each;
  std::string texts;
  for (const auto& [path, entry] : world.disk.view()) {
    if (path.starts_with("./config/")) texts += entry.bytes;
  }
  for (const std::string& each : world.kept_secrets())
    EXPECT_NE(texts.find(each), std::string::npos) << each << " is of no generation";
}

/// Begins again on what is there, and looks at everything.
void check_start(ArrayWorld& world, const Known& known, bool was_cut) {
  const auto opened = world.open();
  ASSERT_TRUE(opened) << opened.error().text();
  EXPECT_TRUE(world.array().damaged().empty());
  const uint64_t number = world.generation();
  EXPECT_TRUE(number == known.generation || (was_cut && number == known.generation + 1))
      << number << " where " << known.generation << " was told";
  if (number == known.generation) EXPECT_EQ(world.configuration(), known.configuration);
  EXPECT_EQ(world.files_in_pool(), ArrayWorld::named_files(world.configuration()));
  check_contents(world);
  check_secrets(world);
  const auto served = world.array().serve();
  ASSERT_TRUE(served) << served.error().text();
  EXPECT_THAT(world.array().failures(), testing::IsEmpty());
  EXPECT_EQ(world.served_text(), world.wanted_text());
  // And it goes on.
  const auto next = world.change([](Configuration& all) { add_host(all, "later", "db2"); });
  const bool has_volume = api::find_named(world.configuration().volumes, "db2") != nullptr;
  EXPECT_EQ(next.has_value(), has_volume) << why(next);
  EXPECT_EQ(world.served_text(), world.wanted_text());
}

class ArrayCrash : public testing::Test {
 protected:
  void SetUp() override { set_log_level(LogLevel::error); }
  void TearDown() override { set_log_level(LogLevel::info); }

  /// `plant` stops the world at the call of that number.
  void stop_everywhere(const char* what, const std::function<void(ArrayWorld&, uint64_t)>& plant) {
    for (uint64_t call = 0;; ++call) {
      ArrayWorld world;
      plant(world, call);
      const Known known = live(world);
      const bool was_cut = world.power.off;
      check_images(world, known, was_cut, call % 5 == 0);
      check_other_life(world, known, was_cut);
      if (HasFailure()) FAIL() << "stopped at " << what << " call " << call;
      if (!was_cut) {
        EXPECT_EQ(known.generation, changes().size());
        std::printf("%s: %llu calls, %zu disk images so far\n", what, static_cast<unsigned long long>(call),
                    images_);
        return;
      }
    }
  }

  /// The power is gone for all: the engine has forgotten everything.
  void check_images(ArrayWorld& world, const Known& known, bool was_cut, bool cut_again) {
    for (const state::DiskImage& image : world.disk.images()) {
      ++images_;
      ArrayWorld after(image, world.pools.folders());
      check_start(after, known, was_cut);
      if (HasFailure()) return;
      if (!cut_again || images_ % 7 != 0) continue;
      // The power goes again, while the array recovers.
      for (uint64_t call = 0;; ++call) {
        ArrayWorld second(image, world.pools.folders());
        second.disk.cut_power_at(call);
        static_cast<void>(second.open());
        if (!second.power.off) break;
        for (const state::DiskImage& again : second.disk.images()) {
          ++images_;
          ArrayWorld third(again, second.pools.folders());
          check_start(third, known, was_cut);
          if (HasFailure()) return;
        }
      }
    }
  }

  /// Only the agent ended: the disk has what it wrote, and the engine serves what it was last told.
  static void check_other_life(ArrayWorld& world, const Known& known, bool was_cut) {
    ArrayWorld after(world.disk.view(), world.pools.folders());
    after.engine.set_served(world.engine.served());
    check_start(after, known, was_cut);
  }

  static size_t images_;
};
size_t ArrayCrash::images_ = 0;

TEST_F(ArrayCrash, AtEveryCallOfTheDisk) {
  stop_everywhere("disk", [](ArrayWorld& world, uint64_t call) { world.disk.cut_power_at(call); });
  EXPECT_GT(images_, 300u);
}

TEST_F(ArrayCrash, AtEveryVerbOfThePools) {
  for (const auto kind : {Faults::Kind::cut_before, Faults::Kind::cut_after})
    stop_everywhere("pools",
                    [kind](ArrayWorld& world, uint64_t call) { world.pools.faults.plant(call, kind); });
}

TEST_F(ArrayCrash, AtEveryCallOfTheEngine) {
  for (const auto kind : {Faults::Kind::cut_before, Faults::Kind::cut_after})
    stop_everywhere("engine",
                    [kind](ArrayWorld& world, uint64_t call) { world.engine.faults.plant(call, kind); });
}

}  // namespace
}  // namespace ashlar::agent
