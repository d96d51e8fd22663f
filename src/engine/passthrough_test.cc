// SCSI devices of the simulated machine, served over iSCSI as they are.
#include <gmock/gmock.h>

#include "engine/engine_world_test.h"

namespace ashlar::engine {
namespace {

using initiator::Answer;
using initiator::BlockUnit;
using initiator::Cdb;
using initiator::Session;
using loop::SimUnit;

constexpr char node[] = "/dev/sg3";

rpc::Document device_document(std::map<std::string, std::string> options = {{"path", node}}) {
  rpc::Document document = demo_document();
  rpc::VolumeDocument& volume = document.volumes[0];
  volume.size_bytes = 0;
  volume.store = {"scsi", std::move(options)};
  return document;
}

Cdb tape_cdb(uint8_t opcode, uint32_t bytes) {
  Cdb cdb{opcode};
  store_be24(cdb.data() + 2, bytes);
  return cdb;
}

loop::Task<Answer> send(Session& session, Cdb cdb, std::vector<uint8_t> out, std::vector<uint8_t>* in) {
  BlockUnit unit(session, 0);
  auto asking = unit.execute(cdb, out, in == nullptr ? Bytes() : Bytes(*in));
  co_return co_await asking;
}

class PassthroughTest : public testing::TestWithParam<uint32_t> {
 protected:
  ~PassthroughTest() override {
    for (auto& session : sessions) world.leave(std::move(session));
  }
  SimUnit& plug_in(SimUnit::Settings settings = {}) {
    auto unit = std::make_shared<SimUnit>(std::move(settings));
    world.array.machine().scsi_devices[node] = unit;
    return *unit;
  }
  Session& log_in(const std::string& name = demo_host) {
    auto session = world.log_in(name);
    CHECK(session.has_value(), "{}", session ? "" : session.error().text());
    sessions.push_back(std::move(*session));
    ask(*sessions.back(), {0x00});  // the power on
    return *sessions.back();
  }
  Answer ask(Session& session, Cdb cdb, std::vector<uint8_t> out = {}, std::vector<uint8_t>* in = nullptr) {
    return world.run_as_host([&] { return send(session, cdb, out, in); });
  }
  rpc::VolumeStatus volume() { return world.status().volumes.at(0); }

