#include "engine/proposal.h"

#include <algorithm>

#include "base/check.h"

namespace ashlar::engine {

size_t uuids_to_draw(const std::vector<rpc::VolumeDocument>& volumes) {
  const auto incomplete = [](const rpc::VolumeDocument& volume) {
    const auto& given = volume.identity;
    return !given || given->naa.empty() || given->eui64.empty() || given->uuid.empty() ||
           given->serial.empty();
  };
  return 2 * static_cast<size_t>(std::ranges::count_if(volumes, incomplete));
}

Result<Proposal> work_out(std::shared_ptr<const rpc::Document> running, const Wish& wish,
                          const DrawnIdentities& kept, std::vector<Uuid> random) {
  TRY_ASSIGN(rpc::Document wished, wish(*running));
  const std::function<Uuid()> draw = [&random] {
    CHECK(!random.empty(), "an identity is drawn that was not expected");
    const Uuid uuid = random.back();
    random.pop_back();
    return uuid;
  };
  Completed completed = complete_identities(wished, *running, kept, draw);
  if (completed.changed) TRY(rpc::check_document(wished));  // what was filled in must be unique too
  Proposal proposal;
  proposal.running = std::move(running);
  proposal.desired = std::make_shared<const rpc::Document>(std::move(wished));
  proposal.drawn = std::move(completed.drawn);
  TRY_ASSIGN(proposal.plan, make_plan(proposal.running, proposal.desired));
  for (const Step& step : proposal.plan.steps) proposal.reports.push_back(describe(step));
  return proposal;
}

}  // namespace ashlar::engine
