// A listening socket: takes connections by the ring, hands them over through the ready list.
#pragma once

#include <memory>

#include "loop/stream.h"

namespace ashlar::loop {

class RealLoop;
class AcceptOperation;

class SocketListener final : public Listener {
 public:
  static Result<std::unique_ptr<Listener>> open(RealLoop& loop, const Endpoint& endpoint,
                                                const ListenOptions& options, Acceptor& acceptor);
  ~SocketListener() override;
  Endpoint local() const override;

 private:
  SocketListener(int descriptor, AcceptOperation* operation)
      : descriptor_(descriptor), operation_(operation) {}
  int descriptor_;
  AcceptOperation* operation_;  // heap-owned: outlives the listener until its last completion
};

}  // namespace ashlar::loop
