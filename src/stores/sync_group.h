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

/// Never two syncs of one open file at a time. It saves work, and it is what makes an error reach everyone whom it concerns:
/// the kernel reports a failed write-back once per open file, to one of the calls that wait, and 0 to the others. For the
/// same reason an error is never forgotten: after one, every sync of the group fails without asking again.
///
/// Channels of a file share one open file, so on several shards they all ask the group of the home shard.
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
  int64_t error_ = 0;    // the first, for good
  SyncWaiters served_;   // by the sync that runs
  SyncWaiters waiting_;  // for the next
};

}  // namespace ashlar::stores
