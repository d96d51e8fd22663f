// A hostile host by a script of bytes: PDUs that are near to legal ones, with fields bent, on a connection in any phase. The target
// may end the connection as it likes; it must not crash, hang or keep memory. For the fuzzer, and for a test of chance.
#pragma once

#include <algorithm>

#include "base/crc32c.h"
#include "nvmetcp/array_test.h"

namespace ashlar::nvmetcp::test {

/// One PDU out of `reader`: mostly commands, sometimes data or what no host sends; up to 15 bytes of it overwritten.
inline std::vector<uint8_t> bent_pdu(Reader& reader, const NvmeQueue& queue) {
  using wire::nvme::PduType;
  static constexpr uint8_t types[] = {4, 4, 4, 4, 4, 4, 6, 6, 0, 2, 5, 9};
  static constexpr uint8_t opcodes[] = {0x00, 0x01, 0x02, 0x05, 0x08, 0x09, 0x0c, 0x0d,
                                        0x0e, 0x11, 0x15, 0x19, 0x06, 0x0a, 0x0c, 0x7f};
  const auto type = static_cast<PduType>(types[reader.u8() % sizeof types]);
  const uint8_t header_bytes = std::max<uint8_t>(wire::nvme::header_bytes_of(type), 24);
  const std::vector<uint8_t> data(reader.u16() % 9000, reader.u8());
  const bool empty = data.size() % 3 == 0;
  const auto data_bytes = static_cast<uint32_t>(empty ? 0 : data.size());
  std::vector<uint8_t> pdu(header_bytes);
  wire::nvme::CommonHeader{type, static_cast<uint8_t>(type == PduType::host_data ? 4 : 0), header_bytes,
                           empty ? uint8_t{0} : header_bytes, header_bytes + data_bytes}
      .encode(pdu.data());
  if (type == PduType::command) {
    Submission entry;
    entry.set_opcode(opcodes[reader.u8() % sizeof opcodes]);
    entry.set_fuse(static_cast<wire::nvme::Fuse>(reader.u8() % 8 < 4 ? 0 : reader.u8() % 4));
    entry.set_command_id(reader.u8());
    entry.set_namespace_id(reader.u8() % 4);
    entry.set_word(10, reader.u8());
    entry.set_word(12, reader.u8() % 32);
    const uint32_t blocks = (entry.word(12) + 1) * 512;
    entry.set_data(
        {empty ? wire::nvme::DataDescriptor::Kind::transport : wire::nvme::DataDescriptor::Kind::in_capsule,
         0, empty ? blocks : data_bytes});
    std::ranges::copy(entry.bytes, pdu.begin() + 8);
  } else if (type == PduType::host_data) {
    wire::nvme::DataTransfer{reader.u8(), queue.last_transfer_tag, 0, data_bytes}.encode(pdu.data());
  }
  const uint8_t edits = reader.u8() % 16;
  for (uint8_t i = 0; i < edits / 4; ++i) {
    const uint8_t at = reader.u8();
    pdu[at % header_bytes] = reader.u8();
  }
  if (!empty) pdu.insert(pdu.end(), data.begin(), data.end());
  return pdu;
}

inline Task<bool> play(Array* array, ConstBytes script) {
  Reader reader(script);
  const uint8_t choice = reader.u8();
  NvmeQueueOptions options = array->options(choice % 2 + 1);
  options.flow_control = (choice & 4) != 0;
  auto attaching = NvmeController::attach(loop::Loop::current(), options, 2);
  auto attached = co_await attaching;
  CHECK(attached.has_value(), "an honest host was refused: {}", attached.error().text());
  NvmeController& controller = **attached;
  for (NvmeQueue* queue : {&controller.admin(), &controller.io(0), &controller.io(1)})
    queue->hold_data = true;
  for (uint32_t step = 0; step < 64 && reader.remaining() > 0; ++step) {
    const uint8_t which = reader.u8();
    NvmeQueue& queue = which % 4 == 0 ? controller.admin() : controller.io(which % 2);
    const std::vector<uint8_t> pdu = bent_pdu(reader, queue);
    if (queue.open()) queue.send_raw(pdu);
    if (which % 8 == 7) co_await loop::sleep_for(loop::milliseconds(5));
  }
  co_await loop::sleep_for(loop::milliseconds(100));
  co_return true;
}

/// Plays it and sees that nothing is left of it.
inline void play_and_check(Array& array, ConstBytes script) {
  run_story(array.host.loop(0), play, &array, script);
  const bool gone = array.world.run_until([&] { return array.connections() == 0; }, loop::seconds(30));
  CHECK(gone, "{} connections are left", array.connections());
  array.world.run_for(loop::seconds(1));
  for (const auto& server : array.servers)
    CHECK(server->impl().commands.in_use() == 0, "{} commands are left", server->impl().commands.in_use());
  CHECK(array.buffers_in_use() == 0, "{} pieces of memory are left", array.buffers_in_use());
  CHECK(array.domains[0]->controllers().all().empty(), "controllers are left");
}

}  // namespace ashlar::nvmetcp::test
