// What to do next with one iSNS server: connect, register, look whether it still knows us, take ourselves out. Pure: time is given.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "agent/isns_registration.h"

namespace ashlar::agent {

struct IsnsTiming {
  std::chrono::milliseconds connect{5'000};
  std::chrono::milliseconds answer{10'000};   ///< for a whole answer to come
  std::chrono::milliseconds farewell{2'000};  ///< for all of it, when the array stops
  std::chrono::milliseconds first_retry{1'000};
  std::chrono::milliseconds longest_retry{60'000};
  std::chrono::milliseconds shortest_refresh{1'000};
  uint32_t period_seconds = 600;  ///< that a registration is asked for
};

/// After so many failures in a row: doubled each time up to the longest, and up to a quarter less by `random`, so that many arrays
/// do not all come back to a server at once.
std::chrono::milliseconds isns_retry_pause(uint32_t failures, const IsnsTiming& timing, uint32_t random);

enum class IsnsStep : uint8_t {
  wait,  ///< until the time that comes with it, or until something happens
  connect,
  disconnect,  ///< there is nothing to say any more
  register_all,
  verify,
  deregister,
};

class IsnsCourse {
 public:
  using Time = std::chrono::milliseconds;  ///< of a clock that never goes back
  explicit IsnsCourse(const IsnsTiming& timing) : timing_(timing) {}

  struct Next {
    IsnsStep step = IsnsStep::wait;
    std::optional<Time> until = {};  ///< of wait; nothing: it does not end by itself
    bool operator==(const Next&) const = default;
  };
  /// `wish` may be null: nothing is to be registered.
  Next next(const IsnsRegistration* wish, Time now) const;
  /// Of register_all: what the server has is to be thrown away, not added to.
  bool replaces(const IsnsRegistration& wish) const { return !whole_ || !held_ || *held_ != wish; }
  /// What the server was told, or was being told.
  const std::optional<IsnsRegistration>& held() const { return held_; }
  bool registered() const { return held_ && whole_ && !forgotten_; }
  bool connected() const { return connected_; }

  /// It may have forgotten us meanwhile.
  void on_connected();
  /// The other side has closed a connection that nothing was asked on, as servers do with those that are silent.
  void on_closed(Time now);
  /// By `disconnect`.
  void on_disconnected() { connected_ = false; }
  /// Something was tried in vain, and the connection is given up; it is tried again later.
  void on_failure(Time now, uint32_t random);
  /// What the server has is not known until on_registered().
  void on_registering(const IsnsRegistration& registration);
  void on_registered(std::optional<uint32_t> granted_seconds, Time now);
  void on_verified(bool known, Time now);
  void on_deregistered() { held_.reset(); }

 private:
  void plan_refresh(Time now);

  IsnsTiming timing_;
  bool connected_ = false;
  bool doubted_ = false;    // a new connection: ask before anything else
  bool forgotten_ = false;  // it was asked, and does not know us
  bool whole_ = false;      // the server has said yes to all of held_
  std::optional<IsnsRegistration> held_;
  uint32_t period_seconds_ = 0;
  uint32_t failures_ = 0;
  Time retry_at_{0};
  Time refresh_at_{0};
};

}  // namespace ashlar::agent
