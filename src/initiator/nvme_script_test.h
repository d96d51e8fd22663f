// For tests: a controller that says what it is given, whatever that is, to a session with three commands in flight.
#pragma once

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <vector>

#include "initiator/nvme_session.h"
#include "loop/sim_world.h"

namespace ashlar::initiator::test {

/// What a stream brings, and in what pieces.
struct NvmeScript {
  std::vector<uint8_t> said;
  size_t piece_bytes = SIZE_MAX;
  bool ends = false;  ///< the end of the stream behind it
  size_t heard_bytes = 0;
};

class ScriptedStream final : public loop::Stream {
 public:
  explicit ScriptedStream(NvmeScript& script) : script_(script) {}
  void watch(loop::StreamWatcher& /*watcher*/) override {}
  int64_t receive(std::span<const iovec> parts) override {
    const size_t left = std::min(script_.said.size() - at_, script_.piece_bytes);
    if (left == 0) return script_.ends ? 0 : would_block;
    size_t taken = 0;
    for (const iovec& part : parts) {
      const size_t count = std::min(part.iov_len, left - taken);
      if (count > 0) std::memcpy(part.iov_base, script_.said.data() + at_ + taken, count);
      taken += count;
    }
    at_ += taken;
    return static_cast<int64_t>(taken);
  }
  int64_t send(std::span<const iovec> parts) override {
    int64_t taken = 0;
    for (const iovec& part : parts) taken += static_cast<int64_t>(part.iov_len);
    script_.heard_bytes += static_cast<size_t>(taken);
    return taken;
  }
  void resume() override {}
  void shutdown_send() override {}
  loop::Endpoint local() const override { return {"10.0.0.2", 1}; }
  loop::Endpoint peer() const override { return {"10.0.0.1", 4420}; }

 private:
  NvmeScript& script_;
  size_t at_ = 0;
};

/// A session of 4 entries that has sent a read of 4096 bytes (id 400h), a read of 65536 (401h) and a write of 65536 that is
/// not in its capsule (402h).
class ScriptedSession {
 public:
  static constexpr uint16_t small_read = 0x400, large_read = 0x401, large_write = 0x402;

  ScriptedSession(loop::SimWorld& world, loop::SimLoop& loop, NvmeScript& script, bool header_digest,
                  bool data_digest)
      : world_(world), loop_(loop) {
    NvmeConnection connection;
    connection.stream = std::make_unique<ScriptedStream>(script);
    connection.options.endpoint = {"10.0.0.1", 4420};
    connection.options.entries = 4;
    connection.options.header_digest = header_digest;
    connection.options.data_digest = data_digest;
    connection.most_data_bytes = 16384;
    loop_.enter([&] {
      session = NvmeSession::over(loop_, std::move(connection));
      for (size_t i = 0; i < commands.size(); ++i) {
        memory_[i].resize(i == 0 ? 4096 : 65536);
        pieces_[i] = {memory_[i].data(), memory_[i].size()};
        (i == 2 ? commands[i].data_out : commands[i].data_in) = {&pieces_[i], 1};
        commands[i].owner = this;
        commands[i].done = [](NvmeCommand& done) { ++static_cast<ScriptedSession*>(done.owner)->ended; };
        session->submit(commands[i]);
      }
    });
    world_.run_for(loop::microseconds(20));
  }
  ~ScriptedSession() {
    loop_.enter([&] { session.reset(); });
    world_.run_for(loop::microseconds(20));
    CHECK(ended == commands.size(), "{} commands have ended", ended);
  }
  /// As often as the stream would tell it, and some more.
  void listen(size_t times) {
    for (size_t i = 0; i < times && session->open(); ++i) {
      loop_.enter([&] { static_cast<loop::StreamWatcher&>(*session).readable(); });
      world_.run_for(loop::microseconds(20));
    }
  }
  std::unique_ptr<NvmeSession> session;
  std::array<NvmeCommand, 3> commands;
  size_t ended = 0;

 private:
  loop::SimWorld& world_;
  loop::SimLoop& loop_;
  std::array<std::vector<uint8_t>, 3> memory_;
  std::array<iovec, 3> pieces_{};
};

}  // namespace ashlar::initiator::test
