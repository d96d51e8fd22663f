// Bugs of a host with paths, and of the target behind them.
#include "sim/plant.h"

namespace ashlar::simulation {
namespace {

class ForgottenDoubts final : public Plant {
 public:
  void install(loop::SimWorld& /*world*/, block::Registry& /*registry*/) override {}
  bool forgets_doubts() const override { return true; }
};

}  // namespace

std::unique_ptr<Plant> make_path_plant(std::string_view name, uint64_t seed) {
  if (name == "path-write-lost") return make_file_plant("write-lost", seed);
  if (name == "doubts-forgotten") return std::make_unique<ForgottenDoubts>();
  return nullptr;
}

}  // namespace ashlar::simulation
