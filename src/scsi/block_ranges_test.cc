#include "scsi/block_ranges.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

namespace ashlar::scsi {
namespace {

using Ranges = std::vector<wire::scsi::BlockDeviceRange>;

TEST(LayOver, CutsWhereEitherSideEnds) {
  const Ranges source = {{10, 4}, {0, 0}, {100, 4}};
  const Ranges destination = {{0, 3}, {50, 3}};
  EXPECT_EQ(lay_over(source, 512, 512, destination, 512),
            (std::vector<RangePair>{{11 * 512, 0, 3 * 512}, {100 * 512, 50 * 512, 3 * 512}}));
  EXPECT_EQ(lay_over(source, 512, 0, Ranges{{1, 1}}, 4096),
            (std::vector<RangePair>{{10 * 512, 4096, 4 * 512}, {100 * 512, 4096 + 4 * 512, 4 * 512}}));
}

// Byte i of the destination is byte skip + i of the source, whatever the ranges are.
RC_GTEST_PROP(LayOver, FillsInOrder, ()) {
  const auto lengths = *rc::gen::container<std::vector<uint32_t>>(rc::gen::inRange<uint32_t>(0, 9));
  Ranges source;
  std::vector<uint64_t> blocks;
  for (const uint32_t length : lengths) {
    source.push_back({1000 * source.size(), length});
    for (uint32_t i = 0; i < length; ++i) blocks.push_back(source.back().lba + i);
  }
  const uint64_t skip = *rc::gen::inRange<uint64_t>(0, blocks.size() + 1);
  Ranges destination;
  for (uint64_t left = blocks.size() - skip; left > 0;) {
    const auto length = *rc::gen::inRange<uint32_t>(1, static_cast<uint32_t>(left) + 1);
    destination.push_back({500 * destination.size(), length});
    left -= length;
  }
  std::vector<std::pair<uint64_t, uint64_t>> expected, found;
  size_t next = skip;
  for (const auto& range : destination)
    for (uint32_t i = 0; i < range.blocks; ++i) expected.emplace_back(blocks[next++], range.lba + i);
  for (const RangePair& pair : lay_over(source, 512, skip * 512, destination, 512))
    for (uint64_t i = 0; i < pair.length / 512; ++i)
      found.emplace_back(pair.source_offset / 512 + i, pair.destination_offset / 512 + i);
  RC_ASSERT(found == expected);
}

}  // namespace
}  // namespace ashlar::scsi
