#include "http/event_connection.h"

#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <utility>

#include "base/log.h"
#include "http/deadline.h"
#include "http/farewell.h"
#include "http/outbox.h"

namespace ashlar::http {
namespace {

constexpr size_t most_chunk_bytes = 64u << 10;
/// A client has nothing to say once it asked for events; a little is thrown away, so that its end is noticed.
constexpr size_t most_ignored_bytes = 64u << 10;

class EventStream : public Stream {
 public:
  explicit EventStream(std::shared_ptr<Outbox> outbox) : outbox_(std::move(outbox)) {}
  ~EventStream() override { outbox_->finish(); }
  bool write(std::string bytes) override { return bytes.empty() ? open() : outbox_->push(std::move(bytes)); }
  void close() override { outbox_->finish(); }
  bool open() const override { return outbox_->open(); }

 private:
  std::shared_ptr<Outbox> outbox_;
};

class EventConnection : public Live, public std::enable_shared_from_this<EventConnection> {
 public:
  EventConnection(ServerState& state, ChannelStream stream, Seat seat, EventAnswer answer)
      : state_(state),
        seat_(std::move(seat)),
        stream_(std::move(stream)),
        answer_(std::move(answer)),
        deadline_(state.io, [this] { stream_.channel().close(); }) {
    state_.enter(*this);
  }
  ~EventConnection() override {
    if (outbox_) outbox_->abandon();
    state_.leave(*this);
  }

  void start() {
    outbox_ = std::make_shared<Outbox>(state_.options.max_waiting_bytes,
                                       [&io = state_.io, weak = weak_from_this()] {
                                         asio::post(io, [weak] {
                                           if (const auto self = weak.lock()) self->pump();
                                         });
                                       });
    if (state_.stopping) outbox_->finish();
    send(std::move(answer_.head), 0);
    watch();
    auto job = [fill = std::move(answer_.fill), stream = std::make_shared<EventStream>(outbox_)]() mutable {
      fill(std::move(stream));
    };
    // Refused or thrown out of, the job lets go of its stream, and that ends the answer.
    if (!state_.workers.submit(std::move(job))) log_warning("http", "an event stream found no worker");
  }

  void wind_down() override { outbox_->finish(); }

 private:
  /// Sees the peer leave, which a server that only writes would learn very late.
  void watch() {
    stream_.async_read_some(asio::buffer(dust_), [self = shared_from_this()](SystemError error, size_t size) {
      self->ignored_ += size;
      if (!error && self->ignored_ <= most_ignored_bytes) return self->watch();
      self->outbox_->abandon();
      self->stream_.channel().close();
    });
  }

  void send(std::string bytes, size_t counted) {
    writing_ = true;
    sending_ = std::move(bytes);
    deadline_.within(state_.options.idle_limit, weak_from_this(), [this] { return stream_.written(); });
    asio::async_write(stream_, asio::buffer(sending_),
                      [self = shared_from_this(), counted](SystemError error, size_t /*size*/) {
                        self->writing_ = false;
                        self->deadline_.off();
                        self->outbox_->sent(counted);
                        if (!error) return self->pump();
                        self->outbox_->abandon();
                        self->stream_.channel().close();
                      });
  }

  void pump() {
    if (outbox_->overflowed()) {
      log_info("http", "a client did not take its events and is disconnected");
      stream_.channel().close();
      return;
    }
    if (writing_ || parting_) return;
    std::string chunk;
    while (chunk.size() < most_chunk_bytes) {
      auto next = outbox_->next();
      if (!next) break;
      chunk += *next;
    }
    if (!chunk.empty()) {
      const size_t size = chunk.size();
      return send(answer_.chunked ? fmt::format("{:x}\r\n{}\r\n", size, chunk) : std::move(chunk), size);
    }
    if (!outbox_->finished()) return;
    if (answer_.chunked && !ended_) {
      ended_ = true;
      return send("0\r\n\r\n", 0);
    }
    end();
  }

  /// The read that watches is still under way, so the channel cannot change hands: that read sees the peer's end, or the limit
  /// does.
  void end() {
    parting_ = true;
    outbox_->abandon();
    deadline_.within(std::chrono::milliseconds(2000), weak_from_this());
    stream_.channel().finish([self = shared_from_this()](SystemError /*error*/) {});
  }

  ServerState& state_;
  Seat seat_;
  ChannelStream stream_;
  EventAnswer answer_;
  Deadline deadline_;
  std::shared_ptr<Outbox> outbox_;
  std::string sending_;
  std::array<char, 1024> dust_{};
  size_t ignored_ = 0;
  bool writing_ = false;
  bool ended_ = false;
  bool parting_ = false;
};

}  // namespace

void send_events(ServerState& state, ChannelStream stream, Seat seat, EventAnswer answer) {
  std::make_shared<EventConnection>(state, std::move(stream), std::move(seat), std::move(answer))->start();
}

}  // namespace ashlar::http
