// A change, worked out: what the documents alone tell of it, before anything is touched. Grows with all that is served, so it is
// not for a shard that serves: make it on a worker.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <vector>

#include "engine/plan.h"

namespace ashlar::engine {

struct Proposal {
  std::shared_ptr<const rpc::Document> running, desired;  ///< never null; `desired` with complete identities
  std::vector<rpc::DrawnIdentity> drawn;
  Plan plan;
  std::vector<rpc::StepReport> reports;  ///< of the plan's steps
};

/// Null when there is none of that name.
inline const rpc::VolumeDocument* find_volume(const rpc::Document& document, const std::string& name) {
  const auto found = std::ranges::find(document.volumes, name, &rpc::VolumeDocument::name);
  return found == document.volumes.end() ? nullptr : &*found;
}

/// What is wished for, given what runs: a checked document, or why it is none.
using Wish = std::function<Result<rpc::Document>(const rpc::Document& running)>;

/// Pure, but for `wish`. `random` are UUIDs that nobody has seen, two for each volume whose identity may have to be drawn.
Result<Proposal> work_out(std::shared_ptr<const rpc::Document> running, const Wish& wish,
                          const DrawnIdentities& kept, std::vector<Uuid> random);
/// How many `random` work_out() takes at most for these.
size_t uuids_to_draw(const std::vector<rpc::VolumeDocument>& volumes);

}  // namespace ashlar::engine
