// The store "remote": a unit of another array, by iSCSI or NVMe/TCP and all paths that lead to it.
#pragma once

#include <memory>

#include "block/store.h"
#include "initiator/multipath.h"

namespace ashlar::initiator {

/// Adds the kind "remote" to `registry`.
void add_remote(block::Registry& registry);

/// What a store's options say. Options: urls (parse_remote_urls), initiator (IQN), host_nqn, user, secret, mutual_user,
/// mutual_secret, identity ("naa.6001405...": what the unit must be called), patience_seconds, answer_seconds.
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
