// CDBs of 32 bytes on the wire: the second half comes in an additional header segment (RFC 7143 11.2.2.3).
#include <gtest/gtest.h>

#include "iscsi/target_world_test.h"

namespace ashlar::iscsi {
namespace {

using namespace wire::iscsi;
using testing::Array;
using Host = testing::RawHost;

constexpr uint8_t read_32 = 0x09, write_32 = 0x0b;

class ExtendedCdb : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { set_log_level(LogLevel::error); }
  void SetUp() override {
    ASSERT_TRUE(host->login());
    host->heard.clear();
    attention_is_told();
  }
  void TearDown() override {
    host.reset();
    Server::Impl& server = array.servers[0]->impl();
    EXPECT_TRUE(array.world.run_until([&] { return server.connections.empty(); }, loop::seconds(30)));
    EXPECT_EQ(server.commands.in_use(), 0u);
  }
  ScsiCommand command(std::array<uint8_t, 16> cdb, uint32_t bytes) {
    ScsiCommand pdu;
    pdu.cmd_sn = next_;
    pdu.initiator_task_tag = next_++;
    pdu.expected_data_transfer_length = bytes;
    pdu.cdb = cdb;
    return pdu;
  }
  void send(const ScsiCommand& pdu, ConstBytes data, ConstBytes additional = {}) {
    uint8_t header[basic_header_bytes];
    pdu.encode(header);
    host->send_raw(header, data, false, false, additional);
  }
  void attention_is_told() {
    send(command({}, 0), {});
    EXPECT_EQ(answer().status, 0x02);
  }
  // READ(32) or WRITE(32) of one block; what of the CDB does not fit into the header, as `tail` bytes of it.
  void send_long(uint8_t action, uint32_t block, ConstBytes data, size_t tail = 16) {
    ScsiCommand pdu = command({0x7f, 0, 0, 0, 0, 0, 0, 0x18, 0, action}, 512);
    pdu.read = action == read_32;
    pdu.write = !pdu.read;
    pdu.data_segment_length = static_cast<uint32_t>(data.size());
    std::array<uint8_t, 16> rest{};
    store_be32(rest.data(), block);  // the low half of the LBA, bytes 16 to 19
    store_be32(rest.data() + 12, 1);
    std::array<uint8_t, 64> segment{};
    const AdditionalHeader extension{AdditionalHeaderType::extended_cdb, ConstBytes(rest).first(tail)};
    const size_t size = tail == 0 ? 0 : wire::iscsi::encode(extension, segment);
    pdu.additional_header_bytes = static_cast<uint32_t>(size);
    send(pdu, data, ConstBytes(segment).first(size));
  }
  // The next SCSI Response that was heard; Data-In before it goes to data_in.
  ScsiResponse answer() {
    data_in.clear();
    for (int i = 0; i < 100; ++i) {
      while (host->heard.size() >= basic_header_bytes) {
        const uint8_t* pdu = host->heard.data();
        const size_t length = data_segment_length(pdu);
        if (host->heard.size() < basic_header_bytes + padded(static_cast<uint32_t>(length))) break;
        const Opcode opcode = wire::iscsi::opcode(pdu);
        last = opcode;
        if (opcode == Opcode::data_in)
          data_in.insert(data_in.end(), pdu + basic_header_bytes, pdu + basic_header_bytes + length);
        const bool status_in_data = opcode == Opcode::data_in && (pdu[1] & 0x01) != 0;
        ScsiResponse response = ScsiResponse::decode(pdu);
        if (status_in_data) response.status = pdu[3];
        sense.assign(pdu + basic_header_bytes, pdu + basic_header_bytes + length);
        host->heard.erase(
            host->heard.begin(),
            host->heard.begin() +
                static_cast<std::ptrdiff_t>(basic_header_bytes + padded(static_cast<uint32_t>(length))));
        if (opcode == Opcode::scsi_response || opcode == Opcode::reject || status_in_data) return response;
      }
      array.world.run_for(loop::milliseconds(5));
    }
    ADD_FAILURE() << "no answer";
    return {};
  }

  static Array& the_array() {
    static auto& made = *new Array();  // it has no end of its own
    return made;
  }
  Array& array = the_array();
  std::unique_ptr<Host> host = std::make_unique<Host>(array);
  uint32_t next_ = 1;
  Opcode last{};
  std::vector<uint8_t> data_in;
  std::vector<uint8_t> sense;
};

TEST_F(ExtendedCdb, WritesAndReads) {
  send_long(write_32, 77, std::vector<uint8_t>(512, 0xab));
  EXPECT_EQ(answer().status, 0x00);
  send_long(read_32, 77, {});
  EXPECT_EQ(answer().status, 0x00);
  EXPECT_EQ(data_in, std::vector<uint8_t>(512, 0xab));
  send_long(read_32, 76, {});
  EXPECT_EQ(answer().status, 0x00);
  EXPECT_EQ(data_in, std::vector<uint8_t>(512, 0x00));
}

TEST_F(ExtendedCdb, AShorterOneThanTheCdbSaysIsRefusedByItsField) {
  for (const size_t tail : {size_t{0}, size_t{4}, size_t{15}}) {
    send_long(read_32, 77, {}, tail);
    EXPECT_EQ(answer().status, 0x02) << tail;
    ASSERT_GE(sense.size(), 20u);
    EXPECT_EQ(sense[2 + 2] & 0x0f, 0x05);
    EXPECT_EQ(sense[2 + 12], 0x24);
    EXPECT_EQ(load_be16(&sense[2 + 16]), 7) << "ADDITIONAL CDB LENGTH";
  }
}

TEST_F(ExtendedCdb, ADamagedSegmentEndsTheConnection) {
  ScsiCommand pdu = command({0x7f, 0, 0, 0, 0, 0, 0, 0x18, 0, read_32}, 512);
  pdu.read = true;
  pdu.additional_header_bytes = 4;
  const std::array<uint8_t, 4> damaged = {0, 17, 1, 0};  // 17 bytes are announced, none are there
  send(pdu, {}, damaged);
  answer();
  EXPECT_EQ(last, Opcode::reject);
  Server::Impl& server = array.servers[0]->impl();
  EXPECT_TRUE(array.world.run_until([&] { return server.connections.empty(); }, loop::seconds(5)));
}

}  // namespace
}  // namespace ashlar::iscsi
