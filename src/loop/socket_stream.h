// A connected socket: direct recvmsg and sendmsg, told by the ring's polls when they are worth a try.
#pragma once

#include <memory>

#include "loop/ready.h"
#include "loop/ring.h"
#include "loop/stream.h"

namespace ashlar::loop {

class RealLoop;
class SocketPoll;

/// Owns the descriptor. speed.md measured sockets driven this way to be as fast as ring requests, and simpler: the one
/// gathered send of a turn is a plain sendmsg.
class SocketStream final : public Stream {
 public:
  SocketStream(RealLoop& loop, int descriptor);
  ~SocketStream() override;

  void watch(StreamWatcher& watcher) override;
  int64_t receive(std::span<const iovec> parts) override;
  int64_t send(std::span<const iovec> parts) override;
  void resume() override;
  void shutdown_send() override;
  Endpoint local() const override;
  Endpoint peer() const override { return peer_; }
  std::unique_ptr<LooseStream> detach() override;

 private:
  friend class SocketPoll;
  // A way to the watcher through the ready list: now, or (through the turn end) in the next turn.
  class Notice final : public Ready, public TurnEnd {
   public:
    Notice(SocketStream& stream, void (StreamWatcher::*call)()) : stream_(stream), call_(call) {}
    void post_now();
    void post_next_turn();
    void withdraw();
    void run() override { (stream_.watcher_->*call_)(); }  // may destroy the stream
    void turn_end() override { post_now(); }

   private:
    SocketStream& stream_;
    void (StreamWatcher::*call_)();
  };

  void polled_in(int32_t events);
  void polled_out();
  void want_writable();

  RealLoop& loop_;
  int descriptor_;
  bool is_unix_ = false;
  bool drained_ = false;  // the watcher has seen the end of what was there: the next edge is news to it
  bool hung_up_ =
      false;  // an edge told of the end or an error: it will not come again, a short receive is no end
  bool send_blocked_ = false;
  StreamWatcher* watcher_ = nullptr;
  Notice readable_{*this, &StreamWatcher::readable};
  Notice writable_{*this, &StreamWatcher::writable};
  SocketPoll* poll_in_ = nullptr;  // heap-owned: they outlive the stream until their last completion
  SocketPoll* poll_out_ = nullptr;
  Endpoint peer_;
};

}  // namespace ashlar::loop
