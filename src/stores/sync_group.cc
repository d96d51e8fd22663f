#include "stores/sync_group.h"

namespace ashlar::stores {
namespace {

// Another shard's group in the home group's queue. Dies when it has sent the answer back.
class Foreign final : public SyncWaiter {
 public:
  Foreign(loop::Shards& shards, uint32_t shard, std::move_only_function<void(int64_t)> answer)
      : shards_(shards), shard_(shard), answer_(std::move(answer)) {}
  void synced(int64_t result) override {
    std::move_only_function<void()> back = [answer = std::move(answer_), result]() mutable {
      answer(result);
    };
    shards_.send(shard_, std::move(back));
    delete this;
  }

 private:
  loop::Shards& shards_;
  uint32_t shard_;
  std::move_only_function<void(int64_t)> answer_;
};

}  // namespace

SyncGroup::SyncGroup(loop::File& file) : file_(&file) { verb = loop::FileVerb::sync_data; }
SyncGroup::SyncGroup(std::shared_ptr<SyncGroup> home, loop::Loop& loop)
    : home_(std::move(home)), loop_(&loop) {}
SyncGroup::~SyncGroup() { CHECK(!running_, "closed in the middle of a sync"); }

void SyncGroup::join(SyncWaiter& waiter) {
  waiting_.push_back(waiter);
  if (!running_) start();
}

void SyncGroup::start() {
  running_ = true;
  served_.splice(waiting_);
  if (error_ < 0) {
    // Not told inside join(): through the ready list, as if the file had said it.
    result = error_;
    return loop::post_to_current(*this);
  }
  if (file_ != nullptr) return file_->submit(*this);
  loop::Shards& shards = loop_->shards();
  const uint32_t shard = loop_->index();
  std::move_only_function<void()> there = [this, home = home_, &shards, shard] {
    std::move_only_function<void(int64_t)> answer = [this](int64_t outcome) { over(outcome); };
    home->join(*new Foreign(shards, shard, std::move(answer)));
  };
  shards.send(0, std::move(there));
}

void SyncGroup::run() { over(result); }

void SyncGroup::over(int64_t outcome) {
  running_ = false;
  if (outcome < 0) error_ = outcome;
  SyncWaiters told;
  told.splice(served_);
  while (!told.empty()) told.pop_front().synced(outcome);
  if (!waiting_.empty() && !running_) start();
}

}  // namespace ashlar::stores
