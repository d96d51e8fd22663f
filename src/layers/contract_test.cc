#include "block/contract_test.h"

#include "layers/encrypted_test.h"
#include "layers/layers.h"
#include "stores/stores.h"

namespace ashlar::layers {
namespace {

using block::Contract;
using block::Subject;

std::unique_ptr<block::World> small_world() { return std::make_unique<block::TestWorld>(); }
std::unique_ptr<block::World> simulated_world() { return std::make_unique<block::SimulatedWorld>(11); }

enum class Encrypted : uint8_t { no, yes };

Subject::Open over_memory(std::vector<block::StoreSpec> layers, Encrypted encrypted = Encrypted::no) {
  auto registry = std::make_shared<block::Registry>();
  stores::add_all(*registry);
  add_all(*registry);
  return [=](uint64_t size, uint32_t block_bytes) -> loop::Task<StackedStore> {
    block::StackSpec spec;
    spec.name = "contract";
    spec.store.kind = "memory";
    spec.store.size_bytes = size;
    spec.store.block_bytes = block_bytes;
    spec.layers = layers;
    if (encrypted == Encrypted::yes) {
      spec.wrap = [](std::shared_ptr<block::Store> below) -> loop::Task<StackedStore> {
        co_return encrypt(std::move(below));
      };
    }
    return block::open_stack(*registry, spec, "subject");
  };
}

block::StoreSpec layer(std::string kind, std::map<std::string, std::string> options = {}) {
  block::StoreSpec spec;
  spec.kind = std::move(kind);
  spec.options = std::move(options);
  return spec;
}

// Slow at random, never wrong.
const std::map<std::string, std::string> slow = {
    {"rate_per_million", "300000"}, {"error", "none"}, {"delay_ms", "3"}};

INSTANTIATE_TEST_SUITE_P(
    Layers, Contract,
    testing::Values(Subject{"stats", small_world, over_memory({})},
                    Subject{"fault_idle", small_world, over_memory({layer("fault")})},
                    Subject{"fault_slow", small_world, over_memory({layer("fault", slow)})},
                    Subject{"encrypted", small_world, over_memory({}, Encrypted::yes)},
                    Subject{"encrypted_of_4096", simulated_world,
                            over_memory({layer("fault", slow)}, Encrypted::yes), true, 4096},
                    Subject{
                        "high_stack", simulated_world,
                        over_memory({layer("stats"), layer("fault", slow), layer("stats"), layer("fault")}),
                        true, 4096}),
    block::subject_name);

}  // namespace
}  // namespace ashlar::layers
