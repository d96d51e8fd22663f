// One queue of a controller on its shard: its commands, and the namespaces behind it.
#pragma once

#include <array>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "loop/loop.h"
#include "nvme/command.h"
#include "nvme/controller.h"
#include "nvme/directory.h"
#include "unit/governor.h"
#include "unit/host_view.h"

namespace ashlar::nvme {

class Administration;
class Authenticator;
class Domain;

/// Namespaces are found without a search below this id.
constexpr uint32_t direct_namespaces = 257;

/// One namespace as one queue has it. Lives until its last command has ended, also when the mapping is gone.
struct Namespace : unit::KeptOut {
  uint32_t id = 0;
  bool read_only = false;  ///< this mapping
  unit::AccessState access = unit::AccessState::active_optimized;
  bool restrained = false;  ///< by one of these at least: what every command looks at first
  std::string volume;
  std::shared_ptr<unit::LogicalUnit> unit;
  unit::ShardTally* tally = nullptr;
  std::shared_ptr<unit::UnitRules> rules;
  uint32_t in_flight = 0;

  /// Of the host `name`, while `reservations` stand.
  void keep_out(const unit::Reservations& reservations, const unit::NexusName& name) {
    KeptOut::keep_out(reservations, name);
    restrain();
  }
  void take_access(unit::AccessState now) {
    access = now;
    restrain();
  }

 private:
  void restrain() {
    restrained = kept_from_reading || kept_from_writing || kept_out_wholly || !unit::is_active(access);
  }
};

/// The transport's side of a queue.
class QueueHost {
 public:
  /// The connection is to be closed, after what is queued has been sent.
  virtual void drop(const std::string& reason) = 0;
  /// The same for a host that could not prove itself: an event that says so.
  virtual void refuse(const std::string& reason) = 0;
  /// The host has proved itself for the first time, as it had to.
  virtual void authenticated() = 0;
  virtual loop::Endpoint local() const = 0;
  virtual loop::Endpoint peer() const = 0;

 protected:
  ~QueueHost() = default;
};

/// Kinds of commands, for people.
enum class CommandKind : uint8_t { other, admin, read, write, flush, compare, deallocate, copy, reservation };
constexpr std::string_view command_kind_names[] = {"other",   "admin",      "read", "write",      "flush",
                                                   "compare", "deallocate", "copy", "reservation"};

struct QueueTag;

/// Made by Domain::connect(); close() must have finished before it dies.
class Queue final : public ListNode<QueueTag> {
 public:
  struct Making {
    QueueHost& host;
    std::shared_ptr<Controller> controller;
    std::shared_ptr<const unit::HostView> view;  ///< null for discovery
    Port port;
    uint16_t id = 0;
    uint16_t entries = 0;  ///< from 1
    bool flow_control = true;
    uint32_t keep_alive_milliseconds = 0;
  };
  Queue(Domain& domain, Making making);
  ~Queue();

  uint16_t id() const { return making_.id; }
  uint16_t entries() const { return making_.entries; }
  bool is_admin() const { return making_.id == 0; }
  bool flow_control() const { return making_.flow_control; }
  /// SQHD of the next completion: how far the queue has been read. FFFFh without flow control.
  uint16_t submission_head() const { return making_.flow_control ? head_ : uint16_t{0xffff}; }
  Controller& controller() const { return *making_.controller; }
  const std::shared_ptr<Controller>& shared_controller() const { return making_.controller; }
  const std::shared_ptr<const unit::HostView>& view() const { return making_.view; }
  const Port& port() const { return making_.port; }
  QueueHost& host() const { return making_.host; }
  Domain& domain() const { return domain_; }
  loop::Loop& loop() const;
  Administration* administration() const { return administration_.get(); }  ///< of the admin queue
  Authenticator& authenticator() const { return *authenticator_; }
  /// Its host has still to prove itself: nothing but that is done for it.
  bool barred() const { return barred_; }
  void bar(bool barred) { barred_ = barred; }
  /// How the host has proved itself on this queue: "none", "mutual DH-HMAC-CHAP sha-256 ffdhe3072".
  std::string authentication() const;

  /// Takes the command; completed() comes later, exactly once. `wrong`: what the transport found, with which it ends.
  void submit(Command& command, Outcome wrong = {});
  /// An entry that never becomes a command counts, too; the queue head for its completion.
  uint16_t pass_over() {
    head_ = static_cast<uint16_t>((head_ + 1) % making_.entries);
    return submission_head();
  }
  void data_arrived(Command& command);
  /// Data that can never arrive (a data digest): the command ends with `outcome`.
  void data_failed(Command& command, Outcome outcome);
  size_t commands_in_flight() const { return commands_.size(); }
  /// Something is in flight that waits neither for the host nor for an event.
  bool has_work();
  struct Traffic {
    uint64_t commands = 0, read_bytes = 0, written_bytes = 0;
    uint64_t failed = 0;
    std::array<uint64_t, std::size(command_kind_names)> of_kind{};
  };
  Traffic traffic;

  /// Ends all commands without answers; `closed` runs once, from the ready list, when none is left.
  void close(std::move_only_function<void()> closed);
  bool closing() const { return closing_; }

  /// The host's mappings changed. True: the list of namespaces did.
  bool replace_view(std::shared_ptr<const unit::HostView> view);
  Namespace* find(uint32_t namespace_id);
  const std::map<uint32_t, std::unique_ptr<Namespace>>& namespaces() const { return namespaces_; }
  /// The command with that id; null when there is none.
  Command* find_command(uint16_t command_id);
  /// All that touch that volume, also after it was unmapped.
  std::vector<Command*> commands_of(const std::string& volume);

  /// A copy reads `space`, another namespace than its own: it ends with that, too, and `space` lives as long.
  void note_source(Command& command, Namespace& space);
  void forget_sources(const Command& command);

  // For the commands themselves.
  void ended(Command& command);

 private:
  friend class Handling;
  void take_up(Command& command);
  void submit_fused(Command& command);
  void refuse(Command& command, Outcome outcome);
  void add_namespace(const unit::LunMapping& mapping);
  void retire(Namespace& space);
  void drop_retired();
  void index();
  void note_failure(const Command& command);
  void maybe_closed();

  Domain& domain_;
  Making making_;
  std::map<uint32_t, std::unique_ptr<Namespace>> namespaces_;
  std::vector<Namespace*> direct_;
  std::vector<std::unique_ptr<Namespace>> retired_;
  std::vector<std::pair<Command*, Namespace*>> sources_;  // of copies under way
  CommandList commands_;
  std::unique_ptr<Administration> administration_;
  std::unique_ptr<Authenticator> authenticator_;  // never null
  bool barred_ = false;
  uint16_t head_ = 0;
  Command* fused_first_ = nullptr;  // waits for its second
  bool first_has_failed_ = false;   // it came, and has ended
  bool closing_ = false;
  std::move_only_function<void()> closed_;
};

}  // namespace ashlar::nvme
