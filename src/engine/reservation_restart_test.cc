// What hosts reserved is still theirs after the engine that they reserved it with.
#include <gmock/gmock.h>

#include "engine/restart_world_test.h"

namespace ashlar::engine {
namespace {

constexpr uint8_t reservation_conflict = 0x18;
constexpr char other_host[] = "iqn.2026-11.com.example:h2";

class ReservationRestart : public RestartTest {
 protected:
  // The status of PERSISTENT RESERVE OUT, then of a write.
  uint8_t ask(const char* host, uint8_t action, uint64_t key, uint64_t new_key, uint8_t flags = 0) {
    std::vector<uint8_t> list(24);
    store_be64(list.data(), key);
    store_be64(&list[8], new_key);
    list[20] = flags;
    const uint8_t type = action == 0 ? 0 : 1;  // write exclusive
    return with(host,
                [&](initiator::BlockUnit& unit) {
                  return unit.execute({0x5f, action, type, 0, 0, 0, 0, 0, 24, 0}, list, {});
                })
        .status;
  }
  uint8_t write(const char* host) {
    const std::vector<uint8_t> block(512);
    return with(host, [&](initiator::BlockUnit& unit) { return unit.write(0, 1, block); }).status;
  }
  std::optional<rpc::ReservationStatus> told(const std::string& only = "volumes/demo") {
    return world.run([&] { return world.engine->status(only); }).volumes.at(0).reservations;
  }
};

TEST_F(ReservationRestart, AReservationOutlivesTheEngine) {
  EXPECT_FALSE(told().has_value());
  EXPECT_EQ(ask(demo_host, 0, 0, 10), 0);
  EXPECT_EQ(ask(demo_host, 1, 10, 0), 0);
  restart();
  EXPECT_EQ(write(other_host), reservation_conflict);
  EXPECT_EQ(write(demo_host), 0);
  ASSERT_TRUE(told().has_value());
  EXPECT_EQ(told()->type, "write exclusive");
  EXPECT_EQ(told()->registrations.at(0).key, "0x000000000000000a");
  EXPECT_TRUE(told()->registrations.at(0).holds);
  EXPECT_THAT(told()->holder, testing::StartsWith(demo_host));
}

// A thousand registrations of every volume would be more than a line of the door holds.
TEST_F(ReservationRestart, WhoIsRegisteredIsToldOfOneVolumeAlone) {
  EXPECT_EQ(ask(demo_host, 0, 0, 10), 0);
  for (const char* only : {"", "volumes"}) {
    ASSERT_TRUE(told(only).has_value());
    EXPECT_EQ(told(only)->registered, 1u);
    EXPECT_THAT(told(only)->registrations, testing::IsEmpty());
  }
  EXPECT_EQ(told()->registered, 1u);
  EXPECT_EQ(told()->registrations.at(0).key, "0x000000000000000a");
}

// SPC-4 5.12.5.
TEST_F(ReservationRestart, APowerCycleEndsItUnlessItWasToPersist) {
  EXPECT_EQ(ask(demo_host, 0, 0, 10), 0);
  EXPECT_EQ(ask(demo_host, 1, 10, 0), 0);
  restart("boot 2");
  EXPECT_FALSE(told().has_value());
  EXPECT_EQ(write(other_host), 0);
  EXPECT_EQ(ask(demo_host, 0, 0, 10, 0x01), 0) << "APTPL";
  EXPECT_EQ(ask(demo_host, 1, 10, 0), 0);
  restart("boot 3");
  EXPECT_EQ(write(other_host), reservation_conflict);
  EXPECT_TRUE(told()->persists);
}

TEST_F(ReservationRestart, TheAdministratorEndsIt) {
  EXPECT_EQ(ask(demo_host, 0, 0, 10), 0);
  EXPECT_EQ(ask(demo_host, 1, 10, 0), 0);
  EXPECT_EQ(write(other_host), reservation_conflict);
  EXPECT_FALSE(world.run([&] { return world.engine->clear_reservations("none"); }));
  EXPECT_TRUE(world.run([&] { return world.engine->clear_reservations("demo"); }));
  EXPECT_EQ(write(other_host), 0);
  restart();
  EXPECT_FALSE(told().has_value());
  EXPECT_EQ(write(other_host), 0);
}

TEST_F(ReservationRestart, AVolumeThatWasAwayHasWhatItHad) {
  EXPECT_EQ(ask(demo_host, 0, 0, 10), 0);
  EXPECT_EQ(ask(demo_host, 1, 10, 0), 0);
  EXPECT_TRUE(world.apply({}));
  EXPECT_TRUE(world.apply(document));
  EXPECT_EQ(write(other_host), reservation_conflict);
}

TEST_F(ReservationRestart, AVolumeThatIsForgottenBeginsAnew) {
  EXPECT_EQ(ask(demo_host, 0, 0, 10), 0);
  EXPECT_EQ(ask(demo_host, 1, 10, 0), 0);
  const auto forget = [this](const std::string& uuid) {
    return world.run([&] { return world.engine->forget(uuid); });
  };
  EXPECT_EQ(forget("demo").error().place, "uuid");
  EXPECT_EQ(forget(identity->uuid).error().code, ErrorCode::busy);
  EXPECT_EQ(write(other_host), reservation_conflict) << "it is served, and keeps it";
  EXPECT_TRUE(world.apply({}));
  EXPECT_TRUE(forget("f47ac10b-58cc-4372-a567-0e02b2c3d479")) << "nothing is known of it";
  EXPECT_TRUE(forget(identity->uuid));
  EXPECT_TRUE(world.apply(document));
  EXPECT_EQ(write(other_host), 0);
  EXPECT_FALSE(told().has_value());
}

}  // namespace
}  // namespace ashlar::engine
