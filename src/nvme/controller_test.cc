#include "nvme/controller.h"

#include <gtest/gtest.h>

#include "nvme/directory.h"
#include "wire/nvme_command.h"

namespace ashlar::nvme {
namespace {

ControllerFacts facts(uint16_t id, const std::string& subsystem = "nqn.2026-11.a:s") {
  ControllerFacts made;
  made.id = id;
  made.subsystem = subsystem;
  made.host_name = "nqn.2026-11.a:h";
  made.host_id = {1, 2, 3};
  return made;
}

TEST(Registers, StatusFollowsTheConfiguration) {
  constexpr uint32_t sizes = 6u << 16 | 4u << 20;
  EXPECT_EQ(status_after(0, false), 0u);
  EXPECT_EQ(status_after(1 | sizes, false), Registers::ready);
  EXPECT_EQ(status_after(1 | sizes | 6u << 4, false), Registers::ready);
  EXPECT_EQ(status_after(1, true), Registers::ready);  // a discovery controller has no such queues
  EXPECT_EQ(status_after(1, false), Registers::fatal);
  EXPECT_EQ(status_after(1 | sizes | 1u << 7, false), Registers::fatal);   // pages of 8 KiB
  EXPECT_EQ(status_after(1 | sizes | 1u << 11, false), Registers::fatal);  // weighted arbitration
  EXPECT_EQ(status_after(1 | sizes | 1u << 14, false), Registers::ready | Registers::shutdown_complete);
}

TEST(Controllers, IdsAreOneEach) {
  Controllers controllers;
  const auto first = controllers.create(facts(wire::nvme::dynamic_controller), {.all = 3});
  const auto second = controllers.create(facts(wire::nvme::dynamic_controller), {.all = 3});
  EXPECT_NE(first->facts.id, second->facts.id);
  EXPECT_EQ(controllers.create(facts(second->facts.id), {.all = 3}), nullptr);
  const auto chosen = controllers.create(facts(700), {.all = 3});
  EXPECT_EQ(chosen->facts.id, 700);
  EXPECT_EQ(controllers.create(facts(wire::nvme::dynamic_controller), {.all = 3}), nullptr);  // the bound
  controllers.remove(*first);
  const auto later = controllers.create(facts(wire::nvme::dynamic_controller), {.all = 3});
  EXPECT_NE(later->facts.id, first->facts.id);  // not at once again
  EXPECT_EQ(controllers.find(700), chosen);
}

TEST(Controllers, BoundsOfTheSubsystemAndOfTheHost) {
  Controllers controllers;
  constexpr Controllers::Most most{.of_subsystem = 1, .of_host = 2};
  ASSERT_NE(controllers.create(facts(wire::nvme::dynamic_controller), most), nullptr);
  EXPECT_EQ(controllers.create(facts(wire::nvme::dynamic_controller), most), nullptr);
  EXPECT_NE(controllers.create(facts(wire::nvme::dynamic_controller, "nqn.2026-11.a:t"), most), nullptr);
  EXPECT_EQ(controllers.create(facts(wire::nvme::dynamic_controller, "nqn.2026-11.a:u"), most),
            nullptr);  // the host's
  EXPECT_EQ(controllers.of_subsystem("nqn.2026-11.a:s").size(), 1u);
}

TEST(Controllers, WhoHasStillToProveItselfKeepsNobodyOut) {
  Controllers controllers;
  constexpr Controllers::Most most{.of_subsystem = 1, .of_host = 1};
  const auto guest = controllers.create(facts(wire::nvme::dynamic_controller), most, true);
  ASSERT_NE(guest, nullptr);
  EXPECT_TRUE(guest->barred.load());
  const auto host = controllers.create(facts(wire::nvme::dynamic_controller), most);
  ASSERT_NE(host, nullptr);
  EXPECT_FALSE(controllers.admit(*guest, most)) << "there are enough without it";
  controllers.remove(*host);
  EXPECT_TRUE(controllers.admit(*guest, most));
  EXPECT_EQ(controllers.create(facts(wire::nvme::dynamic_controller), most), nullptr);
}

TEST(Controller, QueuesAreTakenOnce) {
  Controller controller(facts(1));
  EXPECT_TRUE(controller.take_queue(3, 1));
  EXPECT_FALSE(controller.take_queue(3, 0));
  EXPECT_EQ(controller.shard_of(3), 1u);
  controller.leave_queue(3);
  EXPECT_FALSE(controller.shard_of(3));
}

TEST(Controller, KeepsTheNewestErrors) {
  Controller controller(facts(1));
  for (uint16_t i = 0; i < 100; ++i) {
    wire::nvme::ErrorEntry entry;
    entry.command_id = i;
    controller.note_error(entry);
  }
  EXPECT_EQ(controller.errors().size(), most_error_entries);
  EXPECT_EQ(controller.errors()[0].command_id, 99);
  EXPECT_EQ(controller.errors()[0].number, 100u);
}

TEST(Registrants, HostIdsComeBackOutOfTheirNames) {
  const Controller controller(facts(1));
  EXPECT_EQ(host_id_of(controller.nexus.initiator_port), controller.facts.host_id);
  const Uuid other = host_id_of("iqn.2026-11.com.example:h,i,0x00023d000001");
  EXPECT_NE(other, Uuid{});
  EXPECT_NE(other, host_id_of("iqn.2026-11.com.example:h,i,0x00023d000002"));
}

TEST(Subsystem, SerialsAreOfTheName) {
  EXPECT_EQ(serial_of("nqn.2026-11.a:s"), serial_of("nqn.2026-11.a:s"));
  EXPECT_NE(serial_of("nqn.2026-11.a:s"), serial_of("nqn.2026-11.a:t"));
  EXPECT_EQ(serial_of("x").size(), 16u);
}

}  // namespace
}  // namespace ashlar::nvme
