#include "loop/sim_stream.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "loop/sim_loop.h"
#include "loop/sim_world.h"

namespace ashlar::loop {
namespace {

size_t total_of(std::span<const iovec> parts) {
  size_t total = 0;
  for (const iovec& part : parts) total += part.iov_len;
  return total;
}

// The first `count` bytes of `parts`.
std::vector<uint8_t> gather(std::span<const iovec> parts, size_t count) {
  std::vector<uint8_t> bytes(count);
  size_t done = 0;
  for (const iovec& part : parts) {
    const size_t length = std::min(part.iov_len, count - done);
    if (length > 0) std::memcpy(bytes.data() + done, part.iov_base, length);
    done += length;
  }
  return bytes;
}

}  // namespace

int64_t SimConnection::send(int side, std::span<const iovec> parts) {
  End& end = ends[side];
  if (end.error != 0) return -end.error;
  if (end.out.ended) return -EPIPE;
  const size_t total = total_of(parts);
  size_t count = std::min<size_t>(total, end.out.window - std::min(end.out.window, end.out.unacknowledged));
  if (total == 0) return 0;
  if (count == 0) return Stream::would_block;
  SimRandom& random = network.random();
  if (count > 1 && random.chance(network.settings().short_send)) count = random.between(1, count - 1);
  std::vector<uint8_t> bytes = gather(parts, count);
  end.out.unacknowledged += static_cast<uint32_t>(count);
  while (bytes.size() > 1 && random.chance(network.settings().split_chance)) {
    const size_t cut_at = random.between(1, bytes.size() - 1);
    push(side, Piece{{bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(cut_at)}}, Nanoseconds(0));
    bytes.erase(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(cut_at));
  }
  push(side, Piece{std::move(bytes)}, Nanoseconds(0));
  return static_cast<int64_t>(count);
}

int64_t SimConnection::receive(int side, std::span<const iovec> parts) {
  End& end = ends[side];
  const size_t room = total_of(parts);
  if (end.available() == 0) {
    if (end.error != 0) return -end.error;
    return end.end_of_stream || room == 0 ? 0 : Stream::would_block;
  }
  size_t count = std::min(room, end.available());
  if (count > 1 && network.random().chance(network.settings().short_receive))
    count = network.random().between(1, count - 1);
  size_t done = 0;
  for (const iovec& part : parts) {
    const size_t length = std::min(part.iov_len, count - done);
    if (length > 0) std::memcpy(part.iov_base, end.received.data() + end.taken + done, length);
    done += length;
  }
  end.taken += count;
  if (end.available() == 0) {
    end.received.clear();
    end.taken = 0;
  }
  acknowledge(1 - side, static_cast<uint32_t>(count));
  return static_cast<int64_t>(count);
}

// Room for the sender again, after the way back. One event carries what gathers meanwhile.
void SimConnection::acknowledge(int side, uint32_t bytes) {
  Direction& out = ends[side].out;
  const bool on_its_way = out.acknowledge > 0;
  out.acknowledge += bytes;
  if (on_its_way) return;
  network.world().after(network.latency(), SimEvent::acknowledge, id, [self = shared_from_this(), side] {
    Direction& direction = self->ends[side].out;
    direction.unacknowledged -= std::min(direction.unacknowledged, direction.acknowledge);
    direction.acknowledge = 0;
    if (SimStream* stream = self->ends[side].stream) stream->may_write();
  });
}

void SimConnection::push(int side, Piece piece, Nanoseconds extra) {
  Direction& out = ends[side].out;
  SimRandom& random = network.random();
  const SimNetwork::Settings& settings = network.settings();
  const Nanoseconds on_wire(
      static_cast<int64_t>(piece.bytes.size() * 1'000'000'000 / settings.bytes_per_second));
  Instant when = network.world().now() + network.latency() + on_wire + extra;
  if (random.chance(settings.slow_chance)) when = when + random.between(Nanoseconds(0), settings.slow_max);
  out.last_arrival = std::max(when, out.last_arrival + on_wire);
  out.in_flight.push_back(std::move(piece));
  network.world().at(out.last_arrival, SimEvent::deliver, id,
                     [self = shared_from_this(), side] { self->arrive(side); });
}

// True while a partition holds the direction back: tried again later, as TCP retransmits, and given up in the end.
bool SimConnection::hold(int side) {
  Direction& out = ends[side].out;
  if (network.passes(*ends[side].machine, *ends[1 - side].machine) &&
      network.passes(ends[1].local, side == 0)) {
    out.stalled_since = Instant::never();
    return false;
  }
  const Instant now = network.world().now();
  if (out.stalled_since == Instant::never()) out.stalled_since = now;
  if (now - out.stalled_since > network.settings().give_up) {
    cut(Nanoseconds(0), network.latency());
    return true;
  }
  const Nanoseconds again = network.random().between(milliseconds(20), milliseconds(400));
  network.world().after(again, SimEvent::deliver, id,
                        [self = shared_from_this(), side] { self->arrive(side); });
  return true;
}

// The oldest piece that `side` sent reaches the other end. Which event brings it does not matter: order is the queue's.
void SimConnection::arrive(int side) {
  Direction& out = ends[side].out;
  if (dead || out.in_flight.empty() || hold(side)) return;
  if (network.random().chance(network.settings().cut_chance)) {
    const bool half_open = network.random().chance(network.settings().half_open_chance);
    return cut(network.latency(),
               half_open ? network.random().between(milliseconds(100), seconds(8)) : network.latency());
  }
  Piece piece = std::move(out.in_flight.front());
  out.in_flight.pop_front();
  deliver(1 - side, std::move(piece));
}

void SimConnection::deliver(int side, Piece piece) {
  End& end = ends[side];
  if (end.error != 0) return;
  if (end.closed) {
    // Nobody there: the answer to data is a reset. The end of a stream needs none.
    if (!piece.end_of_stream) fail(1 - side, ECONNRESET, network.latency());
    return;
  }
  end.received.insert(end.received.end(), piece.bytes.begin(), piece.bytes.end());
  if (piece.end_of_stream) end.end_of_stream = true;
  if (end.stream != nullptr) end.stream->may_read();
}

void SimConnection::end_sending(int side) {
  End& end = ends[side];
  if (end.out.ended || end.error != 0) return;
  end.out.ended = true;
  push(side, Piece{{}, true}, Nanoseconds(0));
}

void SimConnection::close(int side) {
  End& end = ends[side];
  end.stream = nullptr;
  end.closed = true;
  if (end.error == 0) {
    if (end.available() > 0) {
      fail(1 - side, ECONNRESET,
           network.latency());  // closing over unread data resets (RFC 9293 3.10.4, as Linux does)
    } else {
      end_sending(side);
    }
  }
  end.received.clear();
  end.taken = 0;
  forget_if_over();
}

void SimConnection::forget_if_over() {
  if ((ends[0].closed || ends[0].error != 0) && (ends[1].closed || ends[1].error != 0)) network.forget(id);
}

void SimConnection::die() {
  if (dead) return;
  dead = true;
  for (int side = 0; side < 2; ++side) {
    std::deque<Piece>& queue = ends[side].out.in_flight;
    for (size_t arrives = network.random().below(queue.size() + 1); arrives > 0; --arrives) {
      Piece piece = std::move(queue.front());
      queue.pop_front();
      deliver(1 - side, std::move(piece));
    }
    queue.clear();
  }
}

void SimConnection::cut(Nanoseconds first, Nanoseconds second) {
  if (dead) return;
  die();
  const int early = network.random().chance(0.5) ? 0 : 1;
  fail(early, ECONNRESET, first);
  fail(1 - early, ECONNRESET, second);
}

void SimConnection::fail(int side, int error, Nanoseconds span) {
  network.world().after(span, SimEvent::reset, id, [self = shared_from_this(), side, error] {
    End& end = self->ends[side];
    if (end.error != 0) return;
    end.error = error;
    // What arrived and was not yet received may still be read, or not: stacks differ.
    if (self->network.random().chance(0.5)) {
      end.received.clear();
      end.taken = 0;
    }
    if (end.stream != nullptr) {
      end.stream->may_read();
      end.stream->may_write();
    }
    self->forget_if_over();
  });
}

SimStream::SimStream(std::shared_ptr<SimConnection> connection, int side)
    : connection_(std::move(connection)), side_(side) {
  end().stream = this;
}

SimStream::~SimStream() {
  if (connection_ == nullptr) return;
  end().loop->retract(readable_);
  end().loop->retract(writable_);
  connection_->close(side_);
}

namespace {

class LooseSimStream final : public LooseStream {
 public:
  LooseSimStream(std::shared_ptr<SimConnection> connection, int side)
      : connection_(std::move(connection)), side_(side) {}
  ~LooseSimStream() override {
    if (connection_ != nullptr) connection_->close(side_);
  }
  LooseSimStream(const LooseSimStream&) = delete;
  LooseSimStream& operator=(const LooseSimStream&) = delete;
  std::unique_ptr<Stream> adopt(Loop& loop) override {
    connection_->ends[side_].loop = &static_cast<SimLoop&>(loop);
    return std::make_unique<SimStream>(std::move(connection_), side_);
  }

 private:
  std::shared_ptr<SimConnection> connection_;
  int side_;
};

}  // namespace

std::unique_ptr<LooseStream> SimStream::detach() {
  end().loop->retract(readable_);
  end().loop->retract(writable_);
  end().stream = nullptr;
  return std::make_unique<LooseSimStream>(std::move(connection_), side_);
}

void SimStream::watch(StreamWatcher& watcher) {
  watcher_ = &watcher;
  notify_soon();
}

void SimStream::resume() { notify_soon(); }

// One readable() in a later turn, whatever is there.
void SimStream::notify_soon() {
  const Nanoseconds delay = connection_->network.random().between(Nanoseconds(100), Nanoseconds(3000));
  connection_->network.world().after(delay, SimEvent::notify, connection_->id,
                                     [self = connection_, side = side_] {
                                       SimStream* stream = self->ends[side].stream;
                                       if (stream == nullptr || stream->watcher_ == nullptr) return;
                                       stream->waits_to_read_ = false;
                                       self->ends[side].loop->deliver(stream->readable_);
                                     });
}

void SimStream::may_read() {
  if (!waits_to_read_ || watcher_ == nullptr) return;
  waits_to_read_ = false;
  end().loop->deliver(readable_);
}

void SimStream::may_write() {
  const SimConnection::Direction& out = end().out;
  if (!waits_to_write_ || watcher_ == nullptr || (end().error == 0 && out.unacknowledged >= out.window))
    return;
  waits_to_write_ = false;
  end().loop->deliver(writable_);
}

int64_t SimStream::receive(std::span<const iovec> parts) {
  const int64_t count = connection_->receive(side_, parts);
  if (count == would_block || (count > 0 && static_cast<size_t>(count) < total_of(parts))) {
    waits_to_read_ = true;
    // A short receive leaves something behind (or the end, or an error): then the call comes without new data.
    if (count > 0 && (end().available() > 0 || end().end_of_stream || end().error != 0)) notify_soon();
  }
  return count;
}

int64_t SimStream::send(std::span<const iovec> parts) {
  const int64_t count = connection_->send(side_, parts);
  if (count == would_block || (count >= 0 && static_cast<size_t>(count) < total_of(parts))) {
    waits_to_write_ = true;
    if (count > 0) {
      // A send cut short with room left: nothing will be acknowledged for it, so say "writable" without a cause.
      connection_->network.world().after(connection_->network.latency(), SimEvent::acknowledge,
                                         connection_->id, [self = connection_, side = side_] {
                                           if (SimStream* stream = self->ends[side].stream)
                                             stream->may_write();
                                         });
    }
  }
  return count;
}

}  // namespace ashlar::loop
