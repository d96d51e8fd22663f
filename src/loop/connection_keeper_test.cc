#include "loop/connection_keeper.h"

#include <gtest/gtest.h>

#include "loop/sim_test.h"

namespace ashlar::loop {
namespace {

struct GuestTag;
class Guest;

struct House final : ConnectionKeeper<Guest, GuestTag> {
  explicit House(Loop& loop) : ConnectionKeeper(loop, "test") {}
  ~House() { end_keeping(); }
  Guest* admit(const std::string& address);

  ConnectionBounds bounds{.all = 100, .half_open = 100, .half_open_of_one_source = 100};
  std::vector<std::string> told;  // what became of guests, and when some had died how many are left

 private:
  void some_died() override { told.push_back(fmt::format("left {}", connections.size())); }
};

class Guest final : public ListNode<GuestTag> {
 public:
  Guest(House& house, const std::string& address)
      : name(address), house_(house), source_(house.login_began({address, 1})) {}
  ~Guest() { house_.told.push_back(name + " dies"); }
  bool half_open() const { return half_open_; }
  const std::string& source() const { return source_; }
  void log_in() {
    if (std::exchange(half_open_, false)) house_.login_over(source_);
  }
  void drain() { house_.told.push_back(name + " drains"); }
  void close(const std::string& kind, const std::string& /*reason*/) {
    log_in();
    house_.told.push_back(name + " " + kind);
    house_.bury(*this);
  }
  std::string name;

 private:
  House& house_;
  const std::string source_;
  bool half_open_ = true;
};

Guest* House::admit(const std::string& address) {
  if (!lets_in({address, 1}, bounds)) return nullptr;
  auto* guest = new Guest(*this, address);
  connections.push_back(*guest);
  return guest;
}

using Told = std::vector<std::string>;

class ConnectionKeeping : public testing::Test {
 public:
  // A stop that is over sees it when it looks next.
  void TearDown() override { world.run_for(seconds(1)); }
  // As if in a turn of the loop, and what comes of it.
  void now(const std::function<void()>& work) {
    loop.enter(work);
    world.run_for(milliseconds(1));
  }
  void close_all() {
    now([this] {
      for (Guest& guest : house->connections) guest.close("closed", "");
    });
  }
  void stop(Nanoseconds patience, Nanoseconds grace) {
    now([this, patience, grace] {
      house->stop(patience, grace, [this] { house->told.emplace_back("stopped"); });
    });
  }
  Told told() { return std::exchange(house->told, {}); }

  SimWorld world{7};
  SimLoop& loop = world.add_process("array", 1, small_pools).loop(0);
  std::unique_ptr<House> house = std::make_unique<House>(loop);
};

TEST_F(ConnectionKeeping, AFullHouseLetsNobodyIn) {
  house->bounds.all = 2;
  now([this] {
    EXPECT_NE(house->admit("a"), nullptr);
    EXPECT_NE(house->admit("a"), nullptr);
    EXPECT_EQ(house->admit("b"), nullptr);
  });
  EXPECT_EQ(told(), Told{});
  close_all();
  now([this] { EXPECT_NE(house->admit("b"), nullptr); });
  close_all();
}

TEST_F(ConnectionKeeping, ThoseWhoAreInMakeRoomForNobody) {
  house->bounds = {.all = 100, .half_open = 2, .half_open_of_one_source = 1};
  now([this] {
    house->admit("a")->log_in();
    house->admit("b")->log_in();
    house->admit("a");
    house->admit("a");
  });
  EXPECT_EQ(told(), (Told{"a login.refused", "a dies", "left 3"}));
  EXPECT_FALSE(house->connections.front().half_open()) << "the oldest of all, and in";
  EXPECT_EQ(house->half_open, 1u);
  close_all();
  EXPECT_EQ(house->half_open, 0u);
  EXPECT_EQ(house->sources.size(), 0u);
}

TEST_F(ConnectionKeeping, TheSourceThatHasTheMostMakesRoom) {
  house->bounds = {.all = 100, .half_open = 3, .half_open_of_one_source = 100};
  now([this] {
    house->admit("honest");
    house->admit("busy");
    house->admit("busy")->name = "the younger";
    house->admit("2001:db8::1");
  });
  EXPECT_EQ(told(), (Told{"busy login.refused", "busy dies", "left 3"}));
  now([this] { house->admit("2001:db8::2"); });  // one source with the other of its /64, from now on
  EXPECT_EQ(told(), (Told{"honest login.refused", "honest dies", "left 3"})) << "all have one: the oldest";
  now([this] { house->admit("another"); });
  EXPECT_EQ(told(), (Told{"2001:db8::1 login.refused", "2001:db8::1 dies", "left 3"}));
  close_all();
}

TEST_F(ConnectionKeeping, TheDeadLeaveWhenWhoeverWalksTheListIsDone) {
  now([this] {
    house->admit("a");
    house->admit("b");
    for (Guest& guest : house->connections) guest.close("closed", "");
    EXPECT_EQ(house->connections.size(), 2u);
  });
  EXPECT_EQ(told(), (Told{"a closed", "b closed", "a dies", "b dies", "left 0"}));
}

TEST_F(ConnectionKeeping, AnEmptyHouseStopsAtOnce) {
  stop(seconds(1), seconds(4));
  EXPECT_EQ(told(), Told{"stopped"});
  now([this] { EXPECT_EQ(house->admit("a"), nullptr); });
}

TEST_F(ConnectionKeeping, AStopIsPatientThenDrainsThenCloses) {
  now([this] { house->admit("a"); });
  stop(seconds(1), seconds(4));
  now([this] { EXPECT_EQ(house->admit("b"), nullptr); });
  world.run_for(milliseconds(900));
  EXPECT_EQ(told(), Told{});
  world.run_for(milliseconds(200));
  EXPECT_EQ(told(), Told{"a drains"});
  world.run_for(milliseconds(2800));
  EXPECT_EQ(told(), Told{});
  world.run_for(milliseconds(200));
  EXPECT_EQ(told(), (Told{"a session.dropped", "a dies", "left 0", "stopped"}));
}

TEST_F(ConnectionKeeping, WithoutPatienceItDrainsAtOnce) {
  now([this] { house->admit("a"); });
  loop.enter([this] {
    house->stop({}, seconds(4), [this] { house->told.emplace_back("stopped"); });
    EXPECT_EQ(told(), Told{"a drains"});
  });
  close_all();
  EXPECT_EQ(told(), (Told{"a closed", "a dies", "left 0", "stopped"}));
}

// Nothing of the stop may touch the house then.
TEST_F(ConnectionKeeping, AHouseMayGoAsSoonAsItHasStopped) {
  for (const Nanoseconds patience : {Nanoseconds{}, Nanoseconds{seconds(1)}}) {
    house = std::make_unique<House>(loop);
    now([this] { house->admit("a"); });
    stop(patience, seconds(4));
    close_all();
    EXPECT_EQ(house->told.back(), "stopped");
    house.reset();
    world.run_for(seconds(10));
  }
}

}  // namespace
}  // namespace ashlar::loop
