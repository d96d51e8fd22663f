#include "unit/nexus.h"

#include <gtest/gtest.h>

namespace ashlar::unit {
namespace {

TEST(AttentionQueue, ReportsInOrderOfArrivalAndEachReasonOnce) {
  AttentionQueue queue;
  EXPECT_TRUE(queue.empty());
  queue.raise(Attention::luns_changed);
  queue.raise(Attention::capacity_changed);
  queue.raise(Attention::luns_changed);
  ASSERT_EQ(queue.size(), 2u);
  EXPECT_EQ(queue.pop(), Attention::luns_changed);
  EXPECT_EQ(queue.pop(), Attention::capacity_changed);
  EXPECT_TRUE(queue.empty());
}

TEST(AttentionQueue, AResetSwallowsWhatCameBefore) {
  AttentionQueue queue;
  queue.raise(Attention::nexus_loss);
  queue.raise(Attention::mode_parameters_changed);
  queue.raise(Attention::reset_of_unit);
  queue.raise(Attention::capacity_changed);
  ASSERT_EQ(queue.size(), 2u);
  EXPECT_EQ(queue.pop(), Attention::reset_of_unit);
  EXPECT_EQ(queue.pop(), Attention::capacity_changed);
}

TEST(AttentionQueue, TheGraverResetStays) {
  AttentionQueue queue;
  queue.raise(Attention::power_on);
  queue.raise(Attention::reset_of_unit);
  ASSERT_EQ(queue.size(), 1u);
  EXPECT_EQ(queue.front(), Attention::power_on);
  queue.pop();
  queue.raise(Attention::reset_of_unit);
  queue.raise(Attention::reset_by_port);
  ASSERT_EQ(queue.size(), 1u);
  EXPECT_EQ(queue.front(), Attention::reset_by_port);
}

TEST(AttentionQueue, ClearsOneReasonWhereverItStands) {
  AttentionQueue queue;
  queue.raise(Attention::inquiry_data_changed);
  queue.raise(Attention::luns_changed);
  queue.raise(Attention::commands_cleared);
  EXPECT_TRUE(queue.clear(Attention::luns_changed));
  EXPECT_FALSE(queue.clear(Attention::luns_changed));
  ASSERT_EQ(queue.size(), 2u);
  EXPECT_EQ(queue.pop(), Attention::inquiry_data_changed);
  EXPECT_EQ(queue.pop(), Attention::commands_cleared);
}

TEST(AttentionQueue, HoldsEveryReasonAtOnce) {
  AttentionQueue queue;
  for (int reason = 0; reason < static_cast<int>(attention_kinds); ++reason)
    queue.raise(static_cast<Attention>(reason));
  EXPECT_EQ(queue.size(), attention_kinds - 2);  // of the three resets one stays
  EXPECT_EQ(queue.front(), Attention::power_on);
}

}  // namespace
}  // namespace ashlar::unit
