// Lying streams: what the target sends and receives passes byte by byte, with its place in the iSCSI PDU known, and may change.
// A connection that negotiated a digest is left alone: it would notice.
#include <algorithm>
#include <cstring>
#include <string>

#include "loop/sim_loop.h"
#include "loop/sim_random.h"
#include "sim/plant.h"

namespace ashlar::simulation {
namespace {

using loop::Stream;
using loop::StreamWatcher;

enum class Lie : uint8_t { data_flipped, abort_unheard, error_answered_good };

constexpr uint32_t header_bytes = 48;
constexpr uint8_t management_request = 0x02, scsi_response = 0x21, management_response = 0x22,
                  login_response = 0x23, data_in = 0x25;

// Where a byte stream stands in its PDUs (RFC 7143 11.2), as long as there are no digests.
class PduPosition {
 public:
  /// Of the next byte: 0-47 in the header, from 48 on in what follows it.
  uint32_t at() const { return at_; }
  uint8_t opcode() const { return header_[0] & 0x3f; }
  uint8_t header(uint32_t index) const { return header_[index]; }
  uint32_t data_bytes() const { return uint32_t{header_[5]} << 16 | uint32_t{header_[6]} << 8 | header_[7]; }
  void pass(uint8_t byte) {
    if (at_ < header_bytes) header_[at_] = byte;
    ++at_;
    if (at_ >= header_bytes && at_ >= header_bytes + header_[4] * 4u + (data_bytes() + 3) / 4 * 4) at_ = 0;
  }

 private:
  uint32_t at_ = 0;
  std::array<uint8_t, header_bytes> header_{};
};

class StreamPlant final : public Plant {
 public:
  StreamPlant(Lie lie, uint64_t seed) : lie_(lie), random_(loop::mix64(seed ^ 0x737472)) {}
  void install(loop::SimWorld& world, block::Registry& registry) override;
  Lie lie() const { return lie_; }
  loop::SimRandom& random() { return random_; }

 private:
  const Lie lie_;
  loop::SimRandom random_;
};

class LyingStream final : public Stream, StreamWatcher {
 public:
  LyingStream(StreamPlant& plant, std::unique_ptr<Stream> below) : plant_(plant), below_(std::move(below)) {}
  void watch(StreamWatcher& watcher) override {
    watcher_ = &watcher;
    below_->watch(*this);
  }
  int64_t receive(std::span<const iovec> parts) override;
  int64_t send(std::span<const iovec> parts) override;
  void resume() override { below_->resume(); }
  void shutdown_send() override { below_->shutdown_send(); }
  loop::Endpoint local() const override { return below_->local(); }
  loop::Endpoint peer() const override { return below_->peer(); }

 private:
  void readable() override { watcher_->readable(); }
  void writable() override {
    if (flush()) watcher_->writable();
  }
  bool flush();
  void outgoing(uint8_t& byte);
  void incoming(uint8_t& byte);

  StreamPlant& plant_;
  std::unique_ptr<Stream> below_;
  StreamWatcher* watcher_ = nullptr;
  PduPosition out_, in_;
  std::string login_text_;
  bool digests_ = false;
  bool flip_ = false;
  std::vector<uint8_t> pending_;  // changed already, not taken yet
};

void StreamPlant::install(loop::SimWorld& world, block::Registry& /*registry*/) {
  world.interpose_stream = [this](std::unique_ptr<Stream> stream, loop::SimLoop& /*loop*/, bool accepted) {
    if (!accepted) return stream;
    return std::unique_ptr<Stream>(std::make_unique<LyingStream>(*this, std::move(stream)));
  };
}

void LyingStream::outgoing(uint8_t& byte) {
  if (digests_) return;
  const uint32_t at = out_.at();
  const uint8_t before = byte;
  if (out_.opcode() == login_response && at >= header_bytes) {
    login_text_.push_back(static_cast<char>(byte));
    if (login_text_.ends_with("Digest=CRC32C")) digests_ = true;
  }
  switch (plant_.lie()) {
    case Lie::data_flipped:
      if (at == header_bytes) flip_ = out_.opcode() == data_in && plant_.random().chance(0.02);
      if (at == header_bytes + 40 && flip_) byte ^= 4;
      break;
    case Lie::abort_unheard:
      if (at == 2 && out_.opcode() == management_response && byte == 1) byte = 0;
      break;
    case Lie::error_answered_good:
      if (at == 3 && out_.opcode() == scsi_response && byte == 2) byte = 0;
      break;
  }
  out_.pass(at < header_bytes ? byte : before);
}

// ABORT TASK of a task that there is not: the target says so, and outgoing() makes "complete" of it.
void LyingStream::incoming(uint8_t& byte) {
  if (digests_) return;
  const uint32_t at = in_.at();
  const uint8_t before = byte;
  const bool abort = in_.opcode() == management_request && (in_.header(1) & 0x7f) == 1;
  if (plant_.lie() == Lie::abort_unheard && abort && at == 21) byte ^= 0x55;
  in_.pass(before);
}

int64_t LyingStream::receive(std::span<const iovec> parts) {
  const int64_t count = below_->receive(parts);
  int64_t left = count;
  for (const iovec& part : parts) {
    auto* bytes = static_cast<uint8_t*>(part.iov_base);
    for (size_t i = 0; i < part.iov_len && left > 0; ++i, --left) incoming(bytes[i]);
  }
  return count;
}

bool LyingStream::flush() {
  while (!pending_.empty()) {
    const iovec part{pending_.data(), pending_.size()};
    const int64_t count = below_->send({&part, 1});
    if (count == would_block) return false;
    if (count < 0) {
      pending_.clear();  // the next send tells
      return true;
    }
    pending_.erase(pending_.begin(), pending_.begin() + count);
  }
  return true;
}

int64_t LyingStream::send(std::span<const iovec> parts) {
  if (!flush()) return would_block;
  const int64_t alive = below_->send({});
  if (alive < 0) return alive;
  int64_t total = 0;
  for (const iovec& part : parts) {
    const auto* bytes = static_cast<const uint8_t*>(part.iov_base);
    pending_.insert(pending_.end(), bytes, bytes + part.iov_len);
    total += static_cast<int64_t>(part.iov_len);
  }
  for (uint8_t& byte : pending_) outgoing(byte);
  flush();
  return total;
}

}  // namespace

std::unique_ptr<Plant> make_stream_plant(std::string_view name, uint64_t seed) {
  static constexpr std::string_view names[] = {"data-flipped", "abort-unheard", "error-answered-good"};
  for (size_t i = 0; i < std::size(names); ++i) {
    if (names[i] == name) return std::make_unique<StreamPlant>(static_cast<Lie>(i), seed);
  }
  return nullptr;
}

}  // namespace ashlar::simulation
