// One fdatasync for all who ask while the last one runs.
#pragma once

#include <memory>

#include "base/intrusive_list.h"
#include "loop/file.h"
#include "loop/loop.h"

namespace ashlar::stores {

struct SyncTag;
/// Waits for a sync that starts after it joined. Told once, from the ready list, with 0 or -errno.
class SyncWaiter : public ListNode<SyncTag> {
 public:
  virtual void synced(int64_t result) = 0;

 protected:
  ~SyncWaiter() = default;
};
using SyncWaiters = IntrusiveList<SyncWaiter, SyncTag>;

/// Never two syncs of one group at a time. It saves work, and it is what makes an error reach everyone whom it concerns:
/// the kernel reports a failed write-back once per open file, to one of the calls that wait, and 0 to the others.
///
/// With O_DIRECT there is no write-back behind our back, and each channel has a group of its own. Without it all channels
/// of a file, which share one open file, ask the group of the home shard.
class SyncGroup final : public loop::FileOperation {
 public:
  /// Syncs by `file`, on the loop of that channel.
  explicit SyncGroup(loop::File& file);
  /// Asks `home`, which lives on shard 0, for every sync. `loop` is the one that uses this group.
  SyncGroup(std::shared_ptr<SyncGroup> home, loop::Loop& loop);
  ~SyncGroup();

  void join(SyncWaiter& waiter);

 private:
  void run() override;
  void start();
  void over(int64_t outcome);

  loop::File* file_ = nullptr;
  std::shared_ptr<SyncGroup> home_;
  loop::Loop* loop_ = nullptr;
  bool running_ = false;
  SyncWaiters served_;   // by the sync that runs
  SyncWaiters waiting_;  // for the next
};

}  // namespace ashlar::stores
