// Fused Compare and Write, and halves that are alone.
#include <gtest/gtest.h>

#include "nvmetcp/array_test.h"

namespace ashlar::nvmetcp::test {
namespace {

using initiator::nvme_blocks;
using wire::nvme::Fuse;

struct Pair {
  Status first, second;
  bool operator==(const Pair&) const = default;
};

Task<Pair> fused(NvmeQueue& queue, uint64_t lba, std::vector<uint8_t> expected, std::vector<uint8_t> wanted) {
  Submission compare = nvme_blocks(IoOpcode::compare, 1, lba, static_cast<uint32_t>(expected.size() / 512));
  compare.set_fuse(Fuse::first);
  Submission write = nvme_blocks(IoOpcode::write, 1, lba, static_cast<uint32_t>(wanted.size() / 512));
  write.set_fuse(Fuse::second);
  auto first = status_of(queue, compare, std::move(expected));
  auto second = status_of(queue, write, std::move(wanted));
  const Status compared = co_await first;
  const Status written = co_await second;
  co_return Pair{compared, written};
}

TEST(NvmeFused, WritesWhatWasEqualAndNothingElse) {
  Array array;
  array.run([](Array* the_array) -> Task<void> {
    auto attaching = attach(the_array->options());
    const auto controller = co_await attaching;
    NvmeQueue& queue = controller->io();
    const auto old_data = std::vector<uint8_t>(512), new_data = pattern(512, 5);
    EXPECT_EQ(co_await fused(queue, 40, old_data, new_data), (Pair{Status::success, Status::success}));
    EXPECT_EQ(co_await read_blocks(queue, 40, 1), new_data);
    EXPECT_EQ(co_await fused(queue, 40, old_data, pattern(512, 6)),
              (Pair{Status::compare_failure, Status::aborted_failed_fused}));
    EXPECT_EQ(co_await read_blocks(queue, 40, 1), new_data);
    // Data by R2T, both halves.
    EXPECT_EQ(co_await fused(queue, 100, std::vector<uint8_t>(16384), pattern(16384, 7)),
              (Pair{Status::success, Status::success}));
    EXPECT_EQ(co_await read_blocks(queue, 100, 32), pattern(16384, 7));
    // Ranges that differ.
    EXPECT_EQ(co_await fused(queue, 40, std::vector<uint8_t>(1024), new_data),
              (Pair{Status::aborted_failed_fused, Status::invalid_field}));
  });
  EXPECT_EQ(array.buffers_in_use(), 0u);
}

TEST(NvmeFused, HalvesWithoutTheirOtherHalf) {
  Array array;
  array.run([](Array* the_array) -> Task<void> {
    auto attaching = attach(the_array->options());
    const auto controller = co_await attaching;
    NvmeQueue& queue = controller->io();
    Submission compare = nvme_blocks(IoOpcode::compare, 1, 0, 1);
    compare.set_fuse(Fuse::first);
    Submission write = nvme_blocks(IoOpcode::write, 1, 0, 1);
    write.set_fuse(Fuse::second);
    EXPECT_EQ(co_await status_of(queue, write, pattern(512, 1)), Status::aborted_missing_fused);
    // A plain command between them: the first is alone, the plain one is done, the second is alone, too.
    auto first = status_of(queue, compare, std::vector<uint8_t>(512));
    auto plain = status_of(queue, nvme_blocks(IoOpcode::flush, 1, 0, 1));
    auto second = status_of(queue, write, pattern(512, 1));
    EXPECT_EQ(co_await first, Status::aborted_missing_fused);
    EXPECT_EQ(co_await plain, Status::success);
    EXPECT_EQ(co_await second, Status::aborted_missing_fused);
    // Two firsts: the later one goes on.
    auto early = status_of(queue, compare, std::vector<uint8_t>(512));
    EXPECT_EQ(co_await fused(queue, 0, std::vector<uint8_t>(512), pattern(512, 2)),
              (Pair{Status::success, Status::success}));
    EXPECT_EQ(co_await early, Status::aborted_missing_fused);
    // A first that fails takes its second with it, not the pair behind it.
    Submission wrong = nvme_blocks(IoOpcode::compare, 1, UINT64_MAX, 1);
    wrong.set_fuse(Fuse::first);
    EXPECT_EQ(co_await status_of(queue, wrong, std::vector<uint8_t>(512)), Status::lba_out_of_range);
    EXPECT_EQ(co_await status_of(queue, write, pattern(512, 3)), Status::aborted_failed_fused);
    EXPECT_EQ(co_await fused(queue, 0, pattern(512, 2), pattern(512, 3)),
              (Pair{Status::success, Status::success}));
    // A pair that never gets its second ends with its queue.
    auto lonely = status_of(queue, compare, std::vector<uint8_t>(512));
    co_await loop::sleep_for(loop::seconds(1));
    the_array->each([&](uint32_t i) {
      if (i == 0) the_array->domains[0]->drop_controller(controller->id(), "a test");
    });
    EXPECT_EQ(co_await lonely, Status::internal_path_error);
  });
  EXPECT_EQ(array.buffers_in_use(), 0u);
}

// An entry that is refused before anybody looked at it stands in the queue all the same: `flush` and `read` here, which bring data.
TEST(NvmeFused, EntriesThatAreRefusedCount) {
  Array array;
  array.run([](Array* the_array) -> Task<void> {
    auto attaching = attach(the_array->options());
    const auto controller = co_await attaching;
    NvmeQueue& queue = controller->io();
    const std::vector<uint8_t> zeroes(512);
    Submission compare = nvme_blocks(IoOpcode::compare, 1, 0, 1),
               write = nvme_blocks(IoOpcode::write, 1, 0, 1);
    compare.set_fuse(Fuse::first);
    write.set_fuse(Fuse::second);
    // Between the halves.
    auto first = status_of(queue, compare, zeroes);
    auto between = status_of(queue, nvme_blocks(IoOpcode::flush, 1, 0, 1), zeroes);
    auto second = status_of(queue, write, pattern(512, 1));
    EXPECT_EQ(co_await first, Status::aborted_missing_fused);
    EXPECT_EQ(co_await between, Status::descriptor_type_invalid);
    EXPECT_EQ(co_await second, Status::aborted_missing_fused);
    // As the first, and as the second.
    Submission refused = nvme_blocks(IoOpcode::read, 1, 0, 1);
    refused.set_fuse(Fuse::first);
    EXPECT_EQ(co_await status_of(queue, refused, zeroes), Status::descriptor_type_invalid);
    EXPECT_EQ(co_await status_of(queue, write, pattern(512, 1)), Status::aborted_failed_fused);
    refused.set_fuse(Fuse::second);
    auto half = status_of(queue, compare, zeroes);
    EXPECT_EQ(co_await status_of(queue, refused, zeroes), Status::descriptor_type_invalid);
    EXPECT_EQ(co_await half, Status::aborted_failed_fused);
    EXPECT_EQ(co_await read_blocks(queue, 0, 1), zeroes);
    EXPECT_EQ(co_await fused(queue, 0, zeroes, pattern(512, 2)), (Pair{Status::success, Status::success}));
  });
  EXPECT_EQ(array.buffers_in_use(), 0u);
}

TEST(NvmeFused, OneOfTwoHostsWins) {
  Array array(2);
  array.run([](Array* the_array) -> Task<void> {
    auto attaching = attach(the_array->options(1));
    const auto one = co_await attaching;
    auto attaching_second = attach(the_array->options(2));
    const auto two = co_await attaching_second;
    std::vector<uint8_t> current(512);
    for (uint8_t round = 1; round < 200; ++round) {
      const auto wish_one = pattern(512, round), wish_two = pattern(512, static_cast<uint8_t>(round + 50));
      auto first = fused(one->io(), 7, current, wish_one);
      auto second = fused(two->io(), 7, current, wish_two);
      const Pair outcome_one = co_await first;
      const Pair outcome_two = co_await second;
      const bool one_won = outcome_one.first == Status::success,
                 two_won = outcome_two.first == Status::success;
      EXPECT_NE(one_won, two_won) << static_cast<int>(round);
      current = co_await read_blocks(one->io(), 7, 1);
      EXPECT_EQ(current, one_won ? wish_one : wish_two);
    }
  });
}

}  // namespace
}  // namespace ashlar::nvmetcp::test
