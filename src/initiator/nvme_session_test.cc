// What a session makes of a controller that breaks the rules: it ends, and says what was done.
#include <gtest/gtest.h>

#include "base/crc32c.h"
#include "initiator/nvme_script_test.h"

namespace ashlar::initiator::test {
namespace {

using namespace wire::nvme;

/// A PDU with its common header, made from the bytes behind it and its data.
std::vector<uint8_t> pdu_of(PduType type, uint8_t flags, std::vector<uint8_t> specific, size_t data_bytes) {
  const uint8_t header_bytes = header_bytes_of(type);
  specific.resize(header_bytes - common_header_bytes);
  std::vector<uint8_t> pdu(header_bytes + data_bytes, 0x5a);
  CommonHeader{type, flags, header_bytes, data_bytes > 0 ? header_bytes : uint8_t{0},
               static_cast<uint32_t>(pdu.size())}
      .encode(pdu.data());
  std::ranges::copy(specific, pdu.begin() + common_header_bytes);
  return pdu;
}
std::vector<uint8_t> transfer(PduType type, uint8_t flags, DataTransfer fields, size_t data_bytes) {
  std::array<uint8_t, data_header_bytes> header{};
  fields.encode(header.data());
  return pdu_of(type, flags, {header.begin() + common_header_bytes, header.end()}, data_bytes);
}
std::vector<uint8_t> data_of(uint16_t id, uint32_t offset, uint32_t bytes, uint8_t flags) {
  return transfer(PduType::controller_data, flags, {id, 0, offset, bytes}, bytes);
}
std::vector<uint8_t> answer_of(uint16_t id, Status status = Status::success) {
  std::vector<uint8_t> entry(completion_bytes);
  Completion{.command_id = id, .outcome = {status, false}}.encode(entry.data());
  return pdu_of(PduType::response, 0, entry, 0);
}
std::vector<uint8_t> ask(uint16_t id, uint32_t offset, uint32_t bytes) {
  return transfer(PduType::ready_to_transfer, 0, {id, 9, offset, bytes}, 0);
}
std::vector<uint8_t> both(std::vector<uint8_t> first, const std::vector<uint8_t>& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

class NvmeSessionTest : public testing::Test {
 protected:
  /// Why the session ended after that; "open" when it did not.
  std::string after(std::vector<uint8_t> said, bool header_digest = false, bool data_digest = false) {
    NvmeScript script{.said = std::move(said)};
    ScriptedSession host(world, process.loop(0), script, header_digest, data_digest);
    host.listen(3);
    return host.session->open() ? "open" : host.session->closed_reason()->message;
  }
  loop::SimWorld world{1};
  loop::SimProcess& process = world.add_process("host", 1, {.small = 4, .medium = 4, .large = 4});
};

constexpr uint8_t ends = PduFlag::last | PduFlag::success;

TEST_F(NvmeSessionTest, GoodAnswersInPiecesOfEverySize) {
  for (const size_t piece : {7u, 24u, 4096u, 70000u, 1000000u}) {
    NvmeScript script;
    script.piece_bytes = piece;
    script.said = both(data_of(0x400, 0, 4096, ends), data_of(0x401, 0, 65536, PduFlag::last));
    script.said = both(both(script.said, ask(0x402, 0, 65536)), answer_of(0x401));
    ScriptedSession host(world, process.loop(0), script, false, false);
    host.listen(script.said.size() + 1);
    EXPECT_EQ(host.ended, 2u) << piece;
    script.said = both(script.said, answer_of(0x402));
    host.listen(100);
    ASSERT_TRUE(host.session->open()) << host.session->closed_reason()->text();
    EXPECT_EQ(host.ended, 3u) << piece;
    for (const NvmeCommand& command : host.commands) EXPECT_TRUE(command.good());
    EXPECT_EQ(host.commands[1].received_bytes, 65536u);
    // Three capsules, and four pieces of at most 16 KiB.
    EXPECT_EQ(script.heard_bytes, 3 * capsule_header_bytes + 4 * data_header_bytes + 65536);
  }
}

TEST_F(NvmeSessionTest, WhatIsForbiddenEndsItWithAReason) {
  EXPECT_EQ(after({}), "open");
  EXPECT_EQ(after(answer_of(0x400, Status::invalid_field)), "open");
  EXPECT_EQ(after(answer_of(0x403)), "something for command 0403h, which is not in flight");
  EXPECT_EQ(after(answer_of(0x000)), "something for command 0000h, which is not in flight");
  EXPECT_EQ(after(answer_of(0x402)), "success after 0 of 65536 bytes");
  EXPECT_EQ(after(both(ask(0x402, 0, 65536), answer_of(0x402))), "success after 0 of 65536 bytes");
  const std::vector<uint8_t> failed = answer_of(0x402, Status::write_fault);
  EXPECT_EQ(after(both(failed, failed)), "something for command 0402h, which is not in flight");
  EXPECT_EQ(after(answer_of(0x400)), "success after 0 of 4096 bytes");
  EXPECT_EQ(after(data_of(0x400, 0, 512, ends)), "success after 512 of 4096 bytes");
  EXPECT_EQ(after(data_of(0x400, 0, 4096, PduFlag::success)), "SUCCESS before the last data");
  EXPECT_EQ(after(data_of(0x400, 0, 8192, ends)),
            "8192 bytes of data at 0 (told: 8192), where 0 of 4096 have come");
  EXPECT_EQ(after(data_of(0x400, 512, 512, 0)),
            "512 bytes of data at 512 (told: 512), where 0 of 4096 have come");
  EXPECT_EQ(after(data_of(0x402, 0, 512, 0)), "512 bytes of data at 0 (told: 512), where 0 of 0 have come");
  EXPECT_EQ(after(transfer(PduType::controller_data, 0, {0x400, 0, 0, 1024}, 512)),
            "512 bytes of data at 0 (told: 1024), where 0 of 4096 have come");
  EXPECT_EQ(after(ask(0x400, 0, 512)), "R2T for 512 bytes at 0 of 0, where 0 were asked for");
  EXPECT_EQ(after(ask(0x402, 0, 0)), "R2T for 0 bytes at 0 of 65536, where 0 were asked for");
  EXPECT_EQ(after(ask(0x402, 0, 65537)), "R2T for 65537 bytes at 0 of 65536, where 0 were asked for");
  EXPECT_EQ(after(both(ask(0x402, 0, 512), ask(0x402, 512, 512))),
            "R2T for 512 bytes at 512 of 65536, where 512 were asked for");
  EXPECT_EQ(after(pdu_of(PduType::command, 0, {}, 0)), "CapsuleCmd is not for a host");
  EXPECT_EQ(after(pdu_of(PduType::controller_termination, 0, {2, 0}, 0)),
            "the controller ended the connection: fatal error 2, information 0");
  EXPECT_EQ(after(std::vector<uint8_t>(8, 0xff)), "unknown PDU with a wrong header field at byte 0");
  EXPECT_EQ(after(answer_of(0x400), true), "CapsuleResp with a wrong header field at byte 1");
}

TEST_F(NvmeSessionTest, DigestsThatAreWrongEndIt) {
  std::vector<uint8_t> answer = answer_of(0x400, Status::invalid_field);
  answer[1] |= PduFlag::header_digest;
  store_le32(&answer[4], static_cast<uint32_t>(answer.size() + 4));
  const uint32_t crc = crc32c(answer);
  answer.resize(answer.size() + 4);
  store_le32(&answer[answer.size() - 4], crc);
  EXPECT_EQ(after(answer, true), "open");
  answer.back() ^= 1;
  EXPECT_EQ(after(answer, true), "CapsuleResp: header digest error");

  std::vector<uint8_t> data = data_of(0x400, 0, 4096, ends | PduFlag::data_digest);
  store_le32(&data[4], static_cast<uint32_t>(data.size() + 4));
  const uint32_t data_crc = crc32c(ConstBytes(data).subspan(data_header_bytes));
  data.resize(data.size() + 4);
  store_le32(&data[data.size() - 4], data_crc);
  EXPECT_EQ(after(data, false, true), "open");
  data[100] ^= 1;
  EXPECT_EQ(after(data, false, true), "data digest error");
}

TEST_F(NvmeSessionTest, TheEndOfTheStreamEndsEverything) {
  NvmeScript script{.said = data_of(0x401, 0, 65536, ends), .ends = true};
  script.said.resize(30000);
  ScriptedSession host(world, process.loop(0), script, false, false);
  host.listen(5);
  EXPECT_FALSE(host.session->open());
  EXPECT_EQ(host.session->closed_reason()->message, "the controller closed the connection");
  EXPECT_EQ(host.ended, 3u);
  for (const NvmeCommand& command : host.commands) EXPECT_EQ(command.outcome, Outcome::unknown);
}

}  // namespace
}  // namespace ashlar::initiator::test
