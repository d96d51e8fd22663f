// What a session is, whatever connections carry it: the nexus, the command window, the commands in flight.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "iscsi/command.h"
#include "iscsi/command_window.h"
#include "iscsi/directory.h"
#include "iscsi/negotiate.h"
#include "scsi/nexus_state.h"

namespace ashlar::iscsi {

/// A PDU ahead of its turn. All pointers null: a command that was aborted before its turn; its number counts as received.
struct ParkedPdu {
  /// Any other PDU than a command: it is taken up when its turn comes.
  struct Held {
    std::array<uint8_t, wire::iscsi::basic_header_bytes> header{};
    std::vector<uint8_t> data;
  };
  Connection* connection = nullptr;  ///< that it came by; leaves nothing here when it closes
  Command* command = nullptr;
  std::unique_ptr<Held> held;
};

/// On one shard. Owned by its connections and by the server's list of sessions.
struct Session {
  /// Most bytes of the data segment of a PDU that is kept for its turn.
  static constexpr size_t most_held_bytes = 8192;
  /// Task management functions that wait for the commands before them.
  static constexpr size_t most_held_functions = 8;

  Session(uint64_t id_, uint16_t tsih_, uint32_t first_command, uint32_t depth)
      : id(id_), tsih(tsih_), window(first_command, depth) {}
  uint64_t id;
  uint16_t tsih;
  bool discovery = false;
  std::string initiator;
  std::array<uint8_t, 6> isid{};
  std::string authentication;
  std::shared_ptr<const Target> target;        ///< null for discovery
  std::shared_ptr<const unit::HostView> view;  ///< null for discovery
  std::unique_ptr<scsi::NexusState> nexus;     ///< null for discovery
  uint16_t portal_group_tag = 0;
  SessionParameters parameters;  ///< of the leading login; what is a connection's own is kept there
  CommandWindow window;
  CommandTable commands;
  std::vector<Connection*> connections;  ///< that carry it, oldest first; a closing one is not among them
  bool ended = false;                    ///< its last connection closes, and the nexus with it
  /// By CmdSN. At most the window's depth.
  std::map<uint32_t, ParkedPdu> parked;
  /// Functions that affect many tasks and came, as immediate ones, before commands that they are to affect (RFC 7143 4.2.3.3).
  std::vector<ParkedPdu> held_functions;
  uint32_t managing = 0;  ///< task management functions not yet answered
  uint64_t command_count = 0, read_bytes = 0, written_bytes = 0;
  loop::Instant began;
};

}  // namespace ashlar::iscsi
