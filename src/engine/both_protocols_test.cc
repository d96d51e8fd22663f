// One volume, a host of iSCSI and a host of NVMe/TCP: what one reserves, preempts or deallocates is in force for the other, and what
// changes is told to both.
#include "engine/engine_world_test.h"
#include "initiator/nvme_controller.h"

namespace ashlar::engine {
namespace {

using initiator::NvmeController;
using wire::nvme::IoOpcode;
using wire::nvme::Status;
using wire::nvme::Submission;

constexpr char both_subsystem[] = "nqn.2026-11.io.ashlar:both";
constexpr uint16_t both_port = 4420;
constexpr uint64_t scsi_key = 0xa1, nvme_key = 0xb2;

// RTYPE of NVMe and TYPE of SPC-4 table 44, in one order.
struct ReservationPair {
  uint32_t nvme;
  uint8_t scsi;
  bool registrants, reads;  ///< registrants have access; everybody may read
};
constexpr ReservationPair pairs[] = {{1, 1, false, true}, {2, 3, false, false}, {3, 5, true, true},
                                     {4, 6, true, false}, {5, 7, true, true},   {6, 8, true, false}};

class BothProtocols : public testing::Test {
 protected:
  static rpc::Document document() {
    rpc::Document made = demo_document();
    made.volumes[0].store = {"memory", {}};
    made.portals.push_back({.name = "n", .address = "10.0.0.1", .port = both_port, .protocol = "nvme-tcp"});
    made.targets.push_back({.name = both_subsystem});
    made.mappings.push_back({.host = "all", .target = both_subsystem, .volume = "demo"});
    return made;
  }
  void SetUp() override {
    ASSERT_TRUE(world.apply(document()));
    auto logged_in = world.log_in();
    ASSERT_TRUE(logged_in);
    session = std::move(*logged_in);
    unit.emplace(*session, 0);
    ASSERT_TRUE(world.run_as_host([&] { return unit->become_ready(); }));
    initiator::NvmeQueueOptions options;
    options.endpoint = {"10.0.0.1", both_port};
    options.subsystem = both_subsystem;
    options.host_name = "nqn.2014-08.org.nvmexpress:uuid:h1";
    options.host_id = {7};
    auto attached = world.run_as_host([&] { return NvmeController::attach(world.host.loop(0), options, 2); });
    ASSERT_TRUE(attached) << attached.error().text();
    controller = std::move(*attached);
  }
  void TearDown() override {
    world.host.loop(0).enter([&] { controller.reset(); });
    if (session) world.leave(std::move(session));
  }

  // By NVMe.
  Status nvme(Submission entry, std::vector<uint8_t> data = {}, uint32_t room = 0, size_t queue = 0) {
    const auto answer = world.run_as_host([&] { return controller->io(queue).run(entry, data, room); });
    return answer ? answer->completion.outcome.status : Status::internal_path_error;
  }
  Status nvme_read() { return nvme(initiator::nvme_blocks(IoOpcode::read, 1, 0, 1), {}, 512, 1); }
  Status nvme_write() {
    return nvme(initiator::nvme_blocks(IoOpcode::write, 1, 0, 1), std::vector<uint8_t>(512), 0, 1);
  }
  Status reserve(IoOpcode opcode, uint32_t word, uint64_t key, uint64_t other, size_t bytes = 16) {
    Submission entry;
    entry.set_opcode(static_cast<uint8_t>(opcode));
    entry.set_namespace_id(1);
    entry.set_word(10, word);
    std::vector<uint8_t> keys(bytes);
    store_le64(keys.data(), key);
    if (bytes > 8) store_le64(&keys[8], other);
    return nvme(entry, keys);
  }
  Status nvme_register() { return reserve(IoOpcode::reservation_register, 0, 0, nvme_key); }
  Status nvme_acquire(uint32_t type, uint32_t action = 0, uint64_t other = 0) {
    return reserve(IoOpcode::reservation_acquire, type << 8 | action, nvme_key, other);
  }
  Status nvme_clear() { return reserve(IoOpcode::reservation_release, 1, nvme_key, 0, 8); }