  EngineWorld world{GetParam()};
  std::vector<std::unique_ptr<Session>> sessions;
};
INSTANTIATE_TEST_SUITE_P(Shards, PassthroughTest, testing::Values(1u, 3u));

TEST_P(PassthroughTest, ADiskIsWrittenAndReadByTwoHosts) {
  SimUnit& unit = plug_in();
  const auto report = world.apply(device_document());
  ASSERT_TRUE(report) << report.error().text();
  EXPECT_EQ(report->steps.at(0).detail, "the SCSI device /dev/sg3 as it is");
  Session& first = log_in();
  Session& second = log_in("iqn.2026-11.com.example:h2");
  const std::vector<uint8_t> data(300 << 10, 0x5a);
  const Cdb write{0x2a, 0, 0, 0, 0, 16, 0, 600 >> 8, 600 & 0xff, 0};
  EXPECT_TRUE(ask(first, write, data).good());
  std::vector<uint8_t> back(300 << 10);
  const Cdb read{0x28, 0, 0, 0, 0, 16, 0, 600 >> 8, 600 & 0xff, 0};
  EXPECT_TRUE(ask(second, read, {}, &back).good());
  EXPECT_EQ(back, data);
  EXPECT_EQ(unit.medium()[16 * 512], 0x5a);

  const rpc::VolumeStatus status = volume();
  EXPECT_EQ(status.state, "online");
  EXPECT_EQ(status.size_bytes, 0u);
  ASSERT_TRUE(status.device);
  EXPECT_EQ(status.device->type, "disk");
  EXPECT_EQ(status.device->vendor, "SIMULATE");
  const rpc::Stats stats = world.run([&] { return world.engine->stats(); });
  EXPECT_GE(stats.volumes.at(0).counters.at("scsi_commands"), 2u);
  EXPECT_EQ(stats.volumes.at(0).counters.at("scsi_read_bytes"), 300u << 10);
  EXPECT_EQ(stats.volumes.at(0).counters.at("scsi_written_bytes"), 300u << 10);
  EXPECT_EQ(stats.volumes.at(0).counters.at("scsi_in_flight"), 0u);
}

// RFC 7143 11.4.5: data-in, sense data and the residual of one command, as a tape needs them all (SSC-3 4.2.7).
TEST_P(PassthroughTest, ATapesShortBlockComesWithItsSense) {
  plug_in({.device_type = 0x01, .removable = true});
  ASSERT_TRUE(world.apply(device_document()));
  EXPECT_EQ(volume().device->type, "tape");
  Session& host = log_in();
  const std::vector<uint8_t> block(100'000, 0x77);
  EXPECT_TRUE(ask(host, tape_cdb(0x0a, 100'000), block).good());
  EXPECT_TRUE(ask(host, tape_cdb(0x10, 1)).good());
  EXPECT_TRUE(ask(host, {0x01}).good());
  std::vector<uint8_t> back(262'144);
  const Answer shorter = ask(host, tape_cdb(0x08, 262'144), {}, &back);
  EXPECT_EQ(shorter.status, 0x02);
  EXPECT_EQ(shorter.received_bytes, 100'000u);
  EXPECT_EQ(shorter.residual, initiator::Residual::underflow);
  EXPECT_EQ(shorter.residual_bytes, 262'144u - 100'000u);
  EXPECT_TRUE(std::equal(block.begin(), block.end(), back.begin()));
  ASSERT_EQ(shorter.sense.size(), 18u);
  EXPECT_EQ(shorter.sense[2], 0x20);  // ILI
  EXPECT_EQ(load_be32(&shorter.sense[3]), 262'144u - 100'000u);
  EXPECT_EQ(ask(host, tape_cdb(0x08, 512), {}, &back).sense.at(2), 0x80);  // FILEMARK
}

TEST_P(PassthroughTest, AnAttentionReachesBothHosts) {
  SimUnit& unit = plug_in();
  ASSERT_TRUE(world.apply(device_document()));
  Session& first = log_in();
  Session& second = log_in("iqn.2026-11.com.example:h2");
  unit.say_next(loop::fixed_sense(0x6, 0x2800));
  EXPECT_EQ(ask(first, {0x00}).additional_code(), 0x2800);
  EXPECT_EQ(ask(second, {0x00}).additional_code(), 0x2800);
  EXPECT_TRUE(ask(second, {0x00}).good());
}

TEST_P(PassthroughTest, ADeviceThatGoesFailsItsVolumeUntilItIsBack) {
  SimUnit& unit = plug_in();
  ASSERT_TRUE(world.apply(device_document()));
  Session& host = log_in();
  unit.gone = true;
  EXPECT_EQ(ask(host, {0x00}).additional_code(), 0x0500);
  EXPECT_EQ(volume().state, "failed");
  unit.gone = false;
  EXPECT_TRUE(ask(host, {0x00}).good());
  EXPECT_EQ(volume().state, "online");
}

// Whatever the way to the device does, every command is answered once, and what is said to be written is.
TEST_P(PassthroughTest, FaultsOfTheWayAreAnswered) {
  SimUnit& unit = plug_in();
  ASSERT_TRUE(world.apply(device_document()));
  Session& host = log_in();
  unit.settings().try_later = unit.settings().timed_out = unit.settings().adapter_failed = 0.15;
  int good = 0, busy = 0, timed_out = 0, failed = 0;
  for (uint8_t i = 0; i < 200; ++i) {
    const std::vector<uint8_t> block(512, i);
    const Answer answer = ask(host, {0x2a, 0, 0, 0, 0, i, 0, 0, 1}, block);
    good += answer.good();
    busy += answer.status == 0x08;
    timed_out += answer.additional_code() == 0x2e02;
    failed += answer.additional_code() == 0x4400;
    if (answer.good()) EXPECT_EQ(unit.medium()[size_t{i} * 512], i);
  }
  EXPECT_EQ(good + busy + timed_out + failed, 200);
  EXPECT_GT(std::min({good, busy, timed_out, failed}), 0);
}

TEST_P(PassthroughTest, WhatItsDocumentMayNotSay) {
  plug_in();
  const auto refused = [this](auto change, const std::string& place) {
    rpc::Document document = device_document();
    change(document.volumes[0]);
    const auto report = world.apply(document);
    ASSERT_FALSE(report) << place;
    EXPECT_EQ(report.error().place, place) << report.error().text();
  };
  refused([](auto& v) { v.size_bytes = 1 << 20; }, "volumes[0].size_bytes");
  refused([](auto& v) { v.write_cache = true; }, "volumes[0].write_cache");
  refused([](auto& v) { v.removable = true; }, "volumes[0].removable");
  refused([](auto& v) { v.layers.push_back({"readonly", {}}); }, "volumes[0].layers");
  refused([](auto& v) { v.store.options["path"] = "/dev/sg9"; }, "volumes[0].store (/dev/sg9)");
  refused([](auto& v) { v.store.options["allow"] = "everything"; }, "volumes[0].store (allow)");
  refused([](auto& v) { v.store.options["timeout_seconds"] = "0"; }, "volumes[0].store (timeout_seconds)");
  refused([](auto& v) { v.store.options["timeout_seconds"] = "12s"; }, "volumes[0].store (timeout_seconds)");
  EXPECT_TRUE(
      world.apply(device_document({{"path", node}, {"allow", "format,ata"}, {"timeout_seconds", "30"}})));
  const auto resized = world.run([&] { return world.engine->resize("demo", 1 << 20, false); });
  ASSERT_FALSE(resized);
  EXPECT_EQ(resized.error().place, "size");
}

TEST_P(PassthroughTest, TakingItAwayWaitsForTheDevice) {
  plug_in();
  ASSERT_TRUE(world.apply(device_document()));
  Session& host = log_in();
  std::vector<uint8_t> block(512);
  std::optional<loop::Task<Answer>> reading;
  world.host.loop(0).enter([&] { reading.emplace(send(host, {0x28, 0, 0, 0, 0, 0, 0, 0, 1}, {}, &block)); });
  rpc::Document nothing = demo_document();
  nothing.volumes.clear();
  nothing.mappings.clear();
  EXPECT_TRUE(world.apply(nothing));
  EXPECT_TRUE(world.world.run_until([&] { return reading->done(); }, loop::seconds(60)));
  EXPECT_TRUE(world.apply(device_document()));  // nobody holds the device any more
}

}  // namespace
}  // namespace ashlar::engine
