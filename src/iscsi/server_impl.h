// The inside of Server: what the connections of one shard share.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/log.h"
#include "iscsi/connection.h"
#include "loop/connection_keeper.h"

namespace ashlar::iscsi {

struct Server::Impl final : loop::ConnectionKeeper<Connection, ConnectionTag> {
  static constexpr size_t receive_buffer_bytes = 512 * 1024;
  static constexpr size_t chunks_prepared = 32;   // 2 MiB
  static constexpr size_t chunks_maximum = 4096;  // 256 MiB: 64 KiB a connection at the bound of connections

  Impl(loop::Loop& loop, scsi::Domain& domain, Group& group, EventSink events, uint16_t command_count);
  ~Impl();

  scsi::Domain& domain;
  Group& group;
  EventSink events;
  std::shared_ptr<const Directory> directory;
  std::vector<uint8_t> receive_buffer;
  loop::ChunkPool chunks;
  CommandPool commands;
  /// Of commands whose data is kept after their answer (ErrorRecoveryLevel 1 and above).
  size_t retained_commands = 0;
  uint64_t retained_bytes = 0;
  std::vector<std::shared_ptr<Session>> sessions;  ///< that have not ended
  uint64_t next_session = 1;
  uint32_t next_tsih = 0;
  /// Callers that wait until a session is gone (reinstatement): asked again whenever a connection dies.
  std::vector<std::move_only_function<bool()>> waiting_for_end;

  const Settings& settings() const { return directory->settings; }
  uint64_t new_session_id() { return uint64_t{loop.index()} << 48 | next_session++; }
  /// One more command with that much data: hosts that acknowledge late keep a quarter of the commands and of the buffers from
  /// the others, and no more.
  bool may_retain(uint64_t bytes) const {
    return retained_commands < commands.size() / 4 &&
           retained_bytes + bytes <= loop.buffers().capacity_bytes() / 4;
  }
  /// max_sessions, or as many as there are TSIHs for this shard.
  size_t most_sessions() const;
  /// Says which shard the session lives on: TSIH modulo the number of shards. With fewer than most_sessions() of them.
  uint16_t new_tsih();
  std::shared_ptr<Session> find_session(uint16_t tsih, const std::array<uint8_t, 6>& isid);
  /// A connection that came to another shard, with what it said there.
  void adopt(std::unique_ptr<loop::LooseStream> stream, const Portal& portal, std::vector<uint8_t> said);
  /// Calls `gone` when the connection of that session and CID has ended; at once when there is none.
  void call_when_gone(const Session& session, uint16_t connection_id, const Connection& except,
                      std::move_only_function<void()> gone);
  /// Null: it is refused.
  Connection* admit(std::unique_ptr<loop::Stream> stream, const Portal& portal);
  /// Every shard hears of it: the kernel deals connections out between them.
  void tell_proof(const std::string& source, bool succeeded);
  /// Closes sessions of that initiator port to that target on this shard; `gone` is called when none is left here.
  void close_matching(const std::string& initiator, const std::array<uint8_t, 6>& isid,
                      const std::string& target, const Connection* except,
                      std::move_only_function<void()> gone);
  /// The same on all shards (RFC 7143 6.3.5); `gone` runs here, with the sessions that are there then, this one included.
  void reinstate(Connection& connection, std::move_only_function<void(SessionCounts)> gone);
  SessionCounts count_sessions(const std::string& target, const std::string& host);
  void drop_target_everywhere(const std::string& target, const std::string& reason);
  void tell(ServerEvent event) {
    if (events) events(std::move(event));
  }

 private:
  void some_died() override;
};

}  // namespace ashlar::iscsi
