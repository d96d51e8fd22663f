#include "sim/simulation.h"

#include <gtest/gtest.h>

#include "sim/runner.h"

namespace ashlar::simulation {
namespace {

Report run_seed(uint64_t seed) {
  // Kept for ever after a violation: its objects are then in no state to be destroyed.
  auto* simulation = new Simulation({.seed = seed});
  Report report = simulation->run();
  if (!report.violation) delete simulation;
  return report;
}

TEST(SimulationTest, TheSameSeedIsTheSameRun) {
  for (const uint64_t seed : {3, 8, 12}) {
    const Report once = run_seed(seed);
    const Report again = run_seed(seed);
    EXPECT_EQ(once.violation.value_or(""), "");
    EXPECT_EQ(once.trace_hash, again.trace_hash);
    EXPECT_EQ(once.text(), again.text());
  }
  EXPECT_NE(run_seed(3).trace_hash, run_seed(4).trace_hash);
}

TEST(SimulationTest, SeedsPassAndDoSomething) {
  HostCounters sum;
  uint64_t misfortunes = 0, engines = 0;
  for (uint64_t seed = 100; seed < 140; ++seed) {
    const Report report = run_seed(seed);
    EXPECT_EQ(report.violation.value_or(""), "") << "seed " << seed;
    sum.add(report.hosts);
    misfortunes += report.misfortunes;
    engines += report.engines;
  }
  EXPECT_GT(sum.good, 10'000u);
  EXPECT_GT(sum.unknown, 100u);
  EXPECT_GT(sum.failed, 50u);
  EXPECT_GT(sum.aborts, 50u);
  EXPECT_GT(misfortunes, 200u);
  EXPECT_GT(engines, 80u);
}

TEST(RunnerTest, ReportsEverySeedOnce) {
  std::vector<uint64_t> seeds;
  const uint64_t failed = run_seeds({.first = 5, .seeds = 7, .jobs = 2},
                                    [&](const Finding& finding) { seeds.push_back(finding.seed); });
  EXPECT_EQ(failed, 0u);
  std::sort(seeds.begin(), seeds.end());
  EXPECT_EQ(seeds, (std::vector<uint64_t>{5, 6, 7, 8, 9, 10, 11}));
}

}  // namespace
}  // namespace ashlar::simulation
