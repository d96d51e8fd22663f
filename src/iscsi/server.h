// The iSCSI target of one shard: accepts connections, logs them in, runs their sessions.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "iscsi/directory.h"
#include "loop/loop.h"
#include "scsi/nexus_state.h"

namespace ashlar::iscsi {

/// A session as status shows it. Plain data, safe to carry to another shard.
struct SessionStatus {
  uint64_t id = 0;  ///< unique over all shards and restarts of this engine's life: shard << 48 | counter
  uint32_t shard = 0;
  std::string target;  ///< empty for discovery
  std::string initiator;
  std::string host;  ///< resource name of the host entry that let it in
  std::string isid;  ///< 12 hex digits
  uint16_t tsih = 0;
  uint32_t connections = 1;  ///< that carry it; the addresses and digests are those of the oldest
  std::string local_address, peer_address;
  bool header_digest = false, data_digest = false;
  std::string authentication;  ///< "none", "CHAP", "mutual CHAP" with the algorithm: "CHAP SHA-256"
  uint64_t commands = 0, read_bytes = 0, written_bytes = 0;
  uint32_t tasks_in_flight = 0;
  int64_t age_seconds = 0;
};

/// Something worth an event to people: login, login refused, logout, session dropped, protocol error.
struct ServerEvent {
  std::string
      kind;  ///< "session.login", "login.refused", "session.logout", "session.dropped", "protocol.error"
  std::string target, initiator, peer, detail;
};

/// One per shard. Made by the engine; all calls on its shard. Servers of all shards find each other through `group` (session
/// reinstatement may have to close a session that lives on another shard, RFC 7143 6.3.5).
class Server {
 public:
  static constexpr uint16_t usual_commands = 4096;
  using Group = std::vector<std::unique_ptr<Server>>;
  using EventSink = std::function<void(ServerEvent)>;
  /// `commands` at once, made here; what hosts send beyond them waits on its connection.
  Server(loop::Loop& loop, scsi::Domain& domain, Group& group, EventSink events,
         uint16_t commands = usual_commands);
  ~Server();  ///< stop() must have finished

  /// Puts a new snapshot in force: listeners are the engine's business (see serve()); sessions of targets or hosts that are
  /// gone are dropped, others get their new view.
  void replace_directory(std::shared_ptr<const Directory> directory);
  /// A connection that a listener of `portal` accepted.
  void serve(std::unique_ptr<loop::Stream> stream, const Portal& portal);
  std::vector<SessionStatus> sessions() const;
  /// Drops it (async message "target will drop all connections", then close); false if there is none of that id here.
  bool drop_session(uint64_t id, std::string reason);
  /// Refuses new connections and asks hosts to log out, for a second at most; then refuses new commands, answers what is in
  /// flight (bounded by `grace`), drops the sessions that are left, and calls `stopped` once.
  void stop(loop::Nanoseconds grace, std::move_only_function<void()> stopped);

  struct Impl;
  Impl& impl() { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace ashlar::iscsi
