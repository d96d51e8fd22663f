#include "block/contract_test.h"

#include <unistd.h>

#include <filesystem>

#include "stores/stores.h"

namespace ashlar::stores {
namespace {

using block::Contract;
using block::Subject;

std::unique_ptr<block::World> small_world() { return std::make_unique<block::TestWorld>(); }
std::unique_ptr<block::World> simulated_world() { return std::make_unique<block::SimulatedWorld>(7); }
std::unique_ptr<block::World> buffered_world() {
  auto world = std::make_unique<block::SimulatedWorld>(8);
  world->disk().settings().direct = false;
  return world;
}
std::unique_ptr<block::World> poor_world() {
  auto world = std::make_unique<block::SimulatedWorld>(9);
  world->disk().settings().punch_hole = false;
  world->disk().settings().zero_range = false;
  return world;
}
std::unique_ptr<block::World> real_world() { return std::make_unique<block::RealWorld>(); }

Subject::Open opens(std::string kind, std::string folder, bool thin = true) {
  // The registry and the counter live as long as the subject: stories take their time.
  auto registry = std::make_shared<block::Registry>();
  add_all(*registry);
  auto opened = std::make_shared<int>(0);
  return [=](uint64_t size, uint32_t block_bytes) -> loop::Task<OpenedStore> {
    block::StoreSpec spec;
    spec.kind = kind;
    spec.size_bytes = size;
    spec.block_bytes = block_bytes;
    spec.thin = thin;
    const std::string path = fmt::format("{}/ashlar-contract-{}-{}-{}", folder, getpid(), kind, ++*opened);
    if (!folder.empty()) spec.options["path"] = path;
    auto opening = registry->open(spec, "subject");
    auto result = co_await opening;
    // A file without a name lives as long as someone has it open.
    if (!folder.empty() && folder != "/sim") std::filesystem::remove(path);
    co_return result;
  };
}

INSTANTIATE_TEST_SUITE_P(
    Stores, Contract,
    testing::Values(Subject{"null", small_world, opens("null", ""), false},
                    Subject{"memory", small_world, opens("memory", "")},
                    Subject{"memory_4096", small_world, opens("memory", ""), true, 4096},
                    Subject{"memory_simulated", simulated_world, opens("memory", "")},
                    Subject{"memory_threads", real_world, opens("memory", "")},
                    Subject{"file_simulated", simulated_world, opens("file", "/sim")},
                    Subject{"file_simulated_thick", simulated_world, opens("file", "/sim", false)},
                    Subject{"file_simulated_4096", simulated_world, opens("file", "/sim"), true, 4096},
                    Subject{"file_simulated_buffered", buffered_world, opens("file", "/sim")},
                    Subject{"file_simulated_no_fallocate", poor_world, opens("file", "/sim")},
                    Subject{"file_on_tmpfs", real_world, opens("file", "/dev/shm")},
                    Subject{"file_on_disk", real_world, opens("file", "/tmp")},
                    Subject{"file_on_disk_thick_4096", real_world, opens("file", "/tmp", false), true, 4096}),
    block::subject_name);

}  // namespace
}  // namespace ashlar::stores
