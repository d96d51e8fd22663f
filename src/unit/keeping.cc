#include "unit/keeping.h"

#include <memory>

#include "loop/loop.h"

namespace ashlar::unit {
namespace {

// A record that is being written; lives until the asker has heard of it.
struct Keeping {
  Result<void> outcome;
  loop::Event answered;  // on the asker's shard
};

loop::Task<void> keep_and_answer(Keeper& keeper, KeepWork work, Uuid unit, std::string text,
                                 std::shared_ptr<Keeping> keeping, uint32_t asker) {
  auto writing = work(keeper, unit, std::move(text));
  keeping->outcome = co_await writing;
  loop::Loop::current().shards().send(asker, [keeping] { keeping->answered.set(); });
}

}  // namespace

loop::Task<Result<void>> keep_at_home(Keeper& keeper, KeepWork work, Uuid unit, std::string text) {
  const auto keeping = std::make_shared<Keeping>();
  loop::Loop& loop = loop::Loop::current();
  const uint32_t asker = loop.index();
  std::move_only_function<void()> there = [&keeper, work, unit, text = std::move(text), keeping, asker] {
    keep_and_answer(keeper, work, unit, text, keeping, asker).detach();
  };
  loop.shards().send(0, std::move(there));
  co_await keeping->answered;
  co_return keeping->outcome;
}

}  // namespace ashlar::unit
