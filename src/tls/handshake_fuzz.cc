// A server's session that hears what the input says: as a ClientHello, or in the place of what an honest client sends later.
#include "base/check.h"
#include "tls/pipe_test.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ashlar;
  using namespace ashlar::tls::test;
  if (size < 2) return 0;
  Pair pair;
  const ConstBytes input(data + 2, size - 2);
  const bool after_the_handshake = (data[0] & 1) != 0;
  if (after_the_handshake) {
    pair.settle();
  } else if ((data[0] & 2) != 0) {
    // A real ClientHello with the input written over it.
    pair.client->advance();
    const size_t at = size_t{data[1]} * 2;
    for (size_t i = 0; i < input.size() && at + i < pair.at_server.arrived.size(); ++i)
      pair.at_server.arrived[at + i] ^= input[i];
  }
  const size_t before = pair.at_server.arrived.size();
  if (before == 0) pair.at_server.arrived.assign(input.begin(), input.end());
  pair.at_server.ended = (data[0] & 4) != 0;
  for (int i = 0; i < 8; ++i) {
    pair.server->carrier_may_read();
    pair.server->advance();
    const std::vector<uint8_t> heard = read_from(*pair.server, 4096);
    CHECK(heard.empty(), "data came from who does not know the key");
  }
  return 0;
}
