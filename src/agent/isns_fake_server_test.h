// An iSNS server on loopback for tests: keeps what it is told, and misbehaves as it is bidden.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "agent/isns_course.h"
#include "agent/isns_socket.h"

namespace ashlar::agent {

class FakeIsnsServer {
 public:
  enum class Manner : uint8_t {
    good,
    refuses,      ///< each registration: invalid registration
    without_esi,  ///< those with an ESI port
    garbage,      ///< answers in another protocol
    half,         ///< half of an answer, and no more
    breaks_off,   ///< half of an answer, and closes
    silent,
    other_transaction,  ///< answers what was not asked
    byte_by_byte,
    asks_first,  ///< inquires before it answers, on the same connection
  };
  struct Entity {
    std::set<std::string> targets;
    size_t portals = 0, groups = 0, groups_without_tag = 0;
    bool operator==(const Entity&) const = default;
  };

  /// Port 0: any free one.
  explicit FakeIsnsServer(uint16_t port = 0);
  ~FakeIsnsServer() { stop(); }
  uint16_t port() const { return port_; }
  void be(Manner manner) { manner_ = manner; }
  /// Seconds that registrations are granted; 0: what was asked for.
  void grant(uint32_t seconds) { granted_seconds_ = seconds; }
  /// Ends its connections and listens no more.
  void stop();
  /// Listens again, on the same port, and has forgotten everything.
  void start_anew();
  /// Closes its connections, as servers do with silent ones.
  void close_connections() { close_asked_ = true; }
  void forget();

  std::map<std::string, Entity> entities() const;
  Entity entity(const std::string& name) const;
  std::set<std::string> targets() const;
  size_t connections() const { return connections_; }
  size_t registrations() const { return registrations_; }
  size_t replacements() const { return replacements_; }
  size_t queries() const { return queries_; }
  /// That the array has answered: statuses.
  std::vector<uint32_t> inquiry_answers() const;

 private:
  void listen();
  void run();
  bool serve(IsnsSocket& socket);
  bool respond(IsnsSocket& socket, const wire::isns::Message& request);
  wire::isns::Message answer(const wire::isns::Message& request);
  uint32_t take_registration(const wire::isns::Message& request);
  std::vector<uint8_t> names_of(const wire::isns::Message& request);
  void send_raw(const IsnsSocket& socket, ConstBytes bytes) const;

  uint16_t port_ = 0;
  std::atomic<Manner> manner_ = Manner::good;
  std::atomic<uint32_t> granted_seconds_ = 0;
  std::atomic<bool> stopping_ = false, close_asked_ = false;
  std::atomic<size_t> connections_ = 0, registrations_ = 0, replacements_ = 0, queries_ = 0;
  IsnsDescriptor listener_;
  mutable std::mutex mutex_;
  std::map<std::string, Entity> entities_;
  std::vector<uint32_t> inquiry_answers_;
  std::thread thread_;
};

/// True as soon as the condition is; false when it is not for ten seconds.
bool comes_true(const std::function<bool()>& condition);
/// Without the pauses that people have.
IsnsTiming quick_timing();

}  // namespace ashlar::agent
