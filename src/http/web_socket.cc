#include "http/web_socket.h"

#include <boost/asio/post.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket/stream.hpp>

#include <exception>
#include <mutex>
#include <optional>
#include <utility>

#include "base/log.h"
#include "http/letters.h"
#include "http/outbox.h"

namespace ashlar::http {
namespace {

namespace websocket = beast::websocket;
using Message = std::optional<std::string>;

/// The handler of messages, which is set once on one thread and called on others.
class Mailbox {
 public:
  using Take = std::function<void(Message)>;

  /// The peer may be gone already: then `take` hears it at once.
  void set(Take take) {
    {
      const std::scoped_lock lock(mutex_);
      if (!gone_) {
        take_ = std::move(take);
        return;
      }
    }
    if (take) take(std::nullopt);
  }
  void deliver(std::string message) {
    Take take;
    {
      const std::scoped_lock lock(mutex_);
      take = take_;
    }
    if (take) take(std::move(message));
  }
  /// Once. What the handler holds, which may be the socket itself, is let go of.
  void close() {
    Take take;
    {
      const std::scoped_lock lock(mutex_);
      gone_ = true;
      take = std::exchange(take_, nullptr);
    }
    if (take) take(std::nullopt);
  }

 private:
  std::mutex mutex_;
  Take take_;
  bool gone_ = false;
};

class WebSocket : public Socket {
 public:
  WebSocket(std::shared_ptr<Outbox> outbox, std::shared_ptr<Mailbox> mailbox)
      : outbox_(std::move(outbox)), mailbox_(std::move(mailbox)) {}
  ~WebSocket() override { outbox_->finish(); }
  bool write(std::string bytes) override { return outbox_->push(std::move(bytes)); }
  void close() override { outbox_->finish(); }
  bool open() const override { return outbox_->open(); }
  void on_message(std::function<void(Message)> handler) override { mailbox_->set(std::move(handler)); }

 private:
  std::shared_ptr<Outbox> outbox_;
  std::shared_ptr<Mailbox> mailbox_;
};

class WebSocketConnection : public Live, public std::enable_shared_from_this<WebSocketConnection> {
 public:
  WebSocketConnection(ServerState& state, ChannelStream stream, Seat seat, WebSocketUpgrade upgrade)
      : state_(state),
        seat_(std::move(seat)),
        stream_(std::move(stream)),
        upgrade_(std::move(upgrade)),
        incoming_(most_message_bytes) {
    state_.enter(*this);
  }
  ~WebSocketConnection() override;

  void start();
  void wind_down() override {
    if (outbox_) return outbox_->finish();
    stream_.next_layer().channel().close();
  }

 private:
  void set_options();
  void open();
  void read();
  void take(const SystemError& error);
  void pump();
  void send(std::string message);
  void close(websocket::close_code code);
  /// Has a worker run `job`, then `after` on the I/O thread.
  void on_worker(std::move_only_function<void()> job, void (WebSocketConnection::*after)());

