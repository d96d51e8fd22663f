// The store "remote": a unit of another array, by iSCSI or NVMe/TCP and all paths that lead to it.
#pragma once

#include <memory>

#include "block/store.h"
#include "initiator/multipath.h"

namespace ashlar::initiator {

/// One path, of all shards together.
struct RemotePath {
  std::string url;             ///< without the user
  std::string state;           ///< name_of(PathAccess) while a shard has a session by it; "down", "refused"
  std::string authentication;  ///< of the last session; empty: there was none
  std::string last_error;   ///< why it was lost or did not come up the last time; empty: neither has happened
  uint64_t shards = 0;      ///< that have a session by it now
  uint64_t commands = 0;    ///< that went by it
  uint64_t reconnects = 0;  ///< sessions after a shard's first
  uint64_t losses = 0;      ///< sessions that ended by themselves
  uint64_t refused = 0;     ///< sessions that led to what is not the volume's
};

/// What a remote store is beside a store. Any thread.
class RemoteUnit {
 public:
  virtual ~RemoteUnit() = default;
  virtual std::vector<RemotePath> remote_paths() const = 0;  ///< in the order of the URLs
  virtual uint64_t remote_size_bytes() const = 0;            ///< the unit's, as told last; 0: not told yet
  /// From the next login on; sessions that are up go on. Errors as remote_credentials_of(); what it had counts on then.
  virtual Result<void> set_credentials(const std::map<std::string, std::string>& options) = 0;
};
/// Null: it is no remote store. A layer over one is none.
std::shared_ptr<RemoteUnit> remote_unit_of(const std::shared_ptr<block::Store>& store);

/// Adds the kind "remote" to `registry`.
void add_remote(block::Registry& registry);

/// What a store's options say. Options: urls (parse_remote_urls), initiator (IQN), host_nqn, those of remote_credentials_of(),
/// identity ("naa.6001405...": what the unit must be called), patience_seconds, answer_seconds.
Result<RemoteOptions> remote_options_of(const std::map<std::string, std::string>& options);

/// Without a path within a few seconds: an error that says what is wrong with each; but with an identity and a size it opens
/// all the same, and requests wait for the first path.
/// size_bytes 0: the unit's. A volume may be smaller than its unit, not larger; resize() follows the other side.
/// The volume has no cache: what the other side would keep in one is written through it (FUA, or a flush after it).
loop::Task<Result<std::shared_ptr<block::Store>>> open_remote(block::StoreSpec spec, RemoteOptions options);

/// Channels close their paths after BlockDevice::close(), by stories of their own. Waits for those of the current loop: not for an
/// attempt or a question under way, but for as long as a logout may take (PathTiming::connect_timeout).
loop::Task<void> remote_paths_closed();
/// The same for every shard. On any of them.
loop::Task<void> remote_paths_closed(loop::Shards& shards);

}  // namespace ashlar::initiator
