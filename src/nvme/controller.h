// A controller: what one host has of one subsystem by one port, whatever queues it has on whatever shards.
#pragma once

#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/identity.h"
#include "nvme/bounds.h"
#include "nvme/status.h"
#include "unit/nexus.h"
#include "wire/nvme_log.h"

namespace ashlar::nvme {

/// CC and CSTS (NVMe base 2.0 3.1.3.5, 3.1.3.6).
struct Registers {
  static constexpr uint32_t enable = 1;                ///< CC.EN
  static constexpr uint32_t shutdown_mask = 3u << 14;  ///< CC.SHN
  static constexpr uint32_t ready = 1, fatal = 2;      ///< CSTS.RDY, CSTS.CFS
  static constexpr uint32_t shutdown_occurring = 1 << 2, shutdown_complete = 2 << 2,
                            shutdown_status = 3 << 2;  ///< CSTS.SHST
};
/// The status that a controller has after a host wrote `configuration`. Pure.
uint32_t status_after(uint32_t configuration, bool discovery);

struct ControllerFacts {
  uint16_t id = 0;
  bool discovery = false;
  std::string subsystem, host_name;  ///< NQNs
  Uuid host_id{};
  std::string host;        ///< resource name of the host entry that let it in
  uint16_t group_tag = 1;  ///< of the port that its admin queue came by
  uint32_t home = 0;       ///< shard of its admin queue
  std::string local_address, peer_address;
  int64_t began_nanoseconds = 0;
  bool secured = false;  ///< all its queues come by TLS
  Bounds bounds;
};

/// CRDT1, in 100 ms: data-path memory is free again long before. The others are not used.
constexpr std::array<uint16_t, 3> retry_delays = {1, 0, 0};

/// Errors that are kept for the log page (ELPE).
constexpr size_t most_error_entries = 64;

/// Shared by its queues; any thread unless said otherwise.
class Controller {
 public:
  explicit Controller(ControllerFacts its_facts);
  const ControllerFacts facts;
  const unit::Nexus
      nexus;  ///< one for all controllers of a host: reservations are the host's (NVMe base 2.0 8.19)

  std::atomic<uint32_t> configuration = 0;  ///< CC
  std::atomic<uint32_t> status = 0;         ///< CSTS
  std::atomic<bool> heard = true;           ///< a command came since the keep-alive timer looked
  std::atomic<bool> ended = false;
  std::atomic<bool> barred = false;          ///< its host has still to prove itself
  std::atomic<bool> has_io_queues = false;   ///< one was connected since it was enabled
  std::atomic<bool> copies_across = false;   ///< CDF2E: the host sends Copy with format 2h
  std::atomic<bool> delays_retries = false;  ///< ACRE: the host looks at CRD
  bool ready() const { return (status.load(std::memory_order_relaxed) & Registers::ready) != 0; }
  /// The status with CRD, when there is something to wait for and the host knows of it.
  wire::nvme::Outcome with_delay(wire::nvme::Outcome outcome) const {
    const bool passes = outcome.status == wire::nvme::Status::command_interrupted && !outcome.do_not_retry;
    if (passes && delays_retries.load(std::memory_order_relaxed)) outcome.retry_delay = 1;
    return outcome;
  }
  /// Host Behavior Support, 512 bytes (base 2.1 5.1.25.1.14): ACRE in byte 0, CDFE in bytes 4 and 5.
  void take_behavior(ConstBytes data) {
    delays_retries.store(data[0] == 1, std::memory_order_relaxed);
    copies_across.store((data[4] & 1u << 2) != 0, std::memory_order_relaxed);
  }
  void hear() {
    if (!heard.load(std::memory_order_relaxed)) heard.store(true, std::memory_order_relaxed);
  }

  /// False: there is one of that id.
  bool take_queue(uint16_t queue_id, uint32_t shard);
  void leave_queue(uint16_t queue_id);
  std::optional<uint32_t> shard_of(uint16_t queue_id) const;
  size_t queue_count() const;

  /// "DH-HMAC-CHAP sha-256 ffdhe3072": how the host has proved itself on the admin queue; "none": not at all.
  std::string authentication() const;
  void set_authentication(std::string how);

  void note_error(wire::nvme::ErrorEntry entry);
  std::vector<wire::nvme::ErrorEntry> errors() const;  ///< newest first
  uint64_t error_count() const;

 private:
  mutable std::mutex mutex_;
  std::map<uint16_t, uint32_t> shard_of_queue_;
  std::vector<wire::nvme::ErrorEntry> errors_;  // newest first
  uint64_t error_count_ = 0;
  std::string authentication_ = "none";
};

/// The host's part of Nexus::initiator_port, for who is told of registrants.
std::string initiator_port_of(const std::string& host_name, const Uuid& host_id);
/// The host identifier of a registrant; of one that came by another protocol, one that is made of its name.
Uuid host_id_of(const std::string& initiator_port);

/// All controllers of the array, by id. Any thread.
class Controllers {
 public:
  /// How many there may be; 0: no bound of its own. Discovery controllers and those that are barred count among all alone: who
  /// proves nothing must not keep the host of that name out.
  struct Most {
    size_t all = 0, of_subsystem = 0, of_host = 0;
  };
  /// `facts.id` dynamic_controller or static_controller: any that is free within the bounds. Null: that id is taken, or there
  /// are enough. `barred`: its host has still to prove itself, and so it never counts before admit().
  std::shared_ptr<Controller> create(ControllerFacts facts, const Most& most, bool barred = false);
  /// Its host has proved itself: it counts from now on. False: there are enough of them without it.
  bool admit(Controller& controller, const Most& most);
  std::shared_ptr<Controller> find(uint16_t id) const;
  void remove(const Controller& controller);
  /// Those of a subsystem, by id.
  std::vector<std::shared_ptr<Controller>> of_subsystem(const std::string& subsystem) const;
  std::vector<std::shared_ptr<Controller>> all() const;
  /// Another one for each context of the Persistent Event log page, so that a host notices that it lost one.
  uint16_t next_event_generation() { return event_generation_.fetch_add(1, std::memory_order_relaxed); }

 private:
  bool full(const ControllerFacts& facts, const Most& most) const;
  uint16_t free_id(const Bounds& bounds);  // 0: there is none
  mutable std::mutex mutex_;
  std::map<uint16_t, std::shared_ptr<Controller>> controllers_;
  uint16_t last_id_ = 0;
  std::atomic<uint16_t> event_generation_ = 1;
};

}  // namespace ashlar::nvme