  ServerState& state_;
  Seat seat_;
  websocket::stream<ChannelStream, false> stream_;  // no compression: CRIME, and memory for each peer
  WebSocketUpgrade upgrade_;
  beast::flat_buffer incoming_;
  std::shared_ptr<Outbox> outbox_;
  std::shared_ptr<Mailbox> mailbox_ = std::make_shared<Mailbox>();
  std::string sending_;
  bool writing_ = false;
  bool closing_ = false;
};

WebSocketConnection::~WebSocketConnection() {
  if (outbox_) outbox_->abandon();
  // The handler's own code runs on a worker, as ever; but somebody must tell it.
  if (!state_.workers.submit([mailbox = mailbox_] { mailbox->close(); })) mailbox_->close();
  state_.leave(*this);
}

void WebSocketConnection::set_options() {
  websocket::stream_base::timeout limits{};
  limits.handshake_timeout = std::chrono::seconds(5);
  limits.idle_timeout = state_.options.idle_limit;
  limits.keep_alive_pings = true;
  stream_.set_option(limits);
  stream_.read_message_max(most_message_bytes);
  stream_.auto_fragment(false);
  stream_.text(true);
  stream_.set_option(websocket::stream_base::decorator(
      [headers = std::move(upgrade_.headers)](websocket::response_type& response) {
        response.set("Strict-Transport-Security", "max-age=31536000; includeSubDomains");
        for (const auto& [name, value] : headers) {
          const bool ours = same_without_case(name, "Upgrade") || same_without_case(name, "Connection") ||
                            same_without_case(name, "Sec-WebSocket-Accept") ||
                            same_without_case(name, "Content-Length") ||
                            same_without_case(name, "Transfer-Encoding");
          if (!ours && is_token(name) && is_header_value(value)) response.insert(name, value);
        }
      }));
}

void WebSocketConnection::start() {
  if (state_.stopping) return;
  set_options();
  stream_.async_accept(upgrade_.request, [self = shared_from_this()](const SystemError& error) {
    if (!error) return self->open();
    log_debug("http", "no WebSocket handshake: {}", error.message());
  });
}

void WebSocketConnection::open() {
  outbox_ =
      std::make_shared<Outbox>(state_.options.max_waiting_bytes, [&io = state_.io, weak = weak_from_this()] {
        asio::post(io, [weak] {
          if (const auto self = weak.lock()) self->pump();
        });
      });
  if (state_.stopping) outbox_->finish();
  pump();
  auto job = [open = std::move(upgrade_.open),
              socket = std::make_shared<WebSocket>(outbox_, mailbox_)]() mutable { open(std::move(socket)); };
  on_worker(std::move(job), &WebSocketConnection::read);
}

void WebSocketConnection::on_worker(std::move_only_function<void()> job,
                                    void (WebSocketConnection::*after)()) {
  auto whole = [self = shared_from_this(), job = std::move(job), after]() mutable {
    try {
      job();
    } catch (const std::exception& cause) {
      log_error("http", "a WebSocket's handler failed: {}", cause.what());
      self->outbox_->finish();
    } catch (...) {
      log_error("http", "a WebSocket's handler failed for a reason without words");
      self->outbox_->finish();
    }
    job = nullptr;
    asio::io_context& io = self->state_.io;
    asio::post(io, [self = std::move(self), after] { ((*self).*after)(); });
  };
  if (!state_.workers.submit(std::move(whole))) close(websocket::close_code::try_again_later);
}

void WebSocketConnection::read() {
  stream_.async_read(incoming_, [self = shared_from_this()](const SystemError& error, size_t /*size*/) {
    self->take(error);
  });
}

void WebSocketConnection::take(const SystemError& error) {
  if (error) {
    // Closed as it should be, or lost: either way nothing more can be sent.
    outbox_->abandon();
    if (error != websocket::error::closed) stream_.next_layer().channel().close();
    return;
  }
  if (!stream_.got_text()) {
    close(websocket::close_code::unknown_data);
    return read();
  }
  std::string message(static_cast<const char*>(incoming_.data().data()), incoming_.size());
  incoming_.clear();
  // The next message is read when this one is dealt with: a peer that talks too fast waits.
  on_worker(
      [mailbox = mailbox_, message = std::move(message)]() mutable { mailbox->deliver(std::move(message)); },
      &WebSocketConnection::read);
}

void WebSocketConnection::pump() {
  if (outbox_->overflowed()) {
    log_info("http", "a WebSocket's peer did not take its messages and is disconnected");
    stream_.next_layer().channel().close();
    return;
  }
  if (writing_ || closing_) return;
  if (auto next = outbox_->next()) return send(std::move(*next));
  if (outbox_->finished())
    close(state_.stopping ? websocket::close_code::going_away : websocket::close_code::normal);
}

void WebSocketConnection::send(std::string message) {
  writing_ = true;
  sending_ = std::move(message);
  stream_.async_write(asio::buffer(sending_),
                      [self = shared_from_this()](const SystemError& error, size_t /*size*/) {
                        self->writing_ = false;
                        self->outbox_->sent(self->sending_.size());
                        if (!error) return self->pump();
                        self->outbox_->abandon();
                        self->stream_.next_layer().channel().close();
                      });
}

void WebSocketConnection::close(websocket::close_code code) {
  if (std::exchange(closing_, true)) return;
  outbox_->abandon();
  stream_.async_close(websocket::close_reason(code),
                      [self = shared_from_this()](const SystemError& /*error*/) {});
}

}  // namespace

void open_web_socket(ServerState& state, ChannelStream stream, Seat seat, WebSocketUpgrade upgrade) {
  std::make_shared<WebSocketConnection>(state, std::move(stream), std::move(seat), std::move(upgrade))
      ->start();
}

}  // namespace ashlar::http
