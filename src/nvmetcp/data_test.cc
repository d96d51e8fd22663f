// How data travels: in capsules, by R2T, back with and without completions, under digests and alignments, over shards.
#include <gtest/gtest.h>

#include "nvmetcp/array_test.h"

namespace ashlar::nvmetcp::test {
namespace {

Task<void> write_and_read(NvmeQueue* queue, uint64_t lba, size_t bytes) {
  const std::vector<uint8_t> data = pattern(bytes, static_cast<uint8_t>(lba));
  EXPECT_EQ(co_await write_blocks(*queue, lba, data), Status::success) << bytes;
  const std::vector<uint8_t> found = co_await read_blocks(*queue, lba, static_cast<uint32_t>(bytes / 512));
  EXPECT_TRUE(found == data) << bytes;
}

Task<void> every_length(Array* array, NvmeQueueOptions options) {
  auto attaching = attach(options);
  const std::unique_ptr<NvmeController> controller = co_await attaching;
  for (const size_t bytes : {512u, 4096u, 8192u, 8704u, 65536u, 131072u, 1048576u}) {
    auto writing = write_and_read(&controller->io(), 100 + bytes / 512, bytes);
    co_await writing;
  }
  EXPECT_GT(controller->io().ready_to_transfers, 0u);
  EXPECT_EQ(array->connections(), 2u);
}

TEST(NvmeTcpData, EveryLength) {
  Array array;
  array.run([](Array* the_array) -> Task<void> { return every_length(the_array, the_array->options()); });
  array.world.run_for(loop::seconds(1));
  EXPECT_EQ(array.connections(), 0u);
  EXPECT_EQ(array.buffers_in_use(), 0u);
  for (auto& server : array.servers) EXPECT_EQ(server->impl().commands.in_use(), 0u);
}

TEST(NvmeTcpData, WithDigestsAndAlignment) {
  Array array;
  array.run([](Array* the_array) -> Task<void> {
    NvmeQueueOptions options = the_array->options();
    options.header_digest = options.data_digest = true;
    options.data_alignment = 31;  // 128 bytes
    return every_length(the_array, options);
  });
}

TEST(NvmeTcpData, ManyPiecesOfHostData) {
  Array array;
  array.settings.most_host_data_bytes = 4096;
  array.publish(array.directory());
  array.run([](Array* the_array) -> Task<void> { return every_length(the_array, the_array->options()); });
}

TEST(NvmeTcpData, SuccessComesWithTheDataWithoutFlowControl) {
  Array array;
  array.run([](Array* the_array) -> Task<void> {
    NvmeQueueOptions options = the_array->options();
    options.flow_control = false;
    auto attaching = attach(options);
    const auto controller = co_await attaching;
    auto writing = write_and_read(&controller->io(), 0, 4096);
    co_await writing;
    EXPECT_EQ(controller->io().successes, 1u);
    options.flow_control = true;
    auto attaching_second = attach(options);
    const auto second = co_await attaching_second;
    auto writing_again = write_and_read(&second->io(), 0, 4096);
    co_await writing_again;
    EXPECT_EQ(second->io().successes, 0u);
  });
}

TEST(NvmeTcpData, QueuesLiveOnAllShards) {
  Array array(3);
  array.run_attached(6, [](Array* the_array, NvmeController* controller) -> Task<void> {
    for (size_t i = 0; i < controller->io_queues(); ++i) {
      auto writing = write_and_read(&controller->io(i), 64 * i, 16384);
      co_await writing;
    }
    size_t with_queues = 0;
    for (const auto& server : the_array->servers) with_queues += server->connections() > 0 ? 1 : 0;
    EXPECT_EQ(with_queues, 3u);
    EXPECT_EQ(the_array->connections(), 7u);
    // The admin queue ends: so do the others, wherever they are.
    the_array->each([&](uint32_t i) {
      if (i == 0) the_array->domains[0]->drop_controller(controller->id(), "a test");
    });
    co_await loop::sleep_for(loop::seconds(1));
    EXPECT_FALSE(controller->admin().open());
    for (size_t i = 0; i < controller->io_queues(); ++i) EXPECT_FALSE(controller->io(i).open());
  });
}

TEST(NvmeTcpData, QueueHeadFollowsTheCommands) {
  Array array;
  array.run([](Array* the_array) -> Task<void> {
    NvmeQueueOptions options = the_array->options();
    options.entries = 4;
    auto attaching = attach(options);
    const auto controller = co_await attaching;
    std::vector<uint16_t> heads;
    for (int i = 0; i < 5; ++i) {
      auto flushing = controller->io().run(initiator::nvme_blocks(IoOpcode::flush, 1, 0, 1));
      const auto answer = co_await flushing;
      heads.push_back(answer->completion.submission_head);
    }
    EXPECT_EQ(heads, (std::vector<uint16_t>{2, 3, 0, 1, 2}));  // Connect was the first
  });
}

constexpr Status transient_transport_error{0x022};

TEST(NvmeTcpData, WrongDataDigestEndsTheCommandAlone) {
  Array array;
  array.run([](Array* the_array) -> Task<void> {
    NvmeQueueOptions options = the_array->options();
    options.header_digest = options.data_digest = true;
    auto attaching = attach(options);
    const auto controller = co_await attaching;
    controller->io().spoil_data_digest = true;
    EXPECT_EQ(co_await write_blocks(controller->io(), 0, pattern(4096, 1)), transient_transport_error);
    EXPECT_EQ(co_await write_blocks(controller->io(), 0, pattern(65536, 1)), transient_transport_error);
    controller->io().spoil_data_digest = false;
    EXPECT_EQ(co_await write_blocks(controller->io(), 0, pattern(65536, 1)), Status::success);
  });
}

TEST(NvmeTcpData, WrongHeaderDigestIsFatal) {
  Array array;
  array.run([](Array* the_array) -> Task<void> {
    NvmeQueueOptions options = the_array->options();
    options.header_digest = true;
    auto attaching = attach(options);
    const auto controller = co_await attaching;
    controller->io().spoil_header_digest = true;
    EXPECT_EQ(co_await write_blocks(controller->io(), 0, pattern(512, 1)), Status::internal_path_error);
    EXPECT_EQ(controller->io().terminated(), 3u);
  });
}

TEST(NvmeTcpData, DescriptorsThatDoNotFit) {
  Array array;
  array.run_attached(1, [](Array*, NvmeController* controller) -> Task<void> {
    NvmeQueue& queue = controller->io();
    // One block is said, two are brought; and the other way round.
    EXPECT_EQ(co_await status_of(queue, initiator::nvme_blocks(IoOpcode::write, 1, 0, 1), pattern(1024, 1)),
              Status::data_length_invalid);
    EXPECT_EQ(co_await status_of(queue, initiator::nvme_blocks(IoOpcode::write, 1, 0, 64), pattern(16384, 1)),
              Status::data_length_invalid);
    EXPECT_EQ(co_await status_of(queue, initiator::nvme_blocks(IoOpcode::read, 1, 0, 1), no_data, 1024),
              Status::data_length_invalid);
    EXPECT_EQ(co_await status_of(queue, initiator::nvme_blocks(IoOpcode::read, 1, 0, 4096), no_data, 2 << 20),
              Status::invalid_field);  // MDTS
    EXPECT_EQ(co_await write_blocks(queue, 0, pattern(1024, 1)), Status::success);
  });
  EXPECT_EQ(array.buffers_in_use(), 0u);
}

}  // namespace
}  // namespace ashlar::nvmetcp::test
