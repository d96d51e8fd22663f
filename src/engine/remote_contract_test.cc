// The contract of the waist, for the store "remote": an engine on the other side, and all of it by the simulated network.
#include "block/contract_test.h"
#include "engine/engine_world_test.h"
#include "initiator/remote_store.h"

namespace ashlar::engine {
namespace {

using block::Contract;
using block::Subject;

constexpr char contract_subsystem[] = "nqn.2026-11.io.ashlar:demo";

/// The story runs in the host's process, of two shards.
class RemoteWorld final : public block::World {
 public:
  RemoteWorld()
      : engine_(1, 5), host_(engine_.world.add_process("initiator", 2, BufferPool::Sizes{64, 16, 4})) {
    current = this;
  }
  ~RemoteWorld() override {
    engine_.world.run_for(loop::seconds(30));  // paths that close
    current = nullptr;
  }
  loop::SimProcess& shards() override { return host_; }
  void run(block::Story story) override {
    bool over = false;
    host_.send(0, [&] { block::worlds_detail::follow(story, [&over] { over = true; }).detach(); });
    CHECK(engine_.world.run_until([&over] { return over; }, std::chrono::hours(1)),
          "the story waits for ever");
  }
  /// A new, empty volume over there; its LUN.
  loop::Task<uint16_t> make_volume(uint64_t bytes, uint32_t block_bytes, bool cached) {
    rpc::Document document = demo_document();
    document.portals.push_back({.name = "p2", .address = "10.0.0.1", .port = 3261, .group_tag = 2});
    document.portals.push_back({.name = "n", .address = "10.0.0.1", .port = 4420, .protocol = "nvme-tcp"});
    document.targets.push_back({.name = contract_subsystem});
    rpc::VolumeDocument volume = file_volume(fmt::format("v{}", ++made_), bytes);
    volume.store = {"memory", {}};
    volume.block_bytes = block_bytes;
    volume.write_cache = cached;
    document.volumes.push_back(volume);
    const auto lun = static_cast<uint16_t>(made_);
    document.mappings.push_back({.host = "all", .target = demo_target, .volume = volume.name, .lun = lun});
    document.mappings.push_back(
        {.host = "all", .target = contract_subsystem, .volume = volume.name, .lun = lun});
    bool over = false;
    engine_.array.send(0, [&] { apply(document, over).detach(); });
    while (!over) co_await loop::sleep_for(loop::milliseconds(1));
    co_return lun;
  }
  static RemoteWorld* current;

 private:
  loop::Task<void> apply(rpc::Document document, bool& over) {
    auto applying = engine_.engine->apply(std::move(document), false);
    const auto applied = co_await applying;
    CHECK(applied, "{}", applied.error().text());
    over = true;
  }
  EngineWorld engine_;
  loop::SimProcess& host_;
  int made_ = 0;
};
RemoteWorld* RemoteWorld::current = nullptr;

std::unique_ptr<block::World> remote_world() { return std::make_unique<RemoteWorld>(); }

/// Paths by name: "i", iSCSI; "n", NVMe/TCP.
Subject::Open opens(std::string paths, bool cached) {
  auto registry = std::make_shared<block::Registry>();
  initiator::add_remote(*registry);
  // The subject holds the closure as long as there are tests. NOLINTNEXTLINE(cppcoreguidelines-avoid-capturing-lambda-coroutines)
  return [=](uint64_t size, uint32_t block_bytes) -> loop::Task<Result<std::shared_ptr<block::Store>>> {
    auto making = RemoteWorld::current->make_volume(size, block_bytes, cached);
    const uint16_t lun = co_await making;
    block::StoreSpec spec;
    spec.kind = "remote";
    spec.block_bytes = block_bytes;
    std::string urls;
    for (const char path : paths) {
      urls += path == 'n'
                  ? fmt::format("nvme-tcp://10.0.0.1/{}/{} ", contract_subsystem, lun + 1)
                  : fmt::format("iscsi://10.0.0.1:{}/{}/{} ", path == 'i' ? 3260 : 3261, demo_target, lun);
    }
    spec.options["urls"] = urls;
    auto opening = registry->open(spec, "subject");
    co_return co_await opening;
  };
}

INSTANTIATE_TEST_SUITE_P(
    Remote, Contract,
    testing::Values(Subject{"iscsi", remote_world, opens("i", false), true, 512, false},
                    Subject{"iscsi_two_paths_cached", remote_world, opens("ij", true), true, 512, false},
                    Subject{"iscsi_4096", remote_world, opens("i", false), true, 4096, false},
                    Subject{"nvme", remote_world, opens("n", false), true, 512, false},
                    Subject{"nvme_4096_cached", remote_world, opens("n", true), true, 4096, false},
                    Subject{"both_protocols", remote_world, opens("in", true), true, 512, false}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace ashlar::engine
