// What a host of one protocol erased, a host of the other is told of, also by the engine's next life.
#include <gmock/gmock.h>

#include "engine/record_file.h"
#include "engine/restart_world_test.h"
#include "initiator/nvme_controller.h"
#include "wire/nvme_persistent_events.h"

namespace ashlar::engine {
namespace {

using initiator::NvmeController;
using wire::nvme::AdminOpcode;
using wire::nvme::IoOpcode;
using wire::nvme::Status;

constexpr char subsystem[] = "nqn.2026-11.io.ashlar:demo";
constexpr uint16_t port = 4420;

class EraseRestart : public RestartTest {
 protected:
  void SetUp() override {
    document.portals.push_back({.name = "n", .address = "10.0.0.1", .port = port, .protocol = "nvme-tcp"});
    document.targets.push_back({.name = subsystem});
    document.mappings.push_back({.host = "all", .target = subsystem, .volume = "demo"});
    RestartTest::SetUp();
  }
  /// What `make` does with a controller of its own.
  template <typename Make>
  auto by_nvme(Make make) {
    initiator::NvmeQueueOptions options;
    options.endpoint = {"10.0.0.1", port};
    options.subsystem = subsystem;
    options.host_name = "nqn.2014-08.org.nvmexpress:uuid:h1";
    options.host_id = {7};
    auto attached = world.run_as_host([&] { return NvmeController::attach(world.host.loop(0), options, 1); });
    CHECK(attached.has_value(), "{}", attached.error().text());
    auto answer = world.run_as_host([&] { return make(**attached); });
    world.host.loop(0).enter([&] { attached->reset(); });
    world.world.run_for(loop::seconds(1));
    return answer;
  }
  Status command(AdminOpcode opcode, uint32_t word10) {
    wire::nvme::Submission entry;
    entry.set_opcode(static_cast<uint8_t>(opcode));
    entry.set_namespace_id(opcode == AdminOpcode::format_nvm ? 1 : 0);
    entry.set_word(10, word10);
    const auto answer =
        by_nvme([&entry](NvmeController& controller) { return controller.admin().run(entry); });
    world.world.run_for(loop::seconds(10));
    return answer ? answer->completion.outcome.status : Status::internal_path_error;
  }
  /// SSTAT and SCDW10.
  std::pair<uint16_t, uint32_t> sanitize_log() {
    const auto page = by_nvme([](NvmeController& controller) {
      return controller.log({.page = wire::nvme::LogPage::sanitize_status, .bytes = 512});
    });
    return {load_le16(page->data.data() + 2), load_le32(page->data.data() + 4)};
  }
  Status write(uint8_t value) {
    const std::vector<uint8_t> data(4096, value);
    const auto entry = initiator::nvme_blocks(IoOpcode::write, 1, 0, 8);
    return by_nvme([&](NvmeController& controller) { return controller.io().run(entry, data); })
        ->completion.outcome.status;
  }
  std::vector<uint8_t> read() {
    const auto entry = initiator::nvme_blocks(IoOpcode::read, 1, 0, 8);
    return by_nvme([&](NvmeController& controller) { return controller.io().run(entry, {}, 4096); })->data;
  }
  uint8_t by_scsi(initiator::Cdb cdb) {
    return with(demo_host, [&](initiator::BlockUnit& unit) { return unit.execute(cdb, {}, {}); }).status;
  }
  wire::nvme::PersistentLog persistent_log() {
    const auto page = by_nvme([](NvmeController& controller) {
      return controller.log({.page = wire::nvme::LogPage::persistent_events, .bytes = 65536, .specific = 1});
    });
    return wire::nvme::decode_persistent_log(page->data);
  }
  static std::vector<int> kinds_of(const wire::nvme::PersistentLog& log) {
    std::vector<int> kinds;
    for (const auto& each : log.events) kinds.push_back(static_cast<int>(each.kind));
    return kinds;
  }
  /// What people were told of them.
  std::vector<std::string> erasures() {
    std::vector<std::string> told;
    for (const rpc::Event& event : world.engine->events().since(0).events) {
      if (!event.kind.starts_with("volume.format_") && !event.kind.starts_with("volume.sanitize_")) continue;
      told.push_back(event.kind);
      for (const auto& [name, value] : event.fields) told.back() += fmt::format(" {}={}", name, value);
    }
    return told;
  }
  Uuid volume_uuid() {
    const Result<Uuid> uuid = parse_uuid(identity->uuid, "uuid");
    CHECK(uuid.has_value(), "{}", uuid.error().text());
    return *uuid;
  }
  const std::vector<uint8_t> zeroes = std::vector<uint8_t>(4096);
};

TEST_F(EraseRestart, ASanitizeOfScsiIsTheLatestForNvme) {
  EXPECT_EQ(sanitize_log(), std::pair(uint16_t{0}, 0u));
  EXPECT_EQ(write(7), Status::success);
  EXPECT_EQ(by_scsi({0x48, 0x22, 0, 0, 0, 0, 0, 0, 0, 0}), 0);  // BLOCK ERASE with AUSE
  EXPECT_EQ(sanitize_log(), std::pair(uint16_t{1}, 2u | 1u << 3));
  EXPECT_EQ(read(), zeroes);
  restart();
  EXPECT_EQ(sanitize_log(), std::pair(uint16_t{1}, 2u | 1u << 3));
}

TEST_F(EraseRestart, NvmeErasesWhatScsiReads) {
  EXPECT_EQ(write(7), Status::success);
  EXPECT_EQ(command(AdminOpcode::format_nvm, 1u << 9), Status::success);
  EXPECT_EQ(read(), zeroes);
  EXPECT_EQ(write(8), Status::success);
  EXPECT_EQ(command(AdminOpcode::sanitize, 2), Status::success);
  EXPECT_EQ(by_scsi({0x00, 0, 0, 0, 0, 0}), 0);  // TEST UNIT READY: it is over
  EXPECT_EQ(read(), zeroes);
  restart();
  EXPECT_EQ(sanitize_log(), std::pair(uint16_t{1}, 2u));
}

// Whether this disk was erased, and when, is asked after a restart.
TEST_F(EraseRestart, ThePersistentEventLogOutlivesTheEngine) {
  EXPECT_EQ(command(AdminOpcode::format_nvm, 1u << 9), Status::success);
  EXPECT_EQ(by_scsi({0x48, 0x22, 0, 0, 0, 0, 0, 0, 0, 0}), 0);  // BLOCK ERASE with AUSE
  const wire::nvme::PersistentLog before = persistent_log();
  EXPECT_THAT(kinds_of(before), testing::ElementsAre(10, 9, 8, 7, 4, 4));
  EXPECT_EQ(before.power_cycles, 2u);  // the world's own engine was the first
  restart("boot 2");
  const wire::nvme::PersistentLog after = persistent_log();
  EXPECT_THAT(kinds_of(after), testing::ElementsAre(4, 10, 9, 8, 7, 4, 4));
  EXPECT_EQ(after.power_cycles, 3u);
  EXPECT_TRUE(std::equal(before.events.begin(), before.events.end(), after.events.begin() + 1));
  EXPECT_EQ(load_le32(after.events[2].data.data() + 4),
            2u | 1u << 3);  // as the Sanitize that it would have been
}

// It destroys data: people hear of it, whatever protocol brought it.
TEST_F(EraseRestart, PeopleHearOfItFromEitherProtocol) {
  EXPECT_EQ(command(AdminOpcode::format_nvm, 1u << 9), Status::success);
  EXPECT_EQ(by_scsi({0x48, 0x22, 0, 0, 0, 0, 0, 0, 0, 0}), 0);  // BLOCK ERASE
  EXPECT_THAT(erasures(), testing::ElementsAre(
                              "volume.format_started host=all initiator=nqn.2014-08.org.nvmexpress:uuid:h1 "
                              "volume=demo",
                              "volume.format_completed host=all initiator=nqn.2014-08.org.nvmexpress:uuid:h1 "
                              "volume=demo",
                              "volume.sanitize_started host=all initiator=iqn.2026-11.com.example:h1 "
                              "method=block erase volume=demo",
                              "volume.sanitize_completed host=all initiator=iqn.2026-11.com.example:h1 "
                              "method=block erase volume=demo"));
  restart();
  EXPECT_THAT(erasures(), testing::ElementsAre());
}

// The machine loses power in the midst of it: the next engine says so, once.
TEST_F(EraseRestart, PeopleHearOfOneThatWasCutShort) {
  const Uuid uuid = volume_uuid();
  const std::string record =
      "format_corrupt\nformat began 1796000000000 0 0 0 0 1 0 0 nqn.2014-08.org.nvmexpress:uuid:h1 web1 ";
  world.run([&] { return write_record(fmt::format("/srv/rewrites/{}", uuid_text(uuid)), record); });
  restart();
  EXPECT_THAT(erasures(),
              testing::ElementsAre(
                  "volume.format_failed error=the engine ended before it did, or the volume was closed "
                  "host=web1 initiator=nqn.2014-08.org.nvmexpress:uuid:h1 volume=demo"));
  restart();
  EXPECT_THAT(erasures(), testing::ElementsAre());
}

// The whole of an encrypted volume is gone with its key, by either command.
TEST_F(EraseRestart, KeysAreErased) {
  document.volumes[0].encrypted = true;
  document.volumes[0].store.options["path"] = "/srv/encrypted.img";
  identity.reset();
  restart();
  for (const auto& [opcode, word] :
       {std::pair{AdminOpcode::format_nvm, 2u << 9}, std::pair{AdminOpcode::sanitize, 4u}}) {
    EXPECT_EQ(write(9), Status::success);
    EXPECT_EQ(read(), std::vector<uint8_t>(4096, 9));
    EXPECT_EQ(command(opcode, word), Status::success);
    EXPECT_NE(read(), std::vector<uint8_t>(4096, 9));
  }
  EXPECT_EQ(sanitize_log(), std::pair(uint16_t{1}, 4u));
}

}  // namespace
}  // namespace ashlar::engine
