// What each step of a plan does to what is served.
#include "base/log.h"
#include "engine/engine.h"
#include "loop/on_worker.h"

namespace ashlar::engine {

loop::Task<Result<void>> Engine::run(Step step) {
  const loop::Endpoint endpoint{step.portal.address, step.portal.port};
  switch (step.kind) {
    case StepKind::open_volume: {
      auto opening = open_volume(step.volume, step.place);
      co_return co_await opening;
    }
    case StepKind::close_volume: {
      auto closing = volumes_.close(step.volume.name);
      co_await closing;
      domains_[0]->forget_access(step.volume.name);
      tell("volume.closed", {{"volume", step.volume.name}});
      break;
    }
    case StepKind::resize_volume: {
      auto resizing = resize_volume(step.volume.name, step.size_bytes);
      co_return co_await resizing;
    }
    case StepKind::set_write_cache: {
      unit::LogicalUnit& unit = *volumes_.find(step.volume.name)->on_shard[0];
      auto configuring = domains_[0]->configure_write_cache(step.volume.name, unit, step.write_cache);
      co_return co_await configuring;
    }
    case StepKind::change_medium: {
      auto changing = change_medium(std::move(step));
      co_return co_await changing;
    }
    case StepKind::set_credentials: co_return volumes_.set_credentials(step.volume.name, step.store.options);
    case StepKind::set_key_shared: co_return volumes_.share_key(step.volume.name, step.key_shared);
    case StepKind::add_portal: {
      auto opening = portals_.open(served_portal(step.portal), step.place);
      const Result<void> outcome = co_await opening;
      if (outcome) tell("portal.listening", {{"portal", step.portal.name}, {"endpoint", endpoint.text()}});
      co_return outcome;
    }
    case StepKind::remove_portal: {
      auto closing = portals_.close(endpoint);
      co_await closing;
      tell("portal.closed", {{"portal", step.portal.name}, {"endpoint", endpoint.text()}});
      break;
    }
    case StepKind::set_group: {
      auto setting = set_group(std::move(step));
      co_await setting;
      break;
    }
    case StepKind::publish: {
      auto publishing = publish(step.after);
      co_await publishing;
      break;
    }
  }
  co_return Result<void>{};
}

loop::Task<Result<void>> Engine::open_volume(rpc::VolumeDocument volume, std::string place) {
  auto opening = volumes_.open(volume, std::move(place));
  const Result<void> outcome = co_await opening;
  CO_TRY(outcome);
  tell("volume.opened", {{"volume", volume.name}});
  if (const std::string failure = volumes_.key_failure(volume.name); !failure.empty())
    tell("volume.key_lost", {{"volume", volume.name}, {"error", failure}});
  if (records_ == nullptr) co_return outcome;
  unit::LogicalUnit& unit = *volumes_.find(volume.name)->on_shard[0];
  auto recalling = records_->recall(unit.identity().uuid);
  unit::Recalled kept = co_await recalling;
  auto ending = end_cut_short(volume.name, unit.identity().uuid, std::move(kept.rewrite));
  kept.rewrite = co_await ending;
  if (kept.reservations.lost) tell("volume.reservations_lost", {{"volume", volume.name}});
  const std::string rewrite = kept.rewrite;
  domains_[0]->recall(volume.name, unit, std::move(kept));
  if (!rewrite.empty())
    domains_[0]->resume_rewrite(volume.name, volumes_.find(volume.name)->on_shard[0], rewrite);
  co_return outcome;
}

// The new one is opened first, so that a path that is wrong changes nothing.
loop::Task<Result<void>> Engine::change_medium(Step step) {
  const std::string name = step.volume.name, place = step.place + ".store.options.path";
  scsi::Domain& home = *domains_[0];
  std::shared_ptr<block::Medium> medium;
  if (!step.medium.empty()) {
    auto opening = volumes_.open_medium(name, step.medium);
    Result<std::shared_ptr<block::Medium>> opened = co_await opening;
    if (!opened) co_return fail(opened.error().code, place, "{}", opened.error().text());
    medium = std::move(*opened);
  }
  const scsi::Domain::Tray tray = home.tray_of(name);
  if (tray.prevented && !tray.open && !rpc::medium_of(step.volume).empty()) {
    auto asking = home.request_eject(name);
    co_await asking;
    tell("volume.eject_requested", {{"volume", name}});
    co_return fail(
        ErrorCode::busy, place,
        "a host keeps the medium in drive '{}' (PREVENT ALLOW MEDIUM REMOVAL), and was asked to let go of it now: try "
        "again, or force it",
        name);
  }
  auto withdrawing = home.withdraw_medium(name);
  co_await withdrawing;
  auto changing = volumes_.change_medium(name, std::move(medium));
  co_await changing;
  auto offering = home.offer_medium(name, !step.medium.empty());
  co_await offering;
  log_info("engine", "medium changed volume={} path={}", name, step.medium);
  tell("volume.medium_changed", {{"volume", name}, {"medium", step.medium}});
  co_return Result<void>{};
}

loop::Task<void> Engine::set_group(Step step) {
  scsi::Domain::AccessGroup group = access_group(step, volumes_);
  const std::string states = text_of(group.states);
  const bool gone = group.gone;
  auto setting = domains_[0]->set_access(std::move(group));
  co_await setting;
  log_info("engine", "access group set group={} states=\"{}\"", step.group, states);
  tell("group.changed", {{"group", step.group}, {"states", gone ? "" : states}});
}

loop::Task<void> Engine::publish(std::shared_ptr<const rpc::Document> document) {
  // Nothing else changes volumes_ meanwhile: it is this change's turn.
  struct Directories {
    std::shared_ptr<const iscsi::Directory> iscsi;
    std::shared_ptr<const nvme::Directory> nvme;
  };
  auto building = loop::on_worker(loop::Loop::current(), [this, &document] {
    return Directories{
        build_directory(*document, volumes_, options_.settings, directory_.get()),
        build_nvme_directory(*document, volumes_, options_.nvme_settings, nvme_directory_.get())};
  });
  Directories before = co_await building;
  std::swap(before.iscsi, directory_);
  std::swap(before.nvme, nvme_directory_);
  std::function<void(loop::Loop&)> replace = [this](loop::Loop& loop) {
    servers_[loop.index()]->replace_directory(directory_);
    nvme_domains_[loop.index()]->replace_directory(nvme_directory_);
  };
  auto replacing = loop::on_every_shard(shards_, std::move(replace));
  co_await replacing;
  auto renaming = portals_.rename(portals_of(*document));
  co_await renaming;
  running_ = std::move(document);
  ++revision_;
  // Volumes that go are still open: nothing of theirs ends with it.
  auto freeing = loop::on_worker(loop::Loop::current(), [&before] {
    before = {};
    return true;
  });
  co_await freeing;
}

}  // namespace ashlar::engine
