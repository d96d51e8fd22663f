// For tests: a stream that hands out a script of bytes in pieces of given sizes.
#pragma once

#include <algorithm>
#include <cstring>
#include <vector>

#include "loop/stream.h"

namespace ashlar::loop {

/// Never blocks; ends with the script. Without `pieces`, it gives as much as is asked for.
class ScriptedStream final : public Stream {
 public:
  ScriptedStream(std::vector<uint8_t> bytes, std::vector<size_t> pieces)
      : bytes_(std::move(bytes)), pieces_(std::move(pieces)) {}
  void watch(StreamWatcher&) override {}
  int64_t receive(std::span<const iovec> parts) override {
    if (position_ == bytes_.size()) return 0;
    size_t room = pieces_.empty() ? bytes_.size() : std::max<size_t>(1, pieces_[turn_++ % pieces_.size()]);
    size_t done = 0;
    for (const iovec& part : parts) {
      const size_t take = std::min({part.iov_len, room, bytes_.size() - position_});
      if (take > 0) std::memcpy(part.iov_base, bytes_.data() + position_, take);
      position_ += take;
      room -= take;
      done += take;
    }
    return static_cast<int64_t>(done);
  }
  int64_t send(std::span<const iovec>) override { return would_block; }
  void resume() override {}
  void shutdown_send() override {}
  Endpoint local() const override { return {}; }
  Endpoint peer() const override { return {}; }

 private:
  std::vector<uint8_t> bytes_;
  std::vector<size_t> pieces_;
  size_t position_ = 0, turn_ = 0;
};

}  // namespace ashlar::loop
