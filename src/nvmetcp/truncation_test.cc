// Every PDU, in every state of a connection, that breaks off after every length (NVMe/TCP 1.0 3.1, 3.6): nothing of it stays, and
// nobody else notices.
#include <gtest/gtest.h>

#include "base/crc32c.h"
#include "nvmetcp/raw_host_test.h"
#include "wire/nvme_fabrics.h"

namespace ashlar::nvmetcp::test {
namespace {

using namespace wire::nvme;

// Two shards: queues live on both, and some connections are handed over.
constexpr uint32_t shards = 2;
constexpr uint32_t cut_data_bytes = 24;
constexpr uint16_t open_command = 7;

/// What a state stands on: a controller whose I/O queues the host that is cut off opens, and what it has been asked for.
struct Stage {
  Array& array;
  NvmeController& controller;
  uint16_t next_queue = 1;
  bool digests = false;
  uint16_t transfer_tag = 0;
};

/// The header with the digests and the data that its type has; lengths are filled in.
std::vector<uint8_t> signed_pdu(std::vector<uint8_t> bytes, PduType type, ConstBytes data, bool digests) {
  const auto header_bytes = static_cast<uint8_t>(bytes.size());
  const bool is_termination = type == PduType::host_termination || type == PduType::controller_termination;
  const bool is_signed = digests && type != PduType::initialize_request &&
                         type != PduType::initialize_response && !is_termination;
  const size_t digest = is_signed ? tcp_digest_bytes : 0;
  CommonHeader common{type, type == PduType::host_data ? PduFlag::last : uint8_t{0}, header_bytes, 0,
                      static_cast<uint32_t>(header_bytes + digest + data.size())};
  if (is_signed) common.flags |= PduFlag::header_digest;
  if (!data.empty()) {
    common.data_offset = is_termination ? uint8_t{0} : static_cast<uint8_t>(header_bytes + digest);
    if (is_signed) common.flags |= PduFlag::data_digest;
    common.pdu_bytes += static_cast<uint32_t>(digest);
  }
  common.encode(bytes.data());
  const auto sign = [&bytes](ConstBytes what) {
    uint8_t crc[tcp_digest_bytes];
    store_le32(crc, crc32c(what));
    bytes.insert(bytes.end(), crc, crc + sizeof crc);
  };
  if (is_signed) sign(ConstBytes(bytes).first(header_bytes));
  bytes.insert(bytes.end(), data.begin(), data.end());
  if (is_signed && !data.empty()) sign(data);
  return bytes;
}

std::vector<uint8_t> capsule(Submission entry, ConstBytes data, bool digests) {
  if (!data.empty())
    entry.set_data({DataDescriptor::Kind::in_capsule, 0, static_cast<uint32_t>(data.size())});
  std::vector<uint8_t> header(capsule_header_bytes);
  std::ranges::copy(entry.bytes, header.begin() + common_header_bytes);
  return signed_pdu(std::move(header), PduType::command, data, digests);
}

Task<void> hears(RawHost& host, size_t bytes) {
  for (int i = 0; i < 2000 && host.received.size() < bytes && !host.ended; ++i)
    co_await loop::sleep_for(loop::microseconds(200));
  EXPECT_GE(host.received.size(), bytes) << "the target does not answer";
}

Task<void> initialize(Stage& stage, RawHost& host) {
  host.send(initialization(0, 0, stage.digests));
  co_await hears(host, most_header_bytes);
  host.received.clear();
}

Task<void> connect(Stage& stage, RawHost& host, uint16_t queue_id) {
  co_await initialize(stage, host);
  const NvmeQueueOptions options = stage.array.options(queue_id == 0 ? 2 : 1);
  Submission entry;
  Connect{.queue_id = queue_id, .queue_entries = 31}.encode(entry);
  const ConnectData data{options.host_id,
                         queue_id == 0 ? dynamic_controller : stage.controller.admin().controller_id(),
                         subsystem, options.host_name};
  host.send(capsule(entry, data.encode(), stage.digests));
  const size_t answer_bytes = response_header_bytes + (stage.digests ? tcp_digest_bytes : 0);
  co_await hears(host, answer_bytes);
  if (host.received.size() >= answer_bytes) {
    EXPECT_TRUE(Completion::decode(&host.received[common_header_bytes]).outcome.ok());
  }
  host.received.clear();
}

Task<void> connect_io(Stage& stage, RawHost& host) {
  co_await connect(stage, host, stage.next_queue);
  stage.next_queue = static_cast<uint16_t>(stage.next_queue % 64 + 1);
}

Submission write_of(uint32_t blocks) {
  Submission entry = initiator::nvme_blocks(IoOpcode::write, 1, 64, blocks);
  entry.set_command_id(open_command);
  entry.set_data({DataDescriptor::Kind::transport, 0, blocks * 512});
  return entry;
}

struct State {
  const char* name;
  Task<void> (*enter)(Stage&, RawHost&);
};
const State states[] = {
    {"before initialization", [](Stage&, RawHost&) -> Task<void> { co_return; }},
    {"before Connect", [](Stage& stage, RawHost& host) -> Task<void> { co_await initialize(stage, host); }},
    {"before Connect, with digests",
     [](Stage& stage, RawHost& host) -> Task<void> {
       stage.digests = true;
       co_await initialize(stage, host);
     }},
    {"admin queue", [](Stage& stage, RawHost& host) -> Task<void> { co_await connect(stage, host, 0); }},
    {"I/O queue", [](Stage& stage, RawHost& host) -> Task<void> { co_await connect_io(stage, host); }},
    {"I/O queue, with digests",
     [](Stage& stage, RawHost& host) -> Task<void> {
       stage.digests = true;
       co_await connect_io(stage, host);
     }},
    {"data was asked for",
     [](Stage& stage, RawHost& host) -> Task<void> {
       co_await connect_io(stage, host);
       host.send(capsule(write_of(1), {}, false));
       co_await hears(host, data_header_bytes);
       if (host.received.size() >= data_header_bytes)
         stage.transfer_tag = DataTransfer::decode(host.received.data()).transfer_tag;
     }},
    {"half a pair",
     [](Stage& stage, RawHost& host) -> Task<void> {
       co_await connect_io(stage, host);
       Submission entry = initiator::nvme_blocks(IoOpcode::compare, 1, 64, 1);
       entry.set_command_id(open_command);
       entry.set_fuse(Fuse::first);
       host.send(capsule(entry, std::vector<uint8_t>(512), false));
     }},
};

constexpr uint8_t types[] = {0, 1, 2, 3, 4, 5, 6, 7, 9, 8, 0x0a, 0xff};

/// As good as it can be: of data that was asked for the first bytes, and not the last.
std::vector<uint8_t> whole(const Stage& stage, uint8_t number) {
  const auto type = static_cast<PduType>(number);
  if (type == PduType::initialize_request) return initialization();
  const std::vector<uint8_t> data(cut_data_bytes, 0x5a);
  if (type == PduType::command) {
    Submission entry = initiator::nvme_blocks(IoOpcode::write, 1, 64, 1);
    entry.set_command_id(9);
    return capsule(entry, data, stage.digests);
  }
  const uint8_t header_bytes = header_bytes_of(type);
  std::vector<uint8_t> header(header_bytes == 0 ? data_header_bytes : header_bytes);
  DataTransfer{open_command, stage.transfer_tag, 0, cut_data_bytes}.encode(header.data());
  const bool with_data = type == PduType::host_data || type == PduType::controller_data ||
                         type == PduType::host_termination || type == PduType::controller_termination;
  std::vector<uint8_t> bytes =
      signed_pdu(std::move(header), type, with_data ? ConstBytes(data) : ConstBytes(), stage.digests);
  if (type == PduType::host_data && !stage.digests) bytes[1] = 0;  // FLAGS: not the last
  return bytes;
}

class NvmeTruncation : public ::testing::TestWithParam<size_t> {};

const State* the_state = nullptr;

Task<size_t> cut_off(Stage& stage, uint8_t type, size_t cut) {
  auto connecting = loop::Loop::current().connect(endpoint, loop::seconds(5));
  auto stream = co_await connecting;
  CHECK(stream.has_value());
  RawHost host(std::move(*stream));
  stage.digests = false;
  co_await the_state->enter(stage, host);
  const std::vector<uint8_t> bytes = whole(stage, type);
  host.send(ConstBytes(bytes).first(std::min(cut, bytes.size())));
  co_await loop::sleep_for(loop::microseconds(100));
  co_return bytes.size();
}

uint32_t commands_in_use(const Array& array) {
  uint32_t sum = 0;
  for (const auto& server : array.servers) sum += static_cast<uint32_t>(server->impl().commands.in_use());
  return sum;
}

Task<void> cut_everything(Array* array) {
  auto attaching = attach(array->options(1), 0);
  const auto controller = co_await attaching;
  auto attaching_witness = attach(array->options(3), 1);
  const auto witness = co_await attaching_witness;
  EXPECT_EQ(co_await write_blocks(witness->io(), 64, pattern(512, 1)), Status::success);
  const size_t before = array->connections();
  for (const uint8_t type : types) {
    Stage stage{*array, *controller};
    size_t length = 1;
    for (size_t cut = 0; cut <= length; ++cut) {
      auto cutting = cut_off(stage, type, cut);
      length = co_await cutting;
    }
    for (int i = 0; i < 3000 && array->connections() > before; ++i)
      co_await loop::sleep_for(loop::milliseconds(10));
    EXPECT_EQ(array->connections(), before) << the_state->name << ", type " << int{type};
    EXPECT_EQ(commands_in_use(*array), 0u) << the_state->name << ", type " << int{type};
    EXPECT_EQ(array->buffers_in_use(), 0u) << the_state->name << ", type " << int{type};
    EXPECT_EQ(array->domains[0]->controllers().all().size(), 2u) << the_state->name << ", type " << int{type};
    EXPECT_EQ(co_await read_blocks(witness->io(), 64, 1), pattern(512, 1))
        << the_state->name << ", type " << int{type};
  }
}

TEST_P(NvmeTruncation, LeavesNothingBehind) {
  set_log_level(LogLevel::error);
  the_state = &states[GetParam()];
  {
    Array array(shards);
    array.run(cut_everything);
  }
  set_log_level(LogLevel::info);
}
INSTANTIATE_TEST_SUITE_P(Every, NvmeTruncation, ::testing::Range(size_t{0}, std::size(states)));

}  // namespace
}  // namespace ashlar::nvmetcp::test
