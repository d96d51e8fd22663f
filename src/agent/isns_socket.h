// TCP sockets as the iSNS client uses them: blocking, but never past a deadline, and never once it is told to stop.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "agent/isns_registration.h"
#include "base/bytes.h"
#include "base/result.h"
#include "wire/isns_pdu.h"

namespace ashlar::agent {

/// A descriptor that closes itself.
class IsnsDescriptor {
 public:
  explicit IsnsDescriptor(int number = -1) : number_(number) {}
  IsnsDescriptor(IsnsDescriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  IsnsDescriptor& operator=(IsnsDescriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~IsnsDescriptor();
  int number() const { return number_; }

 private:
  int number_;
};

/// An eventfd: readable from raise() to lower().
class IsnsSignal {
 public:
  IsnsSignal();
  void raise() const;
  void lower() const;
  int descriptor() const { return descriptor_.number(); }

 private:
  IsnsDescriptor descriptor_;
};

/// Until when, and what ends it before: a descriptor that becomes readable, or -1.
struct IsnsPatience {
  std::chrono::steady_clock::time_point deadline;
  int stop = -1;
  static IsnsPatience of(std::chrono::milliseconds time, int stop) {
    return {std::chrono::steady_clock::now() + time, stop};
  }
};

/// One connection. Errors have its peer as place: timed_out, closed, aborted (told to stop), io_error, protocol_error ...
class IsnsSocket {
 public:
  static Result<std::unique_ptr<IsnsSocket>> connect(const std::string& address, uint16_t port,
                                                     const IsnsPatience& patience);
  /// Of a connection that was accepted.
  IsnsSocket(IsnsDescriptor descriptor, std::string peer)
      : descriptor_(std::move(descriptor)), peer_(std::move(peer)) {}

  Result<void> send(const wire::isns::Message& message, const IsnsPatience& patience);
  /// The next whole message.
  Result<wire::isns::Message> receive(const IsnsPatience& patience);
  int descriptor() const { return descriptor_.number(); }
  const std::string& peer() const { return peer_; }

 private:
  Result<void> wait(int16_t events, const IsnsPatience& patience);

  IsnsDescriptor descriptor_;
  std::string peer_;
  wire::isns::MessageReader reader_;
};

/// Where a server connects to for its inquiries.
class IsnsListener {
 public:
  /// On all addresses of this machine, IPv4 and IPv6. Errors have "esi_port" as place.
  static Result<std::unique_ptr<IsnsListener>> open(uint16_t port);
  explicit IsnsListener(IsnsDescriptor descriptor) : descriptor_(std::move(descriptor)) {}
  /// A connection that waits, if it comes from `peer`; others are closed. Null: none.
  std::unique_ptr<IsnsSocket> accept(const IsnsAddress& peer);
  int descriptor() const { return descriptor_.number(); }

 private:
  IsnsDescriptor descriptor_;
};

}  // namespace ashlar::agent
