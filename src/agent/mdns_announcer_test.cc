#include "agent/mdns_announcer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "agent/world_test.h"

namespace ashlar::agent {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

api::Configuration with_portals() {
  api::Configuration all;
  all.settings = {{"array.name", "san1"}, {"nvme.mdns", true}};
  all.portals = {{.name = "a", .address = "192.0.2.1"},
                 {.name = "n", .protocol = "nvme-tcp", .address = "192.0.2.1", .port = 8009},
                 {.name = "m", .protocol = "nvme-tcp", .address = "192.0.2.2", .port = 8009},
                 {.name = "o", .protocol = "nvme-tcp", .address = "192.0.2.2", .port = 4420}};
  return all;
}

TEST(Announcements, OneForEachPort) {
  api::Configuration all = with_portals();
  EXPECT_THAT(announcements_of(all),
              ElementsAre(Announcement{"san1 o", "o", 4420}, Announcement{"san1 n", "n", 8009}));
  EXPECT_THAT(publisher_arguments({"san1 n", "n", 8009}),
              ElementsAre("avahi-publish-service", "--", "san1 n", "_nvme-disc._tcp", "8009", "p=tcp",
                          "nqn=nqn.2014-08.org.nvmexpress.discovery"));
  all.settings.pop_back();  // it is off unless somebody asks for it
  EXPECT_THAT(announcements_of(all), IsEmpty());
  all = with_portals();
  all.settings[0].value = std::string(64, 'x');
  EXPECT_THAT(announcements_of(all)[0].name, SizeIs(63));
}

// A program in Avahi's place: it writes down what it was started with, and stays, or not.
class MdnsAnnouncing : public testing::Test {
 protected:
  MdnsAnnouncing() : folder_(testing::TempDir() + "/mdns_announcing") {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    std::filesystem::remove(said());
    EXPECT_TRUE(world.open());
    world.furnish();
  }
  ~MdnsAnnouncing() override { std::filesystem::remove_all(folder_); }
  std::string said() const { return folder_ + "/said"; }
  std::string publisher(const std::string& end) {
    const std::string program = folder_ + "/publisher";
    std::ofstream(program) << "#!/bin/sh\necho \"$@\" >> " << said() << "\n" << end << "\n";
    ::chmod(program.c_str(), 0755);
    return program;
  }
  std::vector<std::string> lines() const {
    std::ifstream file(said());
    std::vector<std::string> all;
    for (std::string line; std::getline(file, line);) all.push_back(line);
    return all;
  }
  // Whatever comes about in its time; a minute is for machines that are very busy.
  template <typename Condition>
  bool comes_about(Condition condition) {
    for (int i = 0; i < 6000; ++i) {
      if (condition()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  }
  void announce() {
    world.must_change([](api::Configuration& next) {
      next.portals.push_back({.name = "n", .protocol = "nvme-tcp", .address = "192.0.2.10", .port = 8009});
      next.settings.push_back({"nvme.mdns", true});
    });
  }
  std::string folder_;
  ArrayWorld world;
  int64_t second_ = 1;
};

TEST_F(MdnsAnnouncing, FollowsTheConfiguration) {
  MdnsAnnouncer announcer(world.array(), [this] { return second_; }, publisher("exec sleep 600"));
  announcer.follow();
  EXPECT_THAT(announcer.statuses(), IsEmpty());
  announce();
  announcer.follow();
  ASSERT_TRUE(comes_about([&] { return lines().size() == 1; }));
  EXPECT_EQ(lines()[0], "-- ashlar n _nvme-disc._tcp 8009 p=tcp nqn=nqn.2014-08.org.nvmexpress.discovery");
  announcer.follow();
  ASSERT_THAT(announcer.statuses(), SizeIs(1));
  EXPECT_TRUE(announcer.statuses()[0].published);
  world.must_change([](api::Configuration& next) { api::find_named(next.portals, "n")->port = 8010; });
  announcer.follow();
  ASSERT_TRUE(comes_about([&] { return lines().size() == 2; }));
  world.must_change([](api::Configuration& next) { next.settings.back().value = false; });
  announcer.follow();
  EXPECT_THAT(announcer.statuses(), IsEmpty());
  announcer.stop();
}

TEST_F(MdnsAnnouncing, OneThatEndsIsStartedAgainLater) {
  MdnsAnnouncer announcer(world.array(), [this] { return second_; }, publisher("exit 1"));
  announce();
  announcer.follow();
  const auto ended = [&] {
    announcer.follow();
    return !announcer.statuses()[0].published;
  };
  ASSERT_TRUE(comes_about(ended));
  announcer.follow();
  EXPECT_THAT(lines(), SizeIs(1));
  second_ += MdnsAnnouncer::retry_seconds;
  announcer.follow();
  ASSERT_TRUE(comes_about([&] { return lines().size() == 2; }));
}

// As the agent has them blocked, for its own sigwait().
TEST_F(MdnsAnnouncing, APublisherHasNoneOfOurSignalsBlockedAndEndsWhateverItDoes) {
  sigset_t ends, before;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  ASSERT_EQ(pthread_sigmask(SIG_BLOCK, &ends, &before), 0);
  {
    MdnsAnnouncer announcer(
        world.array(), [this] { return second_; },
        publisher("grep SigBlk /proc/self/status >> " + said() + "\ntrap '' TERM\necho ready >> " + said() +
                  "\nwhile true; do sleep 1; done"));
    announce();
    announcer.follow();
    ASSERT_TRUE(comes_about([&] { return lines().size() == 3; }));
    EXPECT_EQ(lines()[1], "SigBlk:\t0000000000000000");
    EXPECT_EQ(lines()[2], "ready");
    announcer.stop();  // it would wait for ever
    EXPECT_THAT(announcer.statuses(), IsEmpty());
  }
  EXPECT_EQ(pthread_sigmask(SIG_SETMASK, &before, nullptr), 0);
}

TEST_F(MdnsAnnouncing, WithoutAvahiNothingIsPublished) {
  MdnsAnnouncer announcer(world.array(), [this] { return second_; }, folder_ + "/there-is-none");
  announce();
  const auto gave_up = [&] {
    announcer.follow();
    return !announcer.statuses()[0].published;
  };
  EXPECT_TRUE(comes_about(gave_up));
}

}  // namespace
}  // namespace ashlar::agent
