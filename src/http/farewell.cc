#include "http/farewell.h"

#include <array>
#include <chrono>
#include <utility>

#include "http/deadline.h"

namespace ashlar::http {
namespace {

constexpr std::chrono::milliseconds farewell_limit{2000};
constexpr size_t most_drained_bytes = 64u << 20;

class Farewell : public Live, public std::enable_shared_from_this<Farewell> {
 public:
  Farewell(ServerState& state, ChannelStream stream, Seat seat)
      : state_(state),
        seat_(std::move(seat)),
        stream_(std::move(stream)),
        deadline_(state.io, [this] { stream_.channel().close(); }) {
    state_.enter(*this);
  }
  ~Farewell() override { state_.leave(*this); }

  void start() {
    deadline_.within(farewell_limit, weak_from_this());
    stream_.channel().finish([self = shared_from_this()](SystemError error) {
      if (!error) self->drain();
    });
  }

  void wind_down() override {}  // short as it is

 private:
  void drain() {
    stream_.channel().drain(asio::buffer(dust_), [self = shared_from_this()](SystemError error, size_t size) {
      self->drained_ += size;
      if (!error && self->drained_ < most_drained_bytes) self->drain();
    });
  }

  ServerState& state_;
  Seat seat_;
  ChannelStream stream_;
  Deadline deadline_;
  std::array<char, 4096> dust_{};
  size_t drained_ = 0;
};

}  // namespace

void part_from(ServerState& state, ChannelStream stream, Seat seat) {
  std::make_shared<Farewell>(state, std::move(stream), std::move(seat))->start();
}

}  // namespace ashlar::http
