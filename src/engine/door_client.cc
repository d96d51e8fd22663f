#include "engine/door_client.h"

#include <algorithm>

#include "base/log.h"
#include "rpc/status_fields.h"

namespace ashlar::engine {
namespace {

constexpr size_t receive_bytes = 65536;
constexpr size_t enough_unread_bytes = 1u << 20;

}  // namespace

void Door::Client::begin(std::unique_ptr<loop::Stream> stream) {
  stream_ = std::move(stream);
  stream_->watch(*this);
}

void Door::Client::close() {
  unsubscribe();
  stream_.reset();
  changed_.set();
}

void Door::Client::readable() {
  char chunk[receive_bytes];
  while (stream_ && !ended_) {
    paused_ = lines_ > 0 && input_.size() >= enough_unread_bytes;
    if (paused_) break;
    const iovec part{chunk, sizeof chunk};
    const int64_t got = stream_->receive({&part, 1});
    if (got == loop::Stream::would_block) break;
    if (got < 0) return close();
    if (got == 0) {
      ended_ = true;
      break;
    }
    input_.append(chunk, static_cast<size_t>(got));
    lines_ += static_cast<size_t>(std::count(chunk, chunk + got, '\n'));
    if (lines_ == 0 && input_.size() > rpc::max_line_bytes) {
      ended_ = too_long_ = true;
      input_.clear();
    }
  }
  changed_.set();
}

std::optional<std::string> Door::Client::take_line() {
  if (lines_ == 0) return std::nullopt;
  const size_t end = input_.find('\n');
  std::string line = input_.substr(0, end);
  input_.erase(0, end + 1);
  --lines_;
  if (paused_ && stream_) {
    paused_ = false;
    stream_->resume();
  }
  return line;
}

void Door::Client::send(std::string_view line) {
  if (!stream_) return;
  output_ += line;
  flush();
}

void Door::Client::flush() {
  while (stream_ && unsent() > 0) {
    const iovec part{output_.data() + sent_, unsent()};
    const int64_t taken = stream_->send({&part, 1});
    if (taken == loop::Stream::would_block) break;
    if (taken < 0) return close();
    sent_ += static_cast<size_t>(taken);
  }
  if (unsent() == 0) {
    output_.clear();
    sent_ = 0;
    changed_.set();
  } else if (unsent() > most_unsent_bytes) {
    log_warning("engine.door", "a client was closed: it leaves {} bytes unread", unsent());
    close();
  }
}

void Door::Client::event_added(const rpc::Event& event) {
  send(rpc::print_notification("event", rpc::encode(event)));
}

}  // namespace ashlar::engine
