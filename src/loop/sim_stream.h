// One simulated connection and its two ends. Internal to the simulation.
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "loop/ready.h"
#include "loop/sim_network.h"
#include "loop/stream.h"

namespace ashlar::loop {

class SimStream;

/// Kept alive by its ends' streams and by the events in flight.
struct SimConnection : std::enable_shared_from_this<SimConnection> {
  struct Piece {
    std::vector<uint8_t> bytes;
    bool end_of_stream = false;
  };
  /// What the end sends, until it has arrived at the other one.
  struct Direction {
    std::deque<Piece> in_flight;
    Instant last_arrival;
    Instant stalled_since = Instant::never();
    uint32_t window = 0;  // most bytes sent and not yet received by the other end's owner
    uint32_t unacknowledged = 0;
    uint32_t acknowledge = 0;  // received there, not yet told here
    bool ended = false;        // shutdown_send() or close
  };
  struct End {
    SimLoop* loop = nullptr;
    SimMachine* machine = nullptr;
    SimStream* stream = nullptr;  // null before accept and after close
    bool closed = false;
    Endpoint local;
    Endpoint peer;
    std::vector<uint8_t> received;
    size_t taken = 0;  // of received
    bool end_of_stream = false;
    int error = 0;  // errno, for ever
    Direction out;
    size_t available() const { return received.size() - taken; }
  };

  SimConnection(SimNetwork& owner, uint64_t connection_id) : network(owner), id(connection_id) {}
  SimNetwork& network;
  const uint64_t id;
  End ends[2];        // 0: who connected, 1: who accepted
  bool dead = false;  // cut: nothing is delivered any more

  int64_t send(int side, std::span<const iovec> parts);
  int64_t receive(int side, std::span<const iovec> parts);
  void end_sending(int side);
  void close(int side);
  /// Both directions lose what is in flight but a prefix, which arrives now. Nobody is told.
  void die();
  /// die(), and each end hears of it after its span (which end first is by chance).
  void cut(Nanoseconds first, Nanoseconds second);
  /// `side` gets `error` after `span`.
  void fail(int side, int error, Nanoseconds span);

 private:
  void push(int side, Piece piece, Nanoseconds extra);
  void arrive(int side);
  void acknowledge(int side, uint32_t bytes);
  void deliver(int side, Piece piece);
  bool hold(int side);
  void forget_if_over();
};

class SimStream final : public Stream {
 public:
  SimStream(std::shared_ptr<SimConnection> connection, int side);
  ~SimStream() override;
  void watch(StreamWatcher& watcher) override;
  int64_t receive(std::span<const iovec> parts) override;
  int64_t send(std::span<const iovec> parts) override;
  void resume() override;
  void shutdown_send() override { connection_->end_sending(side_); }
  Endpoint local() const override { return connection_->ends[side_].local; }
  Endpoint peer() const override { return connection_->ends[side_].peer; }
  std::unique_ptr<LooseStream> detach() override;

  /// Something came (data, end, error): tells the watcher if it waits for that.
  void may_read();
  void may_write();

 private:
  struct Readable final : Ready {
    explicit Readable(SimStream& owner) : stream(owner) {}
    void run() override { stream.watcher_->readable(); }
    SimStream& stream;
  };
  struct Writable final : Ready {
    explicit Writable(SimStream& owner) : stream(owner) {}
    void run() override { stream.watcher_->writable(); }
    SimStream& stream;
  };
  void notify_soon();
  SimConnection::End& end() const { return connection_->ends[side_]; }
  std::shared_ptr<SimConnection> connection_;
  int side_;
  StreamWatcher* watcher_ = nullptr;
  bool waits_to_read_ = false;
  bool waits_to_write_ = false;
  Readable readable_{*this};
  Writable writable_{*this};
};

}  // namespace ashlar::loop