  // By SCSI. Unit attentions are taken on the way.
  initiator::Answer scsi(const initiator::Cdb& cdb, const std::vector<uint8_t>& data_out = {},
                         Bytes data_in = {}) {
    for (;;) {
      auto answer = world.run_as_host([&] { return unit->execute(cdb, data_out, data_in); });
      if (answer.good() || answer.sense_key() != 6) return answer;
    }
  }
  bool scsi_read() {
    std::vector<uint8_t> data(512);
    return scsi({0x28, 0, 0, 0, 0, 0, 0, 0, 1}, {}, data).good();
  }
  bool scsi_write() { return scsi({0x2a, 0, 0, 0, 0, 0, 0, 0, 1}, std::vector<uint8_t>(512)).good(); }
  bool reserve_out(uint8_t action, uint64_t key, uint64_t new_key, uint8_t type = 0) {
    std::vector<uint8_t> list(24);
    store_be64(list.data(), key);
    store_be64(&list[8], new_key);
    return scsi({0x5f, action, type, 0, 0, 0, 0, 0, 24}, list).good();
  }
  bool scsi_register() { return reserve_out(0, 0, scsi_key); }
  uint16_t told_to_scsi() {
    return world.run_as_host([&] { return unit->test_unit_ready(); }).additional_code();
  }
  using Hearing = std::optional<loop::Task<Result<initiator::NvmeAnswer>>>;
  void listen(Hearing& hearing) {
    Submission event;
    event.set_opcode(static_cast<uint8_t>(wire::nvme::AdminOpcode::asynchronous_event_request));
    world.host.loop(0).enter([&] { hearing.emplace(controller->admin().run(event)); });
  }
  uint64_t heard(Hearing& hearing) {
    EXPECT_TRUE(world.world.run_until([&] { return hearing->done(); }, loop::seconds(10)));
    return hearing->done() ? hearing->take()->completion.result : 0;
  }

