#include "load/latency_histogram.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <vector>

namespace ashlar::load {
namespace {

TEST(LatencyHistogram, WithoutSamplesAllIsZero) {
  const LatencyHistogram none;
  EXPECT_EQ(none.percentile(0.5), 0);
  EXPECT_EQ(none.least(), 0);
  EXPECT_EQ(none.mean(), 0);
  EXPECT_EQ(none.most(), 0);
}

RC_GTEST_PROP(LatencyHistogram, PercentilesAreWithinOneSixtyFourth, ()) {
  const auto samples = *rc::gen::nonEmpty(
      rc::gen::container<std::vector<uint64_t>>(rc::gen::inRange<uint64_t>(0, 1ull << 40)));
  LatencyHistogram histogram, half, other_half;
  for (size_t i = 0; i < samples.size(); ++i) {
    histogram.add(samples[i]);
    (i % 2 == 0 ? half : other_half).add(samples[i]);
  }
  half.add(other_half);
  std::vector<uint64_t> sorted = samples;
  std::ranges::sort(sorted);
  for (const double fraction : {0.01, 0.5, 0.99, 1.0}) {
    const auto rank =
        static_cast<size_t>(std::max(1.0, std::ceil(fraction * static_cast<double>(sorted.size())))) - 1;
    const double exact = static_cast<double>(sorted[rank]) / 1000.0;
    const double told = histogram.percentile(fraction);
    RC_ASSERT(told <= exact + 1e-9);
    RC_ASSERT(told >= exact * 63.0 / 64.0 - 1e-9);
    RC_ASSERT(half.percentile(fraction) == told);
  }
  RC_ASSERT(half.count() == samples.size());
}

}  // namespace
}  // namespace ashlar::load
