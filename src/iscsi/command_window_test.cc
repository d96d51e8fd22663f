#include "iscsi/command_window.h"

#include <gtest/gtest.h>

namespace ashlar::iscsi {
namespace {

using Verdict = CommandWindow::Verdict;

TEST(CommandWindow, TakesCommandsInOrder) {
  CommandWindow window(10, 4);
  EXPECT_EQ(window.receive(10, false), Verdict::execute);
  EXPECT_EQ(window.receive(11, false), Verdict::execute);
  EXPECT_EQ(window.expected(), 12u);
}

TEST(CommandWindow, ParksWhatIsEarlyAndIgnoresWhatIsOutside) {
  CommandWindow window(10, 4);
  EXPECT_EQ(window.receive(12, false), Verdict::park);
  EXPECT_EQ(window.receive(13, false), Verdict::park);
  EXPECT_EQ(window.receive(14, false), Verdict::ignore);
  EXPECT_EQ(window.receive(9, false), Verdict::ignore);
  EXPECT_EQ(window.expected(), 10u);
}

TEST(CommandWindow, ImmediateCommandsDoNotMoveIt) {
  CommandWindow window(10, 1);
  EXPECT_EQ(window.receive(10, true), Verdict::execute);
  EXPECT_EQ(window.receive(999, true), Verdict::execute);
  EXPECT_EQ(window.expected(), 10u);
}

TEST(CommandWindow, OpensAsCommandsEndAndNeverGoesBack) {
  CommandWindow window(10, 4);
  EXPECT_EQ(window.maximum(0), 13u);
  EXPECT_EQ(window.receive(10, false), Verdict::execute);
  EXPECT_EQ(window.maximum(1), 13u);
  EXPECT_EQ(window.maximum(0), 14u);
  EXPECT_EQ(window.maximum(4), 14u);
}

TEST(CommandWindow, ClosesWhenTheQueueIsFull) {
  CommandWindow window(10, 2);
  window.receive(10, false);
  window.receive(11, false);
  EXPECT_EQ(window.maximum(2), 11u);  // ExpCmdSN 12, MaxCmdSN 11: closed
  EXPECT_EQ(window.receive(12, false), Verdict::ignore);
  EXPECT_EQ(window.maximum(1), 12u);
  EXPECT_EQ(window.receive(12, false), Verdict::execute);
}

TEST(CommandWindow, WrapsAroundLikeSerialNumbers) {
  CommandWindow window(0xfffffffe, 8);
  EXPECT_EQ(window.receive(0xfffffffe, false), Verdict::execute);
  EXPECT_EQ(window.receive(0xffffffff, false), Verdict::execute);
  EXPECT_EQ(window.receive(0, false), Verdict::execute);
  EXPECT_EQ(window.receive(0xffffffff, false), Verdict::ignore);
  EXPECT_EQ(window.expected(), 1u);
  EXPECT_TRUE(serial_before(0xffffffff, 0));
  EXPECT_FALSE(serial_before(0, 0xffffffff));
}

}  // namespace
}  // namespace ashlar::iscsi
