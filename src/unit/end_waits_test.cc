#include "unit/end_waits.h"

#include <gtest/gtest.h>

#include "loop/sim_world.h"

namespace ashlar::unit {
namespace {

TEST(EndWaits, EachIsCalledOnceFromTheReadyListWhenItsLastHasEnded) {
  loop::SimWorld world(1);
  loop::SimLoop& loop = world.add_process("p", 1, {.small = 1, .medium = 1, .large = 1}).loop(0);
  EndWaits waits;
  const int one = 0, two = 0, other = 0;
  int both = 0, second = 0;
  loop.enter([&] {
    waits.add({&one, &two}, [&] { ++both; });
    waits.add({&two}, [&] { ++second; });
    waits.ended(loop, &other);
    waits.ended(loop, &two);
    EXPECT_EQ(second, 0) << "not before the ready list runs";
  });
  world.run_for(loop::seconds(1));
  EXPECT_EQ(both, 0);
  EXPECT_EQ(second, 1);
  loop.enter([&] {
    waits.ended(loop, &one);
    waits.ended(loop, &two);
  });
  world.run_for(loop::seconds(1));
  EXPECT_EQ(both, 1);
  EXPECT_EQ(second, 1);
}

}  // namespace
}  // namespace ashlar::unit
