// For tests: two sessions with a wire between them that is as wide as the test says.
#pragma once

#include <algorithm>
#include <cstring>

#include "tls/session.h"

namespace ashlar::tls::test {

/// One end of a wire. What is sent stands in the other end's `arrived` at once.
class PipeEnd final : public loop::Stream {
 public:
  std::vector<uint8_t> arrived;
  PipeEnd* other = nullptr;
  size_t window = SIZE_MAX;  ///< of what may stand unread at the other end
  bool ended = false;        ///< nothing more arrives
  int64_t error = 0;         ///< what the next calls give

  void watch(loop::StreamWatcher& /*watcher*/) override {}
  int64_t receive(std::span<const iovec> parts) override {
    if (error != 0) return error;
    if (arrived.empty()) return ended ? 0 : would_block;
    const size_t count = std::min(parts[0].iov_len, arrived.size());
    std::memcpy(parts[0].iov_base, arrived.data(), count);
    arrived.erase(arrived.begin(), arrived.begin() + static_cast<std::ptrdiff_t>(count));
    return static_cast<int64_t>(count);
  }
  int64_t send(std::span<const iovec> parts) override {
    if (error != 0) return error;
    const size_t room = window - std::min(window, other->arrived.size());
    const size_t count = std::min(parts[0].iov_len, room);
    if (count == 0) return would_block;
    const auto* bytes = static_cast<const uint8_t*>(parts[0].iov_base);
    other->arrived.insert(other->arrived.end(), bytes, bytes + count);
    return static_cast<int64_t>(count);
  }
  void resume() override {}
  void shutdown_send() override { other->ended = true; }
  loop::Endpoint local() const override { return {}; }
  loop::Endpoint peer() const override { return {}; }
};

inline const std::string host_nqn = "nqn.2014-08.org.nvmexpress:uuid:h1";
inline const std::string subsystem_nqn = "nqn.2026-11.io.ashlar:demo";

inline ConfiguredPsk key_of(PskHash hash, uint8_t seed = 7) {
  return {hash, std::vector<uint8_t>(psk_bytes(hash), seed)};
}
inline TlsPsk psk_of(const ConfiguredPsk& key, uint8_t version = 1, const std::string& host = host_nqn) {
  return *derive_tls_psk(key, host, subsystem_nqn, version);
}
/// Knows `psk` alone.
inline FindPsk knows(TlsPsk psk) {
  return [psk = std::move(psk)](std::string_view identity) -> Result<TlsPsk> {
    if (identity == psk.identity) return psk;
    return fail(ErrorCode::not_found, "identity", "no key is kept for '{}'", identity);
  };
}

/// A client and a server that share nothing but the wire.
struct Pair {
  explicit Pair(TlsPsk of_client, FindPsk find)
      : client(*Session::call(std::move(of_client))), server(*Session::serve(std::move(find), {})) {
    at_client.other = &at_server;
    at_server.other = &at_client;
    client->carry(at_client);
    server->carry(at_server);
  }
  explicit Pair(PskHash hash = PskHash::sha256) : Pair(psk_of(key_of(hash)), knows(psk_of(key_of(hash)))) {}
  /// Lets both go on until neither has anything to do.
  void settle() {
    for (int i = 0; i < 20; ++i) {
      client->carrier_may_read();
      client->advance();
      server->carrier_may_read();
      server->advance();
    }
  }
  PipeEnd at_client, at_server;
  std::unique_ptr<Session> client, server;
};

inline int64_t write_to(Session& session, ConstBytes bytes) {
  const iovec part{const_cast<uint8_t*>(bytes.data()), bytes.size()};
  return session.write({&part, 1});
}
/// What is there now, up to `room` bytes; `outcome`: what the last call gave.
inline std::vector<uint8_t> read_from(Session& session, size_t room, int64_t* outcome = nullptr) {
  std::vector<uint8_t> bytes(room);
  const iovec part{bytes.data(), bytes.size()};
  session.carrier_may_read();
  const int64_t count = session.read({&part, 1});
  if (outcome != nullptr) *outcome = count;
  bytes.resize(count > 0 ? static_cast<size_t>(count) : 0);
  return bytes;
}
inline std::vector<uint8_t> pattern(size_t bytes) {
  std::vector<uint8_t> made(bytes);
  for (size_t i = 0; i < bytes; ++i) made[i] = static_cast<uint8_t>(i * 31 + i / 251);
  return made;
}

}  // namespace ashlar::tls::test
