#include "loop/source_table.h"

#include <gtest/gtest.h>

namespace ashlar::loop {
namespace {

Instant at(int64_t count) { return Instant{} + seconds(count); }

TEST(SourceTable, KeysOfAddresses) {
  EXPECT_EQ(SourceTable::source_of("192.0.2.7"), "192.0.2.7");
  EXPECT_EQ(SourceTable::source_of("::ffff:192.0.2.7"), "192.0.2.7");
  EXPECT_EQ(SourceTable::source_of("2001:db8::1"), SourceTable::source_of("2001:db8::ffff:1"));
  EXPECT_NE(SourceTable::source_of("2001:db8::1"), SourceTable::source_of("2001:db8:0:1::1"));
}

TEST(SourceTable, WaitsDoubleUpToABound) {
  SourceTable table;
  for (uint32_t i = 0; i + 1 < SourceTable::free_failures; ++i) table.proof_failed("a", at(100));
  EXPECT_EQ(table.held_back("a", at(100)), Nanoseconds{}) << "the first ones are free";
  table.proof_failed("a", at(100));
  EXPECT_EQ(table.held_back("a", at(100)), seconds(1));
  EXPECT_EQ(table.held_back("a", at(101)), Nanoseconds{});
  table.proof_failed("a", at(101));
  EXPECT_EQ(table.held_back("a", at(101)), seconds(2));
  for (int i = 0; i < 100; ++i) table.proof_failed("a", at(102));
  EXPECT_EQ(table.held_back("a", at(102)), SourceTable::longest_wait);
  EXPECT_EQ(table.held_back("b", at(102)), Nanoseconds{}) << "others do not wait";
}

TEST(SourceTable, FailuresAreForgottenInTimeAndBySuccess) {
  SourceTable table;
  for (int i = 0; i < 10; ++i) table.proof_failed("a", at(1));
  table.proof_failed("a", at(1) + SourceTable::memory + seconds(1));
  EXPECT_EQ(table.held_back("a", at(1) + SourceTable::memory + seconds(1)), Nanoseconds{});
  for (int i = 0; i < 10; ++i) table.proof_failed("a", at(900));
  table.proof_succeeded("a");
  EXPECT_EQ(table.held_back("a", at(900)), Nanoseconds{});
  EXPECT_EQ(table.size(), 0u);
}

TEST(SourceTable, Bounded) {
  SourceTable table;
  table.login_began("live");
  for (size_t i = 0; i < SourceTable::capacity * 2; ++i)
    table.proof_failed(std::to_string(i), at(static_cast<int64_t>(i)));
  EXPECT_LE(table.size(), SourceTable::capacity);
  EXPECT_EQ(table.half_open("live"), 1u);
  table.login_over("live");
}

TEST(SourceTable, TheMostLoginsOfOneSource) {
  SourceTable table;
  EXPECT_EQ(table.most_half_open(), 0u);
  table.login_began("a");
  table.login_began("b");
  table.login_began("b");
  EXPECT_EQ(table.most_half_open(), 2u);
  table.login_over("b");
  table.login_over("b");
  EXPECT_EQ(table.most_half_open(), 1u);
  EXPECT_EQ(table.size(), 1u);
  table.login_over("a");
}

}  // namespace
}  // namespace ashlar::loop
