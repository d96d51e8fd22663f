// The proof that the simulation can fail: each bug planted in it is found.
#include <gtest/gtest.h>

#include <algorithm>

#include "sim/plant.h"
#include "sim/runner.h"

namespace ashlar::simulation {
namespace {

constexpr uint64_t most_seeds = 400;

class PlantedBugTest : public testing::TestWithParam<std::string> {};

TEST_P(PlantedBugTest, IsFound) {
  RunOptions options;
  options.seeds = most_seeds;
  options.jobs = 2;
  options.planted = GetParam();
  const auto bug = std::ranges::find(planted_bugs(), GetParam(), &PlantedBug::name);
  options.paths = bug->of_paths;
  options.first = bug->first_seed;
  EXPECT_GE(run_seeds(options, [](const Finding&) {}), 1u) << "not in " << most_seeds << " seeds";
}

std::vector<std::string> names() {
  std::vector<std::string> all;
  for (const PlantedBug& bug : planted_bugs()) all.emplace_back(bug.name);
  return all;
}

INSTANTIATE_TEST_SUITE_P(All, PlantedBugTest, testing::ValuesIn(names()),
                         [](const testing::TestParamInfo<std::string>& info) {
                           std::string name = info.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

// And that it needs the bug for it; the simulation itself runs a thousand seeds as they ship (tools/test, stage sim).
TEST(PlantedBugTest, NoBugIsFoundWhereNoneIsPlanted) {
  RunOptions options;
  options.seeds = 20;
  options.jobs = 2;
  std::string text;
  EXPECT_EQ(
      run_seeds(options, [&text](const Finding& finding) { text += finding.failed ? finding.text : ""; }), 0u)
      << text;
}

}  // namespace
}  // namespace ashlar::simulation
