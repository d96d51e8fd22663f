#include "nvme/event_table.h"

#include <gtest/gtest.h>

namespace ashlar::nvme {
namespace {

TEST(EventTable, TellsOnceUntilTheLogIsRead) {
  EventTable table;
  table.configure(1u << 8 | 1u << 11);
  EXPECT_FALSE(table.take());
  table.raise(Event::namespace_changed);
  table.raise(Event::namespace_changed);
  table.raise(Event::access_changed);
  EXPECT_EQ(table.take(), 0x040002u);
  EXPECT_EQ(table.take(), 0x0c0302u);
  EXPECT_FALSE(table.take());
  table.raise(Event::namespace_changed);
  EXPECT_FALSE(table.take());  // its log has not been read
  table.read(Event::namespace_changed);
  EXPECT_FALSE(table.take());  // that told it
  table.raise(Event::namespace_changed);
  EXPECT_EQ(table.take(), 0x040002u);
}

TEST(EventTable, WhatIsNotWantedIsNotTold) {
  EventTable table;
  table.raise(Event::discovery_changed);
  EXPECT_FALSE(table.take());
  table.configure(1u << 31);
  EXPECT_FALSE(table.take());  // it was before
  table.raise(Event::discovery_changed);
  EXPECT_EQ(table.take(), 0x70f002u);
  table.raise(Event::reservation);  // has a mask of its own
  EXPECT_EQ(table.take(), 0x800006u);
  table.raise(Event::reservation);
  table.reset();
  EXPECT_FALSE(table.take());
}

}  // namespace
}  // namespace ashlar::nvme
