// An engine with units of another array stops when it is told to, whatever that array does not answer.
#include "engine/engine_world_test.h"
#include "initiator/remote_store.h"

namespace ashlar::engine {
namespace {

// What connects to this place waits: the other array has lost its network.
const loop::Endpoint lost_iscsi{"10.0.0.2", 3260}, lost_nvme{"10.0.0.2", 4420};

rpc::VolumeDocument remote_volume(const std::string& name, const std::string& urls) {
  rpc::VolumeDocument volume = file_volume(name);
  // With a name and a size it opens without a path.
  volume.store = {"remote", {{"urls", urls}, {"identity", "naa.3001020304050607"}}};
  return volume;
}

class RemoteStop : public testing::TestWithParam<const char*> {
 protected:
  RemoteStop() {
    initiator::add_remote(world.registry);
    for (const loop::Endpoint& place : {lost_iscsi, lost_nvme})
      world.world.network().block(place, true, true);
  }
  /// How long it takes.
  loop::Nanoseconds stop() {
    const loop::Instant before = world.world.now();
    world.run([this] { return world.engine->stop(loop::seconds(5)); });
    return world.world.now() - before;
  }
  EngineWorld world;
};

TEST_P(RemoteStop, DoesNotWaitForAnAttempt) {
  rpc::Document document = demo_document();
  document.volumes.push_back(remote_volume("away", GetParam()));
  const auto applied = world.apply(document);
  ASSERT_TRUE(applied) << applied.error().text();
  // The first attempt of the volume's own paths has 5 s.
  world.world.run_for(loop::seconds(1));
  EXPECT_LT(stop(), loop::milliseconds(500));
}

INSTANTIATE_TEST_SUITE_P(Urls, RemoteStop,
                         testing::Values("iscsi://10.0.0.2/iqn.2026-11.com.example:other/0",
                                         "nvme-tcp://10.0.0.2/nqn.2026-11.com.example:other/1",
                                         "iscsi://10.0.0.2/iqn.2026-11.com.example:other/0 "
                                         "nvme-tcp://10.0.0.2/nqn.2026-11.com.example:other/1"),
                         [](const auto& info) {
                           return std::string(info.index == 0 ? "iscsi" : info.index == 1 ? "nvme" : "both");
                         });

}  // namespace
}  // namespace ashlar::engine
