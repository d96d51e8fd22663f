#include "http/connection.h"

#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/websocket/rfc6455.hpp>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/log.h"
#include "http/deadline.h"
#include "http/event_connection.h"
#include "http/farewell.h"
#include "http/refusal.h"
#include "http/request_rules.h"
#include "http/response_head.h"
#include "http/url.h"
#include "http/web_socket.h"

namespace ashlar::http {
namespace {

using HttpError = beast::http::error;
using Parser = beast::http::request_parser<beast::http::string_body>;

/// A handshake takes two packets of the peer; one that takes longer holds a seat for nothing.
constexpr std::chrono::milliseconds handshake_limit{10'000};
/// To say what it wants, for one who will not get it.
constexpr std::chrono::milliseconds turned_away_limit{5'000};
/// Beast reads a body in pieces of up to this.
constexpr size_t read_ahead_bytes = 64u << 10;

/// What to say of a head or body that the parser refused. Nothing: the peer is gone, or went silent.
std::optional<Refused> refused_by_parser(const SystemError& error, const ServerOptions& options) {
  if (error == HttpError::header_limit || error == HttpError::buffer_overflow)
    return Refused{431, fmt::format("the headers have more than {} bytes", options.most_header_bytes)};
  if (error == HttpError::body_limit)
    return Refused{413, fmt::format("the body has more than {} bytes", options.most_body_bytes)};
  const bool gone = error == HttpError::end_of_stream || error == HttpError::partial_message;
  const bool spoken = error.category() == beast::http::make_error_code(HttpError::bad_field).category();
  if (gone || !spoken) return std::nullopt;
  return Refused{400, "not an HTTP/1.1 request: " + error.message()};
}

std::string code_of_status(int status) {
  const bool limit = status == 413 || status == 431;
  return std::string(name_of(limit           ? ErrorCode::out_of_range
                             : status == 501 ? ErrorCode::unsupported
                             : status == 503 ? ErrorCode::exhausted
                                             : ErrorCode::protocol_error));
}

class Connection : public Live, public std::enable_shared_from_this<Connection> {
 public:
  Connection(ServerState& state, std::unique_ptr<Channel> channel, Seat seat, Welcome welcome)
      : state_(state),
        seat_(std::move(seat)),
        stream_(std::move(channel)),
        welcome_(welcome),
        deadline_(state.io, [this] { expire(); }),
        buffer_(state.options.most_header_bytes + read_ahead_bytes) {
    state_.enter(*this);
  }
  ~Connection() override { state_.leave(*this); }

  void start();
  void wind_down() override;

 private:
  enum class Phase : uint8_t { reading, working, writing };

  // Each step ends by starting an operation that calls the next one; one that starts none lets the connection die.
  void read_head();
  void take_head(const SystemError& error);
  std::optional<Refused> accept_head();
  void ask_for_body();
  void read_body();
  void take_body(const SystemError& error);
  void work();
  void respond(Response response);
  void start_events(Response response);
  void send(Response response);
  void refuse(const Refused& refused);
  void leave_with(const SystemError& error);
  void expire();

  std::weak_ptr<void> weak() { return weak_from_this(); }
  std::chrono::milliseconds idle_limit() const { return state_.options.idle_limit; }

  ServerState& state_;
  Seat seat_;
  ChannelStream stream_;
  const Welcome welcome_;
  Deadline deadline_;
  beast::flat_buffer buffer_;
  std::optional<Parser> parser_;
  Request request_;
  Peer peer_;
  Phase phase_ = Phase::reading;
  bool is_head_request_ = false;
  bool last_ = false;  // no request is taken after this one
  std::string sending_head_, sending_body_;
};

void Connection::start() {
  deadline_.within(std::min(handshake_limit, idle_limit()), weak());
  stream_.channel().handshake([self = shared_from_this()](SystemError error) {
    if (!error) {
      self->peer_ = self->stream_.channel().peer();
      return self->read_head();
    }
    // The alert that says why is sent; whoever reads it should not find a reset instead.
    const Peer peer = self->stream_.channel().peer();
    log_debug("http", "{} made no TLS handshake: {}", peer.address, error.message());
    self->deadline_.off();
    part_from(self->state_, std::move(self->stream_), std::move(self->seat_));
  });
}

void Connection::wind_down() {
  if (phase_ == Phase::reading) stream_.channel().close();
}

void Connection::expire() { stream_.channel().close(); }

void Connection::read_head() {
  if (state_.stopping) return;
  phase_ = Phase::reading;
  parser_.emplace();
  parser_->header_limit(static_cast<uint32_t>(state_.options.most_header_bytes));
  parser_->body_limit(state_.options.most_body_bytes);
  is_head_request_ = false;
  const bool brief = welcome_ == Welcome::turned_away;
  deadline_.within(brief ? std::min(turned_away_limit, idle_limit()) : idle_limit(), weak());
  beast::http::async_read_header(
      stream_, buffer_, *parser_,
      [self = shared_from_this()](const SystemError& error, size_t /*size*/) { self->take_head(error); });
}

void Connection::take_head(const SystemError& error) {
  if (error) return leave_with(error);
  if (const auto refused = accept_head()) return refuse(*refused);
  if (welcome_ == Welcome::turned_away)
    return refuse({503, "too many connections: close some, or come back later"});
  if (parser_->is_done()) return work();
  if (expects_continue(parser_->get().version(), request_.headers)) return ask_for_body();
  read_body();
}

/// Fills request_ from the head, all but the body. Trailers, which come after the body, are not among the headers.
std::optional<Refused> Connection::accept_head() {
  const auto& head = parser_->get();
  request_ = Request{};
  request_.peer = peer_;
  request_.method = std::string(head.method_string());
  is_head_request_ = request_.method == "HEAD";
  for (const auto& field : head)
    request_.headers.emplace_back(std::string(field.name_string()), std::string(field.value()));
  if (auto refused = check_request_head(head.version(), request_.method, request_.headers)) return refused;
  const std::string_view target(head.target().data(), head.target().size());
  auto parsed = parse_target(target);
  if (!parsed) return Refused{400, parsed.error().place + ": " + parsed.error().message};
  request_.path = std::move(parsed->path);
  request_.query = std::move(parsed->query);
  return std::nullopt;
}

void Connection::ask_for_body() {
  static constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
  asio::async_write(stream_, asio::buffer(go_on),
                    [self = shared_from_this()](const SystemError& error, size_t /*size*/) {
                      if (!error) self->read_body();
                    });
}

void Connection::read_body() {
  deadline_.within(idle_limit(), weak());
  beast::http::async_read(
      stream_, buffer_, *parser_,
      [self = shared_from_this()](const SystemError& error, size_t /*size*/) { self->take_body(error); });
}

void Connection::take_body(const SystemError& error) {
  if (error) return leave_with(error);
  if (state_.stopping) return;
  request_.body = std::move(parser_->get().body());
  work();
}

void Connection::work() {
  deadline_.off();
  phase_ = Phase::working;
  auto job = [self = shared_from_this(), request = std::move(request_)]() mutable {
    Response response = self->state_.answer(std::move(request));
    asio::io_context& io = self->state_.io;
    // The connection goes back to the I/O thread whole: it must not die here.
    asio::post(io, [self = std::move(self), response = std::move(response)]() mutable {
      self->respond(std::move(response));
    });
  };
  if (!state_.workers.submit(std::move(job))) refuse({503, "too many requests wait: come back later"});
}

void Connection::respond(Response response) {
  if (response.socket && beast::websocket::is_upgrade(parser_->get())) {
    if (buffer_.size() != 0) return refuse({400, "a WebSocket's client waits for the handshake's answer"});
    auto upgrade =
        WebSocketUpgrade{parser_->release(), std::move(response.headers), std::move(response.socket)};
    return open_web_socket(state_, std::move(stream_), std::move(seat_), std::move(upgrade));
  }
  if (response.stream && !is_head_request_ && may_have_body(response.status))
    return start_events(std::move(response));
  send(std::move(response));
}

void Connection::start_events(Response response) {
  const bool chunked = parser_->get().version() >= 11;
  auto head = response_head(response, {chunked ? Framing::chunked : Framing::to_end, true});
  if (!head) {
    log_error("http", "an answer cannot be sent: {}", head.error().text());
    return send(refusal(500, "io_error", "the server made an answer that cannot be sent"));
  }
  send_events(state_, std::move(stream_), std::move(seat_),
              {std::move(*head), chunked, std::move(response.stream)});
}

void Connection::send(Response response) {
  phase_ = Phase::writing;
  last_ = last_ || state_.stopping || parser_->get().version() < 11 || !parser_->keep_alive();
  auto head = response_head(response, {response.stream ? Framing::chunked : Framing::length, last_});
  if (!head) {
    log_error("http", "an answer cannot be sent: {}", head.error().text());
    response = refusal(500, "io_error", "the server made an answer that cannot be sent");
    head = response_head(response, {Framing::length, last_});
  }
  sending_head_ = std::move(head).value_or("");
  const bool with_body = !is_head_request_ && may_have_body(response.status);
  sending_body_ = with_body ? std::move(response.body) : std::string();
  deadline_.within(idle_limit(), weak(), [this] { return stream_.written(); });
  const std::array<asio::const_buffer, 2> buffers = {asio::buffer(sending_head_),
                                                     asio::buffer(sending_body_)};
  asio::async_write(stream_, buffers, [self = shared_from_this()](const SystemError& error, size_t /*size*/) {
    if (error) return;
    self->sending_body_ = std::string();
    if (!self->last_ && !self->state_.stopping) return self->read_head();
    self->deadline_.off();
    part_from(self->state_, std::move(self->stream_), std::move(self->seat_));
  });
}

void Connection::refuse(const Refused& refused) {
  // What follows on this connection cannot be trusted to be where a request begins.
  last_ = true;
  send(refusal(refused.status, code_of_status(refused.status), refused.detail));
}

void Connection::leave_with(const SystemError& error) {
  if (const auto refused = refused_by_parser(error, state_.options)) refuse(*refused);
}

}  // namespace

void serve_connection(ServerState& state, std::unique_ptr<Channel> channel, Seat seat, Welcome welcome) {
  std::make_shared<Connection>(state, std::move(channel), std::move(seat), welcome)->start();
}

}  // namespace ashlar::http
