// The array's client of one iSNS server: keeps it told, for as long as the client lives.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "agent/isns_course.h"
#include "agent/isns_messages.h"
#include "agent/isns_socket.h"
#include "api/resources.h"

namespace ashlar::agent {

/// How it stands with one server.
struct IsnsStatus {
  std::string name;
  std::string state = "starting";   ///< and "registered", "nothing to register", "unreachable", "refused"
  int64_t since = 0;                ///< seconds since 1970: when that state began
  std::string message;              ///< what is wrong now; empty: nothing
  size_t targets = 0, portals = 0;  ///< that the server was told
  size_t left_out = 0;
  uint64_t registrations = 0, failures = 0;  ///< since the agent began
  std::string last_error;
  int64_t last_error_at = 0;
  bool well() const { return state == "registered" || state == "nothing to register"; }
};

/// A thread of its own from its making to end(). Any thread may ask.
class IsnsClient {
 public:
  /// `now`: seconds since 1970.
  IsnsClient(api::IsnsServer server, const IsnsTiming& timing, std::function<int64_t()> now);
  ~IsnsClient();

  /// What is to be registered from now on; takes no time.
  void want(std::shared_ptr<const IsnsRegistration> wish);
  /// Takes the array out of the server, in the time of a farewell, and ends; takes no time itself.
  void end();
  bool ended() const { return ended_; }
  IsnsStatus status() const;
  const api::IsnsServer& server() const { return server_; }

 private:
  void run();
  Result<void> take_step(const IsnsCourse::Next& next);
  Result<void> wait(const IsnsCourse::Next& next);
  Result<void> connect(const IsnsPatience& patience);
  Result<void> register_all();
  Result<void> register_all(const IsnsRegistration& wish);
  Result<void> verify();
  Result<void> deregister(const IsnsPatience& patience);
  void farewell();
  Result<wire::isns::Message> ask(wire::isns::Message request, const IsnsPatience& patience);
  Result<void> hear();
  void answer_inquiry();
  void listen();
  IsnsPatience answer_patience() const { return IsnsPatience::of(timing_.answer, ending_.descriptor()); }
  void failed(const Error& error);
  void went_well();
  void set_state(std::string state, std::string message);

  const api::IsnsServer server_;
  const IsnsTiming timing_;
  const std::function<int64_t()> now_;
  IsnsSignal changed_, ending_;
  std::atomic<bool> ended_ = false;

  // Of the thread alone.
  IsnsEntity entity_;
  IsnsCourse course_;
  std::unique_ptr<IsnsSocket> socket_;
  std::unique_ptr<IsnsListener> listener_;
  std::shared_ptr<const IsnsRegistration> following_;
  uint16_t transaction_ = 0;
  std::optional<uint16_t> abandoned_ = {};  // its answer may still come, when this side was told to end
  bool half_sent_ = false;                  // a connection that no message can follow on
  uint32_t random_;
  size_t verified_ = 0;

  mutable std::mutex mutex_;  // what follows
  std::shared_ptr<const IsnsRegistration> wish_;
  IsnsStatus status_;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace ashlar::agent
