// What a host does wrong on the wire, and the termination request that names it (NVMe/TCP 1.0 3.5).
#include <gtest/gtest.h>

#include "nvmetcp/raw_host_test.h"

namespace ashlar::nvmetcp::test {
namespace {

using wire::nvme::CommonHeader;
using wire::nvme::DataTransfer;
using wire::nvme::PduFlag;
using wire::nvme::PduType;

std::vector<uint8_t> pdu_of(CommonHeader header) {
  std::vector<uint8_t> pdu(std::max<size_t>(std::min<size_t>(header.pdu_bytes, 4096), 8));
  header.encode(pdu.data());
  return pdu;
}

struct WireCase {
  const char* name;
  bool initialized;
  std::vector<uint8_t> bytes;
  uint16_t error;
  uint32_t information;
};

class NvmeTcpViolation : public testing::TestWithParam<WireCase> {};

const WireCase* the_case = nullptr;

Task<void> violate(Array* /*array*/) {
  auto connecting = loop::Loop::current().connect(endpoint, loop::seconds(1));
  auto stream = co_await connecting;
  CHECK(stream.has_value());
  RawHost host(std::move(*stream));
  if (the_case->initialized) {
    host.send(initialization());
    co_await loop::sleep_for(loop::seconds(1));
    EXPECT_EQ(host.received.size(), 128u);
    host.received.clear();
  }
  host.send(the_case->bytes);
  co_await loop::sleep_for(loop::seconds(2));
  EXPECT_TRUE(host.ended);
  EXPECT_GE(host.received.size(), 24u);
  if (host.received.size() < 24) co_return;
  EXPECT_EQ(host.received[0], 3);
  const auto why = wire::nvme::Termination::decode(host.received.data());
  EXPECT_EQ(static_cast<uint16_t>(why.error), the_case->error);
  EXPECT_EQ(why.information, the_case->information);
}

TEST_P(NvmeTcpViolation, IsNamed) {
  the_case = &GetParam();
  Array array;
  array.run([](Array* the_array) -> Task<void> { return violate(the_array); });
  array.world.run_for(loop::seconds(1));
  EXPECT_EQ(array.connections(), 0u);
}

INSTANTIATE_TEST_SUITE_P(
    All, NvmeTcpViolation,
    testing::Values(
        WireCase{"format", false, initialization(1), 6, 8},
        WireCase{"alignment", false, initialization(0, 32), 1, 10},
        WireCase{"command_first", false, pdu_of({PduType::command, 0, 72, 0, 72}), 2, 0},
        WireCase{"initialized_twice", true, initialization(), 2, 0},
        // NOLINTNEXTLINE(clang-analyzer-optin.core.EnumCastOutOfRange): whatever a host sends
        WireCase{"unknown_type", true, pdu_of({static_cast<PduType>(0x0b), 0, 24, 0, 24}), 1, 0},
        WireCase{"a_controllers_pdu", true, pdu_of({PduType::ready_to_transfer, 0, 24, 0, 24}), 2, 0},
        WireCase{"flags", true, pdu_of({PduType::command, PduFlag::header_digest, 72, 0, 76}), 1, 1},
        WireCase{"header_length", true, pdu_of({PduType::command, 0, 71, 0, 72}), 1, 2},
        WireCase{"data_offset", true, pdu_of({PduType::command, 0, 72, 70, 584}), 1, 3},
        WireCase{"pdu_length", true, pdu_of({PduType::command, 0, 72, 0, 60}), 1, 4},
        WireCase{"too_much_in_a_capsule", true, pdu_of({PduType::command, 0, 72, 72, 72 + 8193}), 5, 0},
        WireCase{"host_data_before_connect", true, pdu_of({PduType::host_data, 0, 24, 24, 24 + 512}), 2, 0}),
    [](const auto& info) { return info.param.name; });

// H2CData with `change` made to what was asked for; the status says that the connection ended.
using Change = void (*)(CommonHeader&, DataTransfer&);
Task<uint16_t> bend_data(Array* array, Change change) {
  auto attaching = attach(array->options());
  const auto controller = co_await attaching;
  NvmeQueue& queue = controller->io();
  queue.hold_data = true;
  auto writing = write_blocks(queue, 0, pattern(16384, 1));
  co_await loop::sleep_for(loop::seconds(1));
  EXPECT_EQ(queue.ready_to_transfers, 1u);
  CommonHeader header{PduType::host_data, PduFlag::last, 24, 24, 24 + 16384};
  DataTransfer data{2, queue.last_transfer_tag, 0, 16384};
  change(header, data);
  std::vector<uint8_t> pdu(header.pdu_bytes);
  data.encode(pdu.data());
  header.encode(pdu.data());
  queue.send_raw(pdu);
  const Status status = co_await writing;
  co_return queue.terminated() != 0 ? queue.terminated()
                                    : static_cast<uint16_t>(0x8000 | static_cast<uint16_t>(status));
}

struct Bent {
  Change change;
  uint16_t error;  // 8000h: it was good
};
constexpr Bent bends[] = {
    {[](CommonHeader&, DataTransfer&) {}, 0x8000},
    {[](CommonHeader&, DataTransfer& data) { data.transfer_tag += 1; }, 1},
    {[](CommonHeader&, DataTransfer& data) { data.command_id += 1; }, 1},
    {[](CommonHeader&, DataTransfer& data) { data.offset = 512; }, 4},
    {[](CommonHeader&, DataTransfer& data) { data.length = 512; }, 1},
    {[](CommonHeader& header, DataTransfer&) { header.flags = 0; }, 1},
    {[](CommonHeader& header, DataTransfer& data) {
       header.pdu_bytes += 512;
       data.length += 512;
     },
     4},
};

Task<void> bend_all(Array* array) {
  for (const Bent& each : bends) {
    const uint16_t error = co_await bend_data(array, each.change);
    EXPECT_EQ(error, each.error);
  }
}

TEST(NvmeTcpHostData, WhatWasNotAskedForIsFatal) {
  Array array;
  array.run(bend_all);
  array.world.run_for(loop::seconds(1));
  EXPECT_EQ(array.buffers_in_use(), 0u);
  for (auto& server : array.servers) EXPECT_EQ(server->impl().commands.in_use(), 0u);
}

TEST(NvmeTcpBounds, MoreCommandsThanEntriesIsFatal) {
  Array array;
  array.run([](Array* the_array) -> Task<void> {
    NvmeQueueOptions options = the_array->options();
    options.entries = 2;
    auto attaching = attach(options);
    const auto controller = co_await attaching;
    NvmeQueue& queue = controller->io();
    queue.hold_data = true;
    auto first = write_blocks(queue, 0, pattern(16384, 1));
    auto second = write_blocks(queue, 64, pattern(16384, 1));
    auto third = write_blocks(queue, 128, pattern(16384, 1));
    EXPECT_EQ(co_await first, Status::internal_path_error);
    co_await second;
    co_await third;
    EXPECT_EQ(queue.terminated(), 2u);
  });
}

TEST(NvmeTcpBounds, WhoNeverConnectsIsClosed) {
  Array array;
  array.run([](Array* the_array) -> Task<void> {
    auto connecting = loop::Loop::current().connect(endpoint, loop::seconds(1));
    auto stream = co_await connecting;
    RawHost host(std::move(*stream));
    co_await loop::sleep_for(loop::seconds(14));
    EXPECT_FALSE(host.ended);
    co_await loop::sleep_for(loop::seconds(2));
    EXPECT_TRUE(host.ended);
    EXPECT_EQ(the_array->connections(), 0u);
  });
}

TEST(NvmeTcpBounds, TheOldestHalfOpenConnectionMakesRoom) {
  Array array;
  array.settings.most_half_open = 2;
  array.publish(array.directory());
  array.run([](Array* the_array) -> Task<void> {
    std::vector<std::unique_ptr<RawHost>> hosts;
    for (int i = 0; i < 3; ++i) {
      auto connecting = loop::Loop::current().connect(endpoint, loop::seconds(1));
      auto stream = co_await connecting;
      hosts.push_back(std::make_unique<RawHost>(std::move(*stream)));
    }
    co_await loop::sleep_for(loop::seconds(1));
    EXPECT_TRUE(hosts[0]->ended);
    EXPECT_FALSE(hosts[2]->ended);
    EXPECT_EQ(the_array->connections(), 2u);
  });
}

TEST(NvmeTcpTermination, TheHostsEndsTheConnection) {
  Array array;
  array.run_attached(1, [](Array*, NvmeController* controller) -> Task<void> {
    std::vector<uint8_t> pdu(24 + 128);
    const wire::nvme::Termination why{wire::nvme::FatalError::transfer_out_of_range, 12};
    pdu.resize(why.encode(pdu.data(), PduType::host_termination, std::vector<uint8_t>(24)));
    controller->io().send_raw(pdu);
    co_await loop::sleep_for(loop::seconds(1));
    EXPECT_FALSE(controller->io().open());
    EXPECT_TRUE(controller->admin().open());
  });
}

}  // namespace
}  // namespace ashlar::nvmetcp::test
