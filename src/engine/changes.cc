// How a document comes into force: the parts of Engine behind `apply` and `amend`.
#include "base/log.h"
#include "engine/engine.h"
#include "loop/on_worker.h"

namespace ashlar::engine {
namespace {

std::vector<Uuid> draw_uuids(size_t count) {
  std::vector<Uuid> random(count);
  for (Uuid& each : random) each = loop::Loop::current().random_uuid();
  return random;
}

// "v1.img" is a file in the state folder. What runs, and what `document` tells, has whole paths.
void resolve_paths(rpc::Document& document, const std::string& folder) {
  if (folder.empty()) return;
  for (rpc::VolumeDocument& volume : document.volumes) {
    const auto path = volume.store.options.find("path");
    if (path == volume.store.options.end() || path->second.empty() || path->second.starts_with('/')) continue;
    path->second = fmt::format("{}/{}", folder, path->second);
  }
}

}  // namespace

loop::Task<Result<rpc::ApplyReport>> Engine::apply(rpc::Document desired, bool dry_run) {
  auto entering = turnstile_.enter();
  const Result<void> entered = co_await entering;
  CO_TRY(entered);
  const Turnstile::Pass pass(turnstile_);
  std::vector<Uuid> random = draw_uuids(uuids_to_draw(desired.volumes));
  Wish wish = [&desired, &folder = options_.state_folder](const rpc::Document&) -> Result<rpc::Document> {
    resolve_paths(desired, folder);
    TRY(rpc::check_document(desired));
    return std::move(desired);
  };
  auto putting = put_in_force(std::move(wish), std::move(random), dry_run);
  co_return co_await putting;
}

loop::Task<Result<rpc::ApplyReport>> Engine::amend(uint64_t base, rpc::Amendment amendment, bool dry_run) {
  resolve_paths(amendment.changed, options_.state_folder);
  auto entering = turnstile_.enter();
  const Result<void> entered = co_await entering;
  CO_TRY(entered);
  const Turnstile::Pass pass(turnstile_);
  if (base != revision_)
    co_return fail(ErrorCode::stale, "base", "is {}, and revision {} is in force", base, revision_);
  std::vector<Uuid> random = draw_uuids(uuids_to_draw(amendment.changed.volumes));
  Wish wish = [&amendment](const rpc::Document& running) -> Result<rpc::Document> {
    rpc::Document desired = running;
    rpc::amend(desired, std::move(amendment));
    TRY(rpc::check_document(desired));
    return desired;
  };
  auto putting = put_in_force(std::move(wish), std::move(random), dry_run);
  co_return co_await putting;
}

// It is its turn. Whatever takes longer the more is served is done by a worker, or each change would hold up those who read and
// write on this shard.
loop::Task<Result<rpc::ApplyReport>> Engine::put_in_force(Wish wish, std::vector<Uuid> random, bool dry_run) {
  if (state_ != State::serving) co_return stopped();
  auto working = loop::on_worker(loop::Loop::current(), [this, &wish, &random] {
    return work_out(running_, wish, options_.identities, std::move(random));
  });
  Result<Proposal> proposal = co_await working;
  CO_TRY(proposal);
  auto carrying = carry_out(*proposal, dry_run);
  Result<rpc::ApplyReport> report = co_await carrying;
  auto freeing = loop::on_worker(loop::Loop::current(), [&proposal] {
    const Proposal over = std::move(*proposal);
    return true;
  });
  co_await freeing;
  co_return report;
}

loop::Task<Result<rpc::ApplyReport>> Engine::carry_out(Proposal& proposal, bool dry_run) {
  const size_t steps = proposal.plan.steps.size();
  rpc::ApplyReport report;
  report.dry_run = dry_run;
  report.changed = steps != 0;
  report.revision = revision_;
  report.steps = std::move(proposal.reports);
  if (dry_run || steps == 0) co_return report;

  auto keeping = keep(proposal);
  const Result<void> kept = co_await keeping;
  CO_TRY(kept);
  auto running = run_steps(*this, std::move(proposal.plan.steps));
  const Result<void> outcome = co_await running;
  if (!outcome) {
    tell("document.refused", {{"error", outcome.error().text()}});
    co_return std::unexpected(outcome.error());
  }
  report.drawn = proposal.drawn;
  report.revision = revision_;
  ++applied_;
  log_info("engine", "document applied steps={} volumes={} targets={} hosts={} portals={}", steps,
           running_->volumes.size(), running_->targets.size(), running_->hosts.size(),
           running_->portals.size());
  tell("document.applied", {{"steps", std::to_string(steps)}});
  co_return report;
}

// Before the plan runs: a host must never see an identity that a crash would make us forget.
loop::Task<Result<void>> Engine::keep(const Proposal& proposal) {
  if (proposal.drawn.empty()) co_return Result<void>{};
  for (const rpc::DrawnIdentity& each : proposal.drawn) {
    const rpc::VolumeDocument* volume = find_volume(*proposal.desired, each.volume);
    options_.identities.remember({each.volume, volume->store, each.identity});
  }
  if (!options_.keep_identities) co_return Result<void>{};
  auto keeping = options_.keep_identities(options_.identities.all());
  co_return co_await keeping;
}

}  // namespace ashlar::engine
