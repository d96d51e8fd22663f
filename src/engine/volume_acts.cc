// What is done to one volume while it is served, beside the document: resize it, tell it of its pool, end its reservations, forget it.
#include <algorithm>

#include "base/log.h"
#include "engine/engine.h"
#include "json/sizes.h"
#include "loop/on_worker.h"
#include "scsi/forgotten_unit.h"

namespace ashlar::engine {

loop::Task<Result<void>> Engine::resize_volume(std::string name, uint64_t size_bytes) {
  auto resizing = volumes_.resize(name, size_bytes);
  const Result<void> outcome = co_await resizing;
  if (!outcome) co_return outcome;
  domains_[0]->raise_everywhere(name, unit::Attention::capacity_changed, nullptr);
  tell("volume.resized", {{"volume", name}, {"size_bytes", std::to_string(size_bytes)}});
  co_return outcome;
}

loop::Task<Result<rpc::VolumeStatus>> Engine::resize(std::string name, uint64_t size_bytes, bool shrink) {
  auto entering = turnstile_.enter();
  const Result<void> entered = co_await entering;
  CO_TRY(entered);
  const Turnstile::Pass pass(turnstile_);
  if (state_ != State::serving) co_return stopped();
  if (find_volume(*running_, name) == nullptr)
    co_return fail(ErrorCode::not_found, name, "there is no volume of that name");
  if (rpc::is_cdrom(*find_volume(*running_, name)))
    co_return fail(ErrorCode::unsupported, "size", "a CD-ROM drive is as large as the medium in it");
  auto desired = std::make_shared<rpc::Document>();
  auto checking =
      loop::on_worker(loop::Loop::current(), [this, &desired, &name, size_bytes]() -> Result<void> {
        *desired = *running_;
        std::ranges::find(desired->volumes, name, &rpc::VolumeDocument::name)->size_bytes = size_bytes;
        if (size_bytes == 0) return fail(ErrorCode::invalid_argument, "size", "must be more than 0");
        return rpc::check_document(*desired);
      });
  Result<void> checked = co_await checking;
  if (!checked) {
    checked.error().place = "size";
    co_return std::unexpected(std::move(checked).error());
  }
  const uint64_t now = volumes_.find(name)->shared->size_bytes.load(std::memory_order_relaxed);
  if (size_bytes < now && !shrink) {
    co_return fail(
        ErrorCode::already_exists, "size",
        "{} is less than the {} it has: what lies past the new end would be lost; say so (shrink) if meant",
        json::print_size(size_bytes), json::print_size(now));
  }
  if (size_bytes != now) {
    auto resizing = resize_volume(name, size_bytes);
    const Result<void> outcome = co_await resizing;
    CO_TRY(outcome);
  }
  // 0 is all of the device, whatever that has now.
  if (find_volume(*running_, name)->size_bytes != 0) running_ = std::move(desired);
  ++revision_;
  co_return volume_status(*find_volume(*running_, name), Registrations::each,
                          has_failed(*volumes_.find(name)->shared->store));
}

void Engine::take_pool_level(const rpc::PoolLevelParams& level) {
  if (state_ != State::serving) return;
  for (const rpc::PoolVolume& each : level.volumes) {
    const unit::OpenUnit* unit = volumes_.find(each.name);
    if (unit == nullptr) continue;
    unit::PoolFigures figures{.size_bytes = level.size_bytes,
                              .available_bytes = level.available_bytes,
                              .used_bytes = each.used_bytes.value_or(0),
                              .used_known = each.used_bytes.has_value(),
                              .threshold_bytes = level.threshold_bytes};
    if (domains_[0]->take_pool_level(each.name, *unit->on_shard[0], figures)) {
      tell("volume.threshold",
           {{"volume", each.name}, {"available_bytes", std::to_string(level.available_bytes)}});
    }
  }
}

loop::Task<Result<void>> Engine::forget(std::string uuid) {
  CO_TRY_ASSIGN(const Uuid unit, parse_uuid(uuid, "uuid"));
  auto entering = turnstile_.enter();
  const Result<void> entered = co_await entering;
  CO_TRY(entered);
  const Turnstile::Pass pass(turnstile_);
  if (state_ != State::serving) co_return stopped();
  for (const auto& [name, open] : volumes_.all()) {
    if (open.on_shard[0]->identity().uuid == unit)
      co_return fail(ErrorCode::busy, "uuid", "volume '{}' has it, and is served", name);
  }
  scsi::forget_unit(*domains_[0], unit);
  if (records_ == nullptr) co_return Result<void>{};
  auto forgetting = records_->forget(unit);
  co_return co_await forgetting;
}

loop::Task<Result<void>> Engine::clear_reservations(std::string volume) {
  auto entering = turnstile_.enter();
  const Result<void> entered = co_await entering;
  CO_TRY(entered);
  const Turnstile::Pass pass(turnstile_);
  if (state_ != State::serving) co_return stopped();
  if (find_volume(*running_, volume) == nullptr)
    co_return fail(ErrorCode::not_found, volume, "there is no volume of that name");
  auto clearing = domains_[0]->clear_reservations(volume);
  if (co_await clearing != unit::ReservationStatus::good)
    co_return fail(ErrorCode::io_error, volume,
                   "the change cannot be written to the state folder: see the log");
  log_warning("engine", "reservations of volume {} were cleared by the administrator", volume);
  tell("volume.reservations_cleared", {{"volume", volume}});
  co_return Result<void>{};
}

loop::Task<Result<void>> Engine::allow_removal(std::string volume) {
  auto entering = turnstile_.enter();
  const Result<void> entered = co_await entering;
  CO_TRY(entered);
  const Turnstile::Pass pass(turnstile_);
  if (state_ != State::serving) co_return stopped();
  const rpc::VolumeDocument* found = find_volume(*running_, volume);
  if (found == nullptr) co_return fail(ErrorCode::not_found, volume, "there is no volume of that name");
  if (!rpc::is_cdrom(*found))
    co_return fail(ErrorCode::unsupported, volume,
                   "is a disk: only the medium of a CD-ROM drive is taken out");
  auto allowing = domains_[0]->allow_removal(volume);
  co_await allowing;
  log_warning("engine", "removal of the medium of {} is allowed by the administrator", volume);
  co_return Result<void>{};
}

loop::Task<Result<void>> Engine::destroy_key(std::string id) {
  CO_TRY_ASSIGN(const Uuid key, parse_uuid(id, "id"));
  auto entering = turnstile_.enter();
  const Result<void> entered = co_await entering;
  CO_TRY(entered);
  const Turnstile::Pass pass(turnstile_);
  if (state_ != State::serving) co_return stopped();
  for (const rpc::VolumeDocument& each : running_->volumes) {
    if (each.encrypted && key_id_of(each) == key)
      co_return fail(ErrorCode::busy, "id", "is the key of volume '{}'", each.name);
  }
  if (keys_ == nullptr) co_return Result<void>{};
  auto destroying = keys_->destroy(key);
  const Result<void> destroyed = co_await destroying;
  CO_TRY(destroyed);
  tell("key.destroyed", {{"id", uuid_text(key)}});
  co_return Result<void>{};
}

}  // namespace ashlar::engine
