// What TLS costs a shard: a handshake on the server's side, one that ends at an unknown or a wrong key, and data by both ways. CPU
// time of the thread; each figure is the best of several rounds.
#include <ctime>

#include <algorithm>
#include <cstdio>

#include "base/check.h"
#include "tls/pipe_test.h"

namespace ashlar::bench {
namespace {

using namespace tls::test;

constexpr int rounds = 12;

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

/// Microseconds of the server's side of one handshake.
double handshake(const TlsPsk& of_client, const tls::FindPsk& find) {
  double best = 1e9;
  for (int round = 0; round < rounds * 20; ++round) {
    Pair pair(of_client, find);
    pair.client->advance();
    double spent = 0;
    for (int i = 0; i < 3; ++i) {
      pair.server->carrier_may_read();
      const double began = cpu_seconds();
      pair.server->advance();
      spent += cpu_seconds() - began;
      pair.client->carrier_may_read();
      pair.client->advance();
    }
    best = std::min(best, spent);
  }
  return best * 1e6;
}

/// GB a second: what is encrypted, and what is decrypted, of a megabyte at a time.
void data(PskHash hash) {
  Pair pair(hash);
  pair.settle();
  CHECK(pair.server->established(), "{}", pair.server->failure());
  const std::vector<uint8_t> sent = pattern(1 << 20);
  std::vector<uint8_t> room(sent.size());
  double encrypt = 1e9, decrypt = 1e9;
  for (int round = 0; round < rounds; ++round) {
    const double began = cpu_seconds();
    CHECK(write_to(*pair.client, sent) == static_cast<int64_t>(sent.size()), "a short write");
    const double middle = cpu_seconds();
    const std::vector<uint8_t> wire = std::move(pair.at_server.arrived);
    pair.at_server.arrived.clear();
    double spent = 0;
    size_t got = 0;
    for (size_t at = 0; got < sent.size();) {
      const size_t part = std::min<size_t>(65536, wire.size() - at);
      pair.at_server.arrived.assign(wire.begin() + static_cast<std::ptrdiff_t>(at),
                                    wire.begin() + static_cast<std::ptrdiff_t>(at + part));
      at += part;
      pair.server->carrier_may_read();
      const iovec into{room.data() + got, room.size() - got};
      const double start = cpu_seconds();
      const int64_t count = pair.server->read({&into, 1});
      spent += cpu_seconds() - start;
      if (count > 0) got += static_cast<size_t>(count);
    }
    encrypt = std::min(encrypt, middle - began);
    decrypt = std::min(decrypt, spent);
  }
  std::printf("%-24s encrypt %.2f GB/s  decrypt %.2f GB/s\n", pair.server->cipher().c_str(),
              static_cast<double>(sent.size()) / encrypt * 1e-9,
              static_cast<double>(sent.size()) / decrypt * 1e-9);
}

void measure() {
  const TlsPsk psk = psk_of(key_of(PskHash::sha256));
  const ConfiguredPsk key = key_of(PskHash::sha256), other = key_of(PskHash::sha256, 9);
  const tls::FindPsk derives = [key](std::string_view) -> Result<TlsPsk> { return psk_of(key); };
  const tls::FindPsk derives_another = [&](std::string_view) -> Result<TlsPsk> {
    TlsPsk wrong = psk_of(other);
    wrong.identity = psk.identity;
    return wrong;
  };
  std::printf("handshake %.0f us, with an unknown key %.0f us, with a wrong key %.0f us\n",
              handshake(psk, derives), handshake(psk, knows(psk_of(other))), handshake(psk, derives_another));
  data(PskHash::sha256);
  data(PskHash::sha384);
}

}  // namespace
}  // namespace ashlar::bench

int main() { ashlar::bench::measure(); }
