// The host's engine for loads against the target: every length, digests, R2T, many commands at once, ends.
#include <gtest/gtest.h>

#include "initiator/nvme_session.h"
#include "nvmetcp/array_test.h"

namespace ashlar::nvmetcp::test {
namespace {

using initiator::NvmeCommand;
using initiator::NvmeSession;
using initiator::Outcome;

/// A read or write with its memory, in several pieces.
struct Work {
  Work(IoOpcode opcode, uint64_t lba, std::vector<uint8_t> bytes) : data(std::move(bytes)) {
    const auto blocks = static_cast<uint32_t>(data.size() / 512);
    command.entry = initiator::nvme_blocks(opcode, 1, lba, blocks);
    const size_t half = data.size() / 1024 * 512;
    pieces = {iovec{data.data(), half}, iovec{data.data() + half, data.size() - half}};
    (opcode == IoOpcode::write ? command.data_out : command.data_in) = pieces;
    command.owner = this;
    command.done = [](NvmeCommand& done) { static_cast<Work*>(done.owner)->ended.set(); };
  }
  std::vector<uint8_t> data;
  std::array<iovec, 2> pieces;
  loop::Event ended;
  NvmeCommand command;
};

struct Host {
  std::unique_ptr<NvmeController> controller;
  std::unique_ptr<NvmeSession> session;
};

Task<Host> host_of(NvmeQueueOptions options) {
  Host host;
  auto attaching = attach(options, 0);
  host.controller = co_await attaching;
  options.queue_id = 1;
  options.controller_id = host.controller->id();
  auto connecting = NvmeSession::connect(loop::Loop::current(), options);
  auto connected = co_await connecting;
  CHECK(connected.has_value(), "{}", connected.error().text());
  host.session = std::move(*connected);
  co_return std::move(host);
}

Task<void> all_lengths(NvmeQueueOptions options) {
  auto making = host_of(options);
  const Host host = co_await making;
  std::vector<std::unique_ptr<Work>> works;
  const auto run_all = [&] {
    for (auto& work : works) host.session->submit(work->command);
  };
  uint64_t lba = 0;
  for (const size_t bytes : {512u, 4096u, 8192u, 8704u, 65536u, 131072u, 1048576u}) {
    works.push_back(std::make_unique<Work>(IoOpcode::write, lba, pattern(bytes, static_cast<uint8_t>(lba))));
    lba += bytes / 512;
  }
  run_all();
  for (auto& work : works) {
    co_await work->ended;
    EXPECT_TRUE(work->command.good());
  }
  EXPECT_EQ(host.session->counters().ready_to_transfers, 4u);
  works.clear();
  lba = 0;
  for (const size_t bytes : {512u, 4096u, 8192u, 8704u, 65536u, 131072u, 1048576u}) {
    works.push_back(std::make_unique<Work>(IoOpcode::read, lba, std::vector<uint8_t>(bytes)));
    lba += bytes / 512;
  }
  run_all();
  lba = 0;
  for (auto& work : works) {
    co_await work->ended;
    EXPECT_TRUE(work->command.good());
    EXPECT_EQ(work->command.received_bytes, work->data.size());
    EXPECT_TRUE(work->data == pattern(work->data.size(), static_cast<uint8_t>(lba)));
    lba += work->data.size() / 512;
  }
  EXPECT_EQ(host.session->counters().answers, 14u);
  EXPECT_EQ(host.session->counters().successes, options.flow_control ? 0u : 7u);
}

TEST(NvmeSession, EveryLengthInPieces) {
  Array array;
  array.run([](Array* the_array) -> Task<void> { return all_lengths(the_array->options()); });
  array.world.run_for(loop::seconds(1));
  EXPECT_EQ(array.connections(), 0u);
  EXPECT_EQ(array.buffers_in_use(), 0u);
}

TEST(NvmeSession, DigestsAlignmentAndSuccess) {
  Array array;
  array.settings.most_host_data_bytes = 4096;
  array.publish(array.directory());
  array.run([](Array* the_array) -> Task<void> {
    NvmeQueueOptions options = the_array->options();
    options.header_digest = options.data_digest = true;
    options.data_alignment = 31;
    options.flow_control = false;
    return all_lengths(options);
  });
}

TEST(NvmeSession, MoreCommandsThanTheQueueHasEntries) {
  Array array;
  array.run([](Array* the_array) -> Task<void> {
    NvmeQueueOptions options = the_array->options();
    options.entries = 4;
    auto making = host_of(options);
    const Host host = co_await making;
    std::vector<std::unique_ptr<Work>> works;
    for (uint32_t i = 0; i < 200; ++i) {
      works.push_back(std::make_unique<Work>(IoOpcode::write, i % 64 * 8, pattern(4096, 1)));
      host.session->submit(works.back()->command);
    }
    for (auto& work : works) {
      co_await work->ended;
      EXPECT_TRUE(work->command.good());
    }
    EXPECT_EQ(host.session->counters().commands, 200u);
  });
}

TEST(NvmeSession, StatusesAreTold) {
  Array array;
  array.run([](Array* the_array) -> Task<void> {
    auto making = host_of(the_array->options());
    const Host host = co_await making;
    Work past(IoOpcode::read, volume_bytes / 512, std::vector<uint8_t>(4096));
    host.session->submit(past.command);
    co_await past.ended;
    EXPECT_EQ(past.command.outcome, Outcome::answered);
    EXPECT_FALSE(past.command.good());
    EXPECT_EQ(past.command.completion.outcome.status, Status::lba_out_of_range);
  });
}

TEST(NvmeSession, ACloseEndsWhatIsSentAndWhatWaits) {
  Array array;
  array.run([](Array* the_array) -> Task<void> {
    NvmeQueueOptions options = the_array->options();
    options.entries = 2;
    auto making = host_of(options);
    const Host host = co_await making;
    Work sent(IoOpcode::write, 0, pattern(65536, 1));
    Work waits(IoOpcode::read, 0, std::vector<uint8_t>(4096));
    host.session->submit(sent.command);
    host.session->submit(waits.command);
    auto next_turn = loop::sleep_for(loop::Nanoseconds(1));
    co_await next_turn;
    host.session->close("enough");
    co_await sent.ended;
    co_await waits.ended;
    EXPECT_EQ(sent.command.outcome, Outcome::unknown);
    EXPECT_EQ(waits.command.outcome, Outcome::not_sent);
    EXPECT_FALSE(host.session->open());
    EXPECT_EQ(host.session->closed_reason()->message, "enough");
    Work late(IoOpcode::read, 0, std::vector<uint8_t>(4096));
    host.session->submit(late.command);
    co_await late.ended;
    EXPECT_EQ(late.command.outcome, Outcome::not_sent);
  });
}

TEST(NvmeSession, AControllerThatGoesAwayEndsEverything) {
  auto array = std::make_unique<Array>();
  array->run([](Array* the_array) -> Task<void> {
    auto making = host_of(the_array->options());
    const Host host = co_await making;
    the_array->each([the_array](uint32_t i) { the_array->servers[i]->stop(loop::seconds(1), [] {}); });
    auto waiting = loop::sleep_for(loop::seconds(5));
    co_await waiting;
    EXPECT_FALSE(host.session->open());
    Work late(IoOpcode::read, 0, std::vector<uint8_t>(4096));
    host.session->submit(late.command);
    co_await late.ended;
    EXPECT_EQ(late.command.outcome, Outcome::not_sent);
  });
}

}  // namespace
}  // namespace ashlar::nvmetcp::test
