// A unit of another array by all its paths, on one shard: does what MultipathState decides.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/log.h"
#include "block/device.h"
#include "initiator/multipath_state.h"
#include "initiator/options.h"
#include "initiator/path.h"
#include "initiator/remote_credentials.h"
#include "initiator/remote_url.h"

namespace ashlar::initiator {

/// How to reach a unit, and with what patience.
struct RemoteOptions {
  std::vector<RemoteUrl> urls;  ///< 1 to MultipathState::max_paths
  std::string initiator_name;   ///< IQN
  std::string host_name;        ///< NQN
  Uuid host_id{};
  RemoteCredentials credentials;             ///< to begin with; RemoteShared has those that count
  std::map<std::string, std::string> names;  ///< what the unit must be called; empty: the first path tells
  PathTiming timing;
  loop::Nanoseconds patience =
      loop::seconds(60);  ///< of a command while no path is there; then it is aborted
  loop::Nanoseconds answer_time =
      loop::seconds(30);  ///< of a command on a path that lives; then the path is given up
  uint16_t depth = 64;    ///< commands at once, of a shard
};

class Multipath;

/// A path's numbers, of all shards; each shard adds to its own.
struct alignas(64) PathNumbers {
  std::atomic<uint8_t> state{}, access{};
  std::atomic<uint64_t> commands = 0, attached = 0, losses = 0, refused = 0;
};

/// What people read of a path.
struct PathWords {
  std::string authentication;  ///< of the last session by it; empty: there was none
  std::string last_error;  ///< why it was lost or did not come up the last time; empty: neither has happened
};

/// A shard's own; MultipathState says what they are.
struct alignas(64) ShardNumbers {
  std::atomic<uint64_t> retries = 0, failovers = 0, held = 0, errors = 0;
};

/// What the channels of one volume share. Any thread, but for what says otherwise.
struct RemoteShared {
  RemoteShared(RemoteOptions given, std::string volume, uint32_t shard_count);

  const RemoteOptions options;
  const std::string label;                      ///< for log lines
  block::Limits limits;                         ///< but for the size; fixed once the store is open
  std::atomic<uint64_t> size_bytes = 0;         ///< as the volume has it
  std::atomic<uint64_t> remote_size_bytes = 0;  ///< as the other side told it last
  std::atomic<bool> write_cache = false;        ///< the other side has one: writes carry FUA
  DoubtfulRanges doubts;
  std::vector<Multipath*> channels;                              ///< by shard, each touched on its own alone
  std::vector<std::unique_ptr<std::vector<PathNumbers>>> paths;  ///< by shard, then by path
  std::vector<std::unique_ptr<ShardNumbers>> shards;

  /// Checks them, or keeps them when none are known yet.
  Result<void> check_names(const std::map<std::string, std::string>& names);
  /// For the next login.
  std::shared_ptr<const RemoteCredentials> credentials() const;
  void set_credentials(RemoteCredentials credentials);
  void tell_authentication(uint16_t path, std::string text);
  void tell_error(uint16_t path, std::string text);
  std::vector<PathWords> words() const;

 private:
  mutable std::mutex mutex_;  // for what follows
  std::map<std::string, std::string> names_;
  std::shared_ptr<const RemoteCredentials> credentials_;
  std::vector<PathWords> words_;
};

/// On one loop. Requests as the gatekeeper lets them through.
class Multipath final : PathWatcher, loop::Timer {
 public:
  Multipath(loop::Loop& loop, std::shared_ptr<RemoteShared> shared);
  ~Multipath();  ///< after stop(), or before start()

  void start();
  void submit(block::Request& request);
  /// No request is under way; returns when every path is closed.
  loop::Task<void> stop();

  bool changed_since(Extent extent, loop::Instant since) const { return state_.changed_since(extent, since); }
  const Path& path(uint16_t index) const { return *paths_[index]; }
  size_t path_count() const { return paths_.size(); }
  /// The first path that is up, or why none is within `span`.
  loop::Task<Result<Findings>> first_findings(loop::Nanoseconds span);

 private:
  struct Slot final : PathCommand {
    Multipath* multipath = nullptr;
    block::Request* request = nullptr;
    uint16_t number = 0;
  };

  Result<void> check(const Findings& findings) override;
  void path_up(Path& path, bool attached) override;
  void path_down(Path& path, const Error& reason) override;
  void path_failed(Path& path, const Error& reason) override;
  void expired() override;

  std::unique_ptr<Path> make_path(uint16_t index);
  void begin(block::Request& request);
  void handle(const MultipathState::Event& event);
  void act(const MultipathState::Action& action);
  void send(const MultipathState::Action& action);
  void finish(const MultipathState::Action& action);
  loop::Task<void> ask(uint16_t slot);
  void publish();
  std::string errors() const;

  loop::Loop& loop_;
  std::shared_ptr<RemoteShared> shared_;
  std::vector<std::unique_ptr<Path>> paths_;
  MultipathState state_;
  std::unique_ptr<Slot[]> slots_;
  std::vector<uint16_t> free_;
  loop::ReadyList waiting_;  // requests for which no slot is free
  std::vector<MultipathState::Event> pending_;
  std::vector<MultipathState::Action> acting_on_;
  bool acting_ = false;
  bool started_ = false;
  loop::Event* first_up_ = nullptr;
  LogLimiter log_limiter_{10, 10'000'000'000};
};

}  // namespace ashlar::initiator
