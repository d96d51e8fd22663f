// A whole target against a hostile host: the input is a script of PDUs, whose headers are near to legal ones and whose fields
// the fuzzer bends, before or after a login. The target may close the connection as it likes; it must not crash, hang, or
// keep memory, and an honest login must work afterwards.
#include <cstdlib>

#include "iscsi/target_world_test.h"

namespace ashlar::iscsi {
namespace {

using namespace wire::iscsi;
using testing::Array;
using Host = testing::RawHost;

class Quiet {
 public:
  Quiet() { set_log_level(LogLevel::error); }
};

// One array for all inputs: making one costs more than most inputs.
Array& shared_array() {
  static Array* const array = [] {
    auto* made = new Array();
    const auto directory = made->directory();
    directory->settings.login_timeout_seconds = 1;
    made->publish(directory);
    return made;
  }();
  return *array;
}

// Each step: an opcode, some bytes that overwrite header fields, some data.
void play(Host& host, ConstBytes script) {
  static constexpr uint8_t opcodes[] = {0x01, 0x01, 0x01, 0x05, 0x05, 0x02,
                                        0x00, 0x04, 0x06, 0x10, 0x03, 0x3f};
  Reader reader(script);
  for (uint32_t step = 0; step < 64 && reader.remaining() > 0; ++step) {
    uint8_t header[basic_header_bytes] = {};
    header[0] = opcodes[reader.u8() % sizeof opcodes] | 0x40;
    header[1] = reader.u8();
    store_be32(header + 16, step % 8);      // task tag
    store_be32(header + 20, reader.u16());  // expected length, or target transfer tag
    store_be32(header + 24, 1 + step);      // CmdSN
    const uint8_t edits = reader.u8() % 16;
    for (uint8_t i = 0; i < edits; ++i) {
      const uint8_t at = reader.u8();
      header[at % basic_header_bytes] = reader.u8();
    }
    const ConstBytes cdb = reader.take(std::min<size_t>(reader.remaining(), header[0] == 0x41 ? 16 : 0));
    std::copy(cdb.begin(), cdb.end(), header + 32);
    const uint16_t wanted = reader.u16();
    const std::vector<uint8_t> data(wanted % 9000, reader.u8());
    if (wanted % 3 != 0) store_be24(header + 5, static_cast<uint32_t>(data.size()));
    host.send_raw(header, wanted % 5 == 0 ? ConstBytes{} : ConstBytes(data));
  }
}

}  // namespace
}  // namespace ashlar::iscsi

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ashlar;
  using namespace ashlar::iscsi;
  if (size < 1) return 0;
  static Quiet quiet;
  Array& array = shared_array();
  {
    Host host(array);
    if (data[0] % 4 != 0) CHECK(host.login(), "an honest login was refused");
    if (data[0] % 8 == 7) {
      host.send({data + 1, size - 1});
    } else {
      play(host, {data + 1, size - 1});
    }
  }
  Server::Impl& server = array.servers[0]->impl();
  const bool gone = array.world.run_until([&] { return server.connections.empty(); }, loop::seconds(30));
  CHECK(gone, "{} connections are left", server.connections.size());
  CHECK(server.commands.in_use() == 0, "{} commands are left", server.commands.in_use());
  CHECK(array.process.loop(0).buffers().in_use() == 0, "{} pieces of memory are left",
        array.process.loop(0).buffers().in_use());
  return 0;
}
