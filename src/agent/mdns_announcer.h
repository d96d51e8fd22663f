// Tells the link where discovery controllers of NVMe/TCP are (TP8009): a publisher of Avahi's for each port, as long as it is served.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "agent/array.h"

namespace ashlar::agent {

/// What Avahi is to publish: a service _nvme-disc._tcp of this machine.
struct Announcement {
  std::string name;    ///< of the service instance, at most 63 bytes
  std::string portal;  ///< the first of those at that port
  uint16_t port = 0;
  bool operator==(const Announcement&) const = default;
};
/// One for each port that portals of protocol nvme-tcp have; none unless the setting nvme.mdns is on. Pure.
std::vector<Announcement> announcements_of(const api::Configuration& configuration);
/// What the publisher is started with, its own name first. Pure.
std::vector<std::string> publisher_arguments(const Announcement& announcement);

/// A child that dies with the thread that made it, so also when this process is killed. Its signals are those of a fresh process.
class PublisherProcess {
 public:
  PublisherProcess(const std::string& program, const std::vector<std::string>& arguments);
  ~PublisherProcess();  ///< ends it
  PublisherProcess(const PublisherProcess&) = delete;
  PublisherProcess& operator=(const PublisherProcess&) = delete;
  /// False: it has ended, or never began.
  bool running();

 private:
  pid_t child_ = -1;
};

class MdnsAnnouncer {
 public:
  static constexpr const char* avahi_publisher = "/usr/bin/avahi-publish-service";
  /// A publisher that ends, as it does without Avahi's daemon, is started again after so long.
  static constexpr int64_t retry_seconds = 30;
  /// `now`: seconds.
  MdnsAnnouncer(Array& array, std::function<int64_t()> now, std::string program = avahi_publisher)
      : array_(array), now_(std::move(now)), program_(std::move(program)) {}

  /// Begins and ends publishers as the configuration says. Takes no time; call it once a second, on one thread.
  void follow();
  void stop();

  struct Status {
    Announcement announcement;
    bool published = false;
  };
  /// Any thread.
  std::vector<Status> statuses() const;

 private:
  struct Publisher {
    Announcement announcement;
    std::unique_ptr<PublisherProcess> process;  // null: it ended
    int64_t try_at = 0;
  };
  void keep_up(Publisher& publisher);

  Array& array_;
  const std::function<int64_t()> now_;
  const std::string program_;
  mutable std::mutex mutex_;
  std::map<uint16_t, Publisher> publishers_;  // by port
};

}  // namespace ashlar::agent
