// For tests: two hosts of one volume, of whose commands some end with CHECK CONDITION.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "scsi/host_test.h"

namespace ashlar::scsi::test {

class AllegianceTest : public ScsiTest {
 protected:
  using Response = TaskManagementResponse;
  static inline const Cdb test_unit_ready = cdb6(0x00);
  static inline const Cdb read_one = cdb10(0x28, 0, 1);
  static inline const Cdb read_beyond = cdb10(0x28, UINT32_MAX, 1);  ///< LBA OUT OF RANGE
  static inline const std::string aca_active = "status 30";

  static Cdb with_naca(Cdb cdb) {
    cdb.back() |= 0x04;
    return cdb;
  }
  static inline const Cdb failing = with_naca(read_beyond);

  explicit AllegianceTest(uint32_t shards = 1, unit::Keeper* keeps = nullptr) : ScsiTest(512, shards, keeps) {
    target.add_volume("w", 64);
  }
  void SetUp() override {
    ScsiTest::SetUp();
    other = &login({{0, "v"}}, target.shards.count() - 1);
  }
  std::unique_ptr<HostTask> start_with(NexusState& nexus, TaskAttribute attribute, const Cdb& cdb,
                                       std::vector<uint8_t> data_out = {}) {
    auto out = task(cdb, std::move(data_out), 512);
    out->attribute = attribute;
    target.submit(nexus, *out);
    target.shards.run();
    return out;
  }
  std::string aca(const Cdb& cdb, NexusState* nexus = nullptr) {
    return ending(*start_with(nexus != nullptr ? *nexus : *host, TaskAttribute::aca, cdb));
  }
  std::string theirs(const Cdb& cdb) { return ending(*run(*other, cdb, {}, 512)); }
  /// Past an ORDERED task that waits.
  void fault() { EXPECT_EQ(ending(*start_with(*host, TaskAttribute::head_of_queue, failing)), "5/21/00"); }
  std::optional<Response> manage(NexusState& nexus, TaskManagement function) {
    const auto answer = target.manage(nexus, function, 0);
    target.shards.run();
    return *answer;
  }
  void clear() { EXPECT_EQ(manage(*host, TaskManagement::clear_aca), Response::complete); }
  /// MODE SELECT of the control page; the other host is told and hears it.
  void control(uint8_t byte2, uint8_t byte3, uint8_t byte5 = 0) {
    const std::vector<uint8_t> list = {0, 0,     0, 0, 0x0a, 10,   byte2, static_cast<uint8_t>(0x10 | byte3),
                                       0, byte5, 0, 0, 0xff, 0xff, 0,     0};
    EXPECT_EQ(end(cdb6(0x15, 0x10, 0, 0, static_cast<uint8_t>(list.size())), list), "GOOD");
    EXPECT_EQ(theirs(test_unit_ready), "6/2a/01");
  }
  void hold(bool on) {
    for (uint32_t i = 0; i < target.shards.count(); ++i) target.unit("v", i).hold = on;
  }
  void release() {
    hold(false);
    target.release_all();
    target.shards.run();
  }
  std::unique_ptr<HostTask> start_reserve_out(NexusState& nexus, uint8_t action, uint64_t key,
                                              uint64_t new_key, uint8_t type = 0,
                                              TaskAttribute attribute = TaskAttribute::simple,
                                              bool naca = false) {
    std::vector<uint8_t> list(24);
    store_be64(list.data(), key);
    store_be64(&list[8], new_key);
    const Cdb cdb = {0x5f, action, type, 0, 0, 0, 0, 0, 24, static_cast<uint8_t>(naca ? 0x04 : 0)};
    return start_with(nexus, attribute, cdb, list);
  }
  std::string reserve_out(NexusState& nexus, uint8_t action, uint64_t key, uint64_t new_key, uint8_t type = 0,
                          TaskAttribute attribute = TaskAttribute::simple, bool naca = false) {
    return ending(*start_reserve_out(nexus, action, key, new_key, type, attribute, naca));
  }
  struct Opening {
    std::unique_ptr<HostTask> own, foreign, faulted;
  };
  /// `fault` of the host, while one command of each host is in the device; until release().
  Opening open_with(const Cdb& fault) {
    hold(true);
    Opening opening;
    opening.own = start(*host, read_one, {}, 512);
    opening.foreign = start(*other, read_one, {}, 512);
    opening.faulted = start(*host, fault, {}, 512);
    return opening;
  }
  NexusState* other = nullptr;
};

}  // namespace ashlar::scsi::test
