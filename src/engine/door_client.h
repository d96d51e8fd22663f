// One client of the door: lines in, lines out, both with bounds.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "engine/door.h"
#include "engine/event_log.h"

namespace ashlar::engine {

class Door::Client final : public loop::StreamWatcher, public EventSubscriber {
 public:
  /// More than this unsent, and a client that only listens is too slow to be kept.
  static constexpr size_t most_unsent_bytes = 2 * rpc::max_line_bytes;

  explicit Client(EventLog& events) : events_(events) {}
  ~Client() { unsubscribe(); }
  void begin(std::unique_ptr<loop::Stream> stream);

  /// The next whole line, without its newline; nothing: wait for `changed`, unless over().
  std::optional<std::string> take_line();
  /// No further line will come, and all that can be sent is sent.
  bool over() const { return stream_ == nullptr || (ended_ && unsent() == 0); }
  /// True once after a line past the bound: the client is to be told, and nothing more of it is read.
  bool take_line_too_long() { return std::exchange(too_long_, false); }
  loop::Event& changed() { return changed_; }

  void send(std::string_view line);
  void subscribe() {
    if (!subscribed()) events_.subscribe(*this);
  }
  void close();

 private:
  bool subscribed() const { return IntrusiveList<EventSubscriber, SubscriberTag>::contains(*this); }
  void unsubscribe() {
    if (subscribed()) events_.unsubscribe(*this);
  }
  size_t unsent() const { return output_.size() - sent_; }
  void readable() override;
  void writable() override { flush(); }
  void event_added(const rpc::Event& event) override;
  void flush();

  EventLog& events_;
  std::unique_ptr<loop::Stream> stream_;
  std::string input_;
  size_t lines_ = 0;     // whole ones in input_
  bool paused_ = false;  // whole lines wait: nothing more is received meanwhile
  bool ended_ = false;
  bool too_long_ = false;
  std::string output_;
  size_t sent_ = 0;
  loop::Event changed_;
};

}  // namespace ashlar::engine
