#include "iscsi/answer_log.h"

#include <gtest/gtest.h>

namespace ashlar::iscsi {
namespace {

TEST(AnswerLog, KeepsUntilAcknowledged) {
  AnswerLog log;
  const std::vector<uint8_t> pdu = {1, 2, 3};
  for (uint32_t i = 0xfffffffe; i != 3; ++i) log.add(i, pdu);  // over the wrap
  EXPECT_EQ(log.size(), 5u);
  log.acknowledge(0xffffffff);
  EXPECT_EQ(log.find(0xfffffffe), nullptr);
  ASSERT_NE(log.find(0xffffffff), nullptr);
  EXPECT_EQ(log.find(0xffffffff)->pdu, pdu);
  log.acknowledge(2);
  EXPECT_EQ(log.size(), 1u);
  EXPECT_NE(log.find(2), nullptr);
  log.acknowledge(0xffffffff);
  EXPECT_EQ(log.size(), 1u) << "an older number acknowledges nothing";
  EXPECT_EQ(log.find(3), nullptr);
}

TEST(AnswerLog, Bounded) {
  AnswerLog many;
  for (uint32_t i = 0; i < 2 * AnswerLog::most_answers; ++i) many.add(i, std::vector<uint8_t>(48));
  EXPECT_EQ(many.size(), AnswerLog::most_answers);
  EXPECT_EQ(many.find(0), nullptr);
  AnswerLog large;
  for (uint32_t i = 0; i < 100; ++i) large.add(i, std::vector<uint8_t>(60'000));
  EXPECT_LE(large.size() * 60'000, AnswerLog::most_bytes);
  EXPECT_NE(large.find(99), nullptr);
}

}  // namespace
}  // namespace ashlar::iscsi
