// A channel as Asio and Beast want their streams: buffers of any form come in, one buffer goes to the channel.
#pragma once

#include "http/boost_setup.h"

#include <boost/asio/async_result.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/beast/core/role.hpp>

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "http/channel.h"

namespace ashlar::http {

class ChannelStream {
 public:
  using executor_type = asio::io_context::executor_type;

  explicit ChannelStream(std::unique_ptr<Channel> channel) : channel_(std::move(channel)) {}

  executor_type get_executor() noexcept { return channel_->context().get_executor(); }
  Channel& channel() { return *channel_; }
  /// Bytes that the peer's side has taken since the connection began: what tells a slow peer from a dead one.
  uint64_t written() const { return *written_; }

  template <typename Buffers, typename Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    return asio::async_initiate<Token, void(SystemError, size_t)>(
        [](auto handler, Channel* channel, asio::mutable_buffer buffer) {
          channel->read_some(buffer, std::move(handler));
        },
        token, channel_.get(), first_of<asio::mutable_buffer>(buffers));
  }

  template <typename Buffers, typename Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    return asio::async_initiate<Token, void(SystemError, size_t)>(
        [](auto handler, Channel* channel, asio::const_buffer buffer, std::shared_ptr<uint64_t> written) {
          channel->write_some(buffer, [handler = std::move(handler), written = std::move(written)](
                                          SystemError error, size_t size) mutable {
            *written += size;
            handler(error, size);
          });
        },
        token, channel_.get(), gathered(buffers), written_);
  }

 private:
  /// A TLS record at its fullest, so that a head and its small body are one record and one packet.
  static constexpr size_t gather_bytes = 16u << 10;

  template <typename Buffer, typename Buffers>
  static Buffer first_of(const Buffers& buffers) {
    for (auto each = asio::buffer_sequence_begin(buffers); each != asio::buffer_sequence_end(buffers);
         ++each) {
      if (Buffer(*each).size() != 0) return *each;
    }
    return {};
  }

  template <typename Buffers>
  asio::const_buffer gathered(const Buffers& buffers) {
    const auto first = first_of<asio::const_buffer>(buffers);
    if (first.size() >= gather_bytes || first.size() == asio::buffer_size(buffers)) return first;
    gathered_.resize(gather_bytes);
    const size_t size = asio::buffer_copy(asio::buffer(gathered_), buffers);
    return {gathered_.data(), size};
  }

  std::unique_ptr<Channel> channel_;
  std::shared_ptr<uint64_t> written_ = std::make_shared<uint64_t>(0);
  std::vector<char> gathered_;  // lives on the heap: stays where it is when the stream moves
};

/// Beast's WebSocket finds these two by their argument.
inline void beast_close_socket(ChannelStream& stream) { stream.channel().close(); }

template <typename Handler>
void async_teardown(beast::role_type /*role*/, ChannelStream& stream, Handler&& handler) {
  stream.channel().finish(std::forward<Handler>(handler));
}

}  // namespace ashlar::http
