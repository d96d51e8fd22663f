#include "loop/loop.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "loop/bare_loop.h"

namespace ashlar::loop {
namespace {

using test::BareLoop;
using test::finish;

class Note final : public Ready {
 public:
  Note(std::string& log, char name, std::function<void()> then = {})
      : log_(log), name_(name), then_(std::move(then)) {}
  void run() override {
    log_ += name_;
    if (then_) then_();
  }

 private:
  std::string& log_;
  char name_;
  std::function<void()> then_;
};

class EndNote final : public TurnEnd {
 public:
  EndNote(std::string& log, char name, std::function<void()> then = {})
      : log_(log), name_(name), then_(std::move(then)) {}
  void turn_end() override {
    log_ += name_;
    if (then_) then_();
  }

 private:
  std::string& log_;
  char name_;
  std::function<void()> then_;
};

TEST(Loop, RunsWhatIsPostedInOrderAndInTheSameTurn) {
  BareLoop loop;
  std::string log;
  Note c(log, 'c');
  Note a(log, 'a', [&] { loop.post(c); });
  Note b(log, 'b');
  loop.post(a);
  loop.post(b);
  loop.turn();
  EXPECT_EQ(log, "abc");
}

TEST(Loop, TurnEndsComeAfterTheReadyListAndOnce) {
  BareLoop loop;
  std::string log;
  EndNote end(log, 'E');
  Note a(log, 'a', [&] {
    loop.at_turn_end(end);
    loop.at_turn_end(end);
  });
  Note b(log, 'b', [&] { loop.at_turn_end(end); });
  loop.post(a);
  loop.post(b);
  loop.turn();
  loop.turn();
  EXPECT_EQ(log, "abE");
}

TEST(Loop, WhatATurnEndPostsRunsInTheNextTurn) {
  BareLoop loop;
  std::string log;
  Note a(log, 'a');
  EndNote end(log, 'E', [&] { loop.post(a); });
  loop.at_turn_end(end);
  loop.turn();
  EXPECT_EQ(log, "E");
  EXPECT_TRUE(loop.busy());
  loop.turn();
  EXPECT_EQ(log, "Ea");
}

TEST(Loop, ATurnEndThatAsksAgainIsCalledInTheNextTurn) {
  BareLoop loop;
  std::string log;
  EndNote* self = nullptr;
  EndNote end(log, 'E', [&] {
    if (log.size() < 3) loop.at_turn_end(*self);
  });
  self = &end;
  loop.at_turn_end(end);
  loop.turn();
  EXPECT_EQ(log, "E");
  loop.settle();
  EXPECT_EQ(log, "EEE");
}

TEST(Loop, ATurnEndMayBeWithdrawnByAnotherOne) {
  BareLoop loop;
  std::string log;
  EndNote second(log, '2');
  EndNote first(log, '1', [&] { loop.withdraw(second); });
  EndNote third(log, '3');
  loop.at_turn_end(first);
  loop.at_turn_end(second);
  loop.at_turn_end(third);
  loop.turn();
  EXPECT_EQ(log, "13");
  EXPECT_FALSE(loop.busy());
}

TEST(Loop, WhatWasPostedMayBeWithdrawn) {
  BareLoop loop;
  std::string log;
  Note b(log, 'b');
  Note a(log, 'a', [&] { loop.withdraw(b); });
  loop.post(a);
  loop.post(b);
  loop.turn();
  EXPECT_EQ(log, "a");
  loop.withdraw(b);  // not there: nothing happens
}

Task<int> sleeper(Nanoseconds span) {
  Task<void> sleeping = sleep_for(span);
  co_await sleeping;
  co_return 1;
}

TEST(Loop, SleepForWaitsForItsTime) {
  BareLoop loop;
  const Task<int> task = sleeper(milliseconds(5));
  loop.turn(milliseconds(4));
  EXPECT_FALSE(task.done());
  loop.turn(milliseconds(1));
  EXPECT_TRUE(task.done());
}

Task<int> ask_for(int value) {
  Task<int> asking = call_on(0, [value] { return value * 2; });
  const int doubled = co_await asking;
  Task<void> telling = call_on(0, [] {});
  co_await telling;
  co_return doubled;
}

TEST(Loop, CallOnBringsTheValueBack) {
  BareLoop loop;
  EXPECT_EQ(finish(loop, ask_for(21)), 42);
}

TEST(Loop, OnEveryShardRunsOnEach) {
  BareLoop loop;
  int runs = 0;
  finish(loop, on_every_shard(loop.shards(), [&](Loop& there) {
           EXPECT_EQ(&there, &loop);
           ++runs;
         }));
  EXPECT_EQ(runs, 1);
}

TEST(Endpoint, PrintsAsPeopleWriteThem) {
  EXPECT_EQ((Endpoint{"192.0.2.7", 3260}.text()), "192.0.2.7:3260");
  EXPECT_EQ((Endpoint{"::1", 3260}.text()), "[::1]:3260");
  EXPECT_EQ((Endpoint{"/run/ashlar.sock", 0}.text()), "/run/ashlar.sock");
}

}  // namespace
}  // namespace ashlar::loop
