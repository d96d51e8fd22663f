// Authentication of the host on one queue: what comes and goes by commands, the time it takes, and who is told of it.
#pragma once

#include <string>

#include "loop/timer.h"
#include "nvme/authentication.h"
#include "nvme/handling.h"

namespace ashlar::nvme {

/// Hosts of this view are let in when they have proved themselves; null: the view of discovery, which tells no secret.
bool needs_proof(const std::shared_ptr<const unit::HostView>& view);

/// Of one queue, on its shard. Bars the queue from the start when the host has a key.
class Authenticator final : private loop::Timer {
 public:
  explicit Authenticator(Queue& queue);
  ~Authenticator();

  /// Authentication Send and Receive: each ends the command.
  void send(Handling handling);
  void receive(Handling handling);
  void stop();
  /// "none", or how the host has proved itself.
  const std::string& text() const { return machine_.text(); }

 private:
  void expired() override;
  loop::Task<void> send_story(Handling handling);
  void note(const Authentication::Step& step);
  void proved();
  void arm();

  Queue& queue_;
  const std::string source_;
  Authentication machine_;
  bool busy_ = false;  // a message is being worked on
};

}  // namespace ashlar::nvme