  EngineWorld world;
  std::unique_ptr<initiator::Session> session;
  std::optional<initiator::BlockUnit> unit;
  std::unique_ptr<NvmeController> controller;
};

TEST_F(BothProtocols, AReservationOfScsiKeepsNvmeOut) {
  for (const ReservationPair& pair : pairs) {
    for (const bool registered : {false, true}) {
      SCOPED_TRACE(fmt::format("type {} registered {}", pair.scsi, registered));
      EXPECT_TRUE(scsi_register());
      if (registered) EXPECT_EQ(nvme_register(), Status::success);
      EXPECT_TRUE(reserve_out(1, scsi_key, 0, pair.scsi));
      const bool all = registered && pair.registrants;
      EXPECT_EQ(nvme_read(), all || pair.reads ? Status::success : Status::reservation_conflict);
      EXPECT_EQ(nvme_write(), all ? Status::success : Status::reservation_conflict);
      EXPECT_TRUE(scsi_read() && scsi_write());
      EXPECT_TRUE(reserve_out(3, scsi_key, 0));
      EXPECT_EQ(nvme_write(), Status::success);
    }
  }
}

TEST_F(BothProtocols, AReservationOfNvmeKeepsScsiOut) {
  for (const ReservationPair& pair : pairs) {
    for (const bool registered : {false, true}) {
      SCOPED_TRACE(fmt::format("type {} registered {}", pair.nvme, registered));
      EXPECT_EQ(nvme_register(), Status::success);
      if (registered) EXPECT_TRUE(scsi_register());
      EXPECT_EQ(nvme_acquire(pair.nvme), Status::success);
      const bool all = registered && pair.registrants;
      EXPECT_EQ(scsi_read(), all || pair.reads);
      EXPECT_EQ(scsi_write(), all);
      EXPECT_EQ(nvme_read(), Status::success);
      EXPECT_EQ(nvme_write(), Status::success);
      EXPECT_EQ(nvme_clear(), Status::success);
      EXPECT_TRUE(scsi_write());
    }
  }
}

TEST_F(BothProtocols, PreemptAndAbortOfScsiEndsWhatNvmeHasUnderWay) {
  EXPECT_EQ(nvme_register(), Status::success);
  EXPECT_EQ(nvme_acquire(3), Status::success);
  EXPECT_TRUE(scsi_register());
  controller->io(1).hold_data = true;
  Hearing writing;
  const std::vector<uint8_t> data(65536, 0xad);
  world.host.loop(0).enter([&] {
    writing.emplace(controller->io(1).run(initiator::nvme_blocks(IoOpcode::write, 1, 0, 128), data));
  });
  world.world.run_for(loop::seconds(1));
  ASSERT_EQ(controller->io(1).ready_to_transfers, 1u);
  EXPECT_TRUE(reserve_out(5, scsi_key, nvme_key, 1));
  ASSERT_TRUE(world.world.run_until([&] { return writing->done(); }, loop::seconds(10)));
  EXPECT_EQ(writing->take()->completion.outcome.status, Status::reservation_conflict);
  std::vector<uint8_t> found(512);
  EXPECT_TRUE(scsi({0x28, 0, 0, 0, 0, 0, 0, 0, 1}, {}, found).good());
  EXPECT_EQ(found, std::vector<uint8_t>(512));
  EXPECT_EQ(nvme_write(), Status::reservation_conflict);
}

TEST_F(BothProtocols, PreemptionByNvmeIsTold) {
  EXPECT_TRUE(scsi_register());
  EXPECT_TRUE(reserve_out(1, scsi_key, 0, 1));
  EXPECT_EQ(nvme_register(), Status::success);
  EXPECT_EQ(nvme_acquire(1, 2, scsi_key), Status::success);
  EXPECT_EQ(told_to_scsi(), 0x2a05);  // REGISTRATIONS PREEMPTED
  EXPECT_FALSE(scsi_write());
}

TEST_F(BothProtocols, PreemptionByScsiIsTold) {
  EXPECT_EQ(nvme_register(), Status::success);
  EXPECT_EQ(nvme_acquire(2), Status::success);
  EXPECT_TRUE(scsi_register());
  Hearing hearing;
  listen(hearing);
  EXPECT_TRUE(reserve_out(4, scsi_key, nvme_key, 3));
  EXPECT_EQ(heard(hearing), 0x800006u);
  EXPECT_EQ(nvme_read(), Status::reservation_conflict);
}

TEST_F(BothProtocols, WhatOneDeallocatesTheOtherReadsAsZeroes) {
  constexpr uint32_t half = 1024;  // blocks of the volume's 1 MiB
  const std::vector<uint8_t> data(half * 512, 0x42), zeroes(half * 512);
  for (const uint64_t lba : {uint64_t{0}, uint64_t{half}})
    ASSERT_EQ(nvme(initiator::nvme_blocks(IoOpcode::write, 1, lba, half), data), Status::success);
  const auto mapped = [&](uint16_t lba) {
    std::vector<uint8_t> list(24);  // GET LBA STATUS
    initiator::Cdb cdb{0x9e, 0x12};
    store_be16(&cdb[8], lba);
    cdb[13] = static_cast<uint8_t>(list.size());
    EXPECT_TRUE(scsi(cdb, {}, list).good());
    return (list[20] & 0xf) == 0;
  };
  EXPECT_TRUE(mapped(0) && mapped(half));
  EXPECT_TRUE(world.run_as_host([&] { return unit->unmap({{0, half}}); }).good());
  EXPECT_FALSE(mapped(0));
  EXPECT_EQ(nvme(initiator::nvme_blocks(IoOpcode::compare, 1, 0, half), zeroes), Status::success);
  EXPECT_EQ(nvme(initiator::nvme_blocks(IoOpcode::compare, 1, half, half), data), Status::success);
  Submission deallocate;
  deallocate.set_opcode(static_cast<uint8_t>(IoOpcode::dataset_management));
  deallocate.set_namespace_id(1);
  deallocate.set_word(11, 4);
  std::vector<uint8_t> range(16);
  store_le32(&range[4], half);
  store_le64(&range[8], half);
  EXPECT_EQ(nvme(deallocate, range), Status::success);
  EXPECT_FALSE(mapped(half));
  std::vector<uint8_t> found(half * 512, 1);
  EXPECT_TRUE(scsi({0x28, 0, 0, 0, half >> 8, 0, 0, half >> 8, 0}, {}, found).good());
  EXPECT_EQ(found, zeroes);
}

TEST_F(BothProtocols, AnotherSizeIsToldToBoth) {
  ASSERT_TRUE(world.run_as_host([&] { return controller->set_feature(0x0b, 1u << 8); }));
  Hearing hearing;
  listen(hearing);
  ASSERT_TRUE(world.run([&] { return world.engine->resize("demo", 2 << 20, false); }));
  EXPECT_EQ(heard(hearing), 0x040002u);
  EXPECT_EQ(told_to_scsi(), 0x2a09);
  EXPECT_EQ(nvme(initiator::nvme_blocks(IoOpcode::verify, 1, 4095, 1)), Status::success);
}

TEST_F(BothProtocols, AFullPoolIsToldToBoth) {
  ASSERT_TRUE(world.run_as_host([&] { return controller->set_feature(0x0b, 1); }));
  Hearing hearing;
  listen(hearing);
  rpc::PoolLevelParams level{.size_bytes = 1 << 30, .available_bytes = 1 << 27, .threshold_bytes = 1 << 28};
  level.volumes = {{"demo", {}}};
  world.enter([&] { world.engine->take_pool_level(level); });
  EXPECT_EQ(heard(hearing), 0x020201u);
  EXPECT_EQ(told_to_scsi(), 0x3807);
  const auto page =
      world.run_as_host([&] { return controller->log({.page = wire::nvme::LogPage::health, .bytes = 512}); });
  ASSERT_TRUE(page);
  EXPECT_EQ(page->data[0], 1) << "critical warning: the spare";
  EXPECT_EQ(page->data[3], 12) << "available spare, percent";
  EXPECT_EQ(page->data[4], 25) << "its threshold";
}

TEST_F(BothProtocols, TheWriteCacheIsToldToBoth) {
  rpc::Document cached = document();
  cached.volumes[0].write_cache = true;
  ASSERT_TRUE(world.apply(cached));
  world.world.run_for(loop::seconds(1));
  EXPECT_EQ(told_to_scsi(), 0x2a01);
  const auto page =
      world.run_as_host([&] { return controller->identify(wire::nvme::IdentifyKind::controller, 0); });
  ASSERT_TRUE(page);
  EXPECT_EQ(page->data[525] & 1, 1) << "VWC";
}

}  // namespace
}  // namespace ashlar::engine
