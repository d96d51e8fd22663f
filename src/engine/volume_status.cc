// What the engine tells about one volume: its state, its reservations, the device or the medium behind it.
#include <algorithm>
#include <map>

#include "engine/engine.h"

namespace ashlar::engine {
namespace {

std::string words_of(unit::ReservationType type) {
  using Type = unit::ReservationType;
  switch (type) {
    case Type::none: break;
    case Type::write_exclusive: return "write exclusive";
    case Type::exclusive_access: return "exclusive access";
    case Type::write_exclusive_registrants_only: return "write exclusive, registrants only";
    case Type::exclusive_access_registrants_only: return "exclusive access, registrants only";
    case Type::write_exclusive_all_registrants: return "write exclusive, all registrants";
    case Type::exclusive_access_all_registrants: return "exclusive access, all registrants";
  }
  return "none";
}

std::optional<rpc::ReservationStatus> told(const std::shared_ptr<const unit::Reservations>& reservations,
                                           Registrations registrations) {
  if (reservations == nullptr) return {};
  rpc::ReservationStatus status;
  status.type = reservations->unit_holder ? "whole unit" : words_of(reservations->type);
  status.holder = reservations->unit_holder ? reservations->unit_holder->initiator_port
                                            : reservations->holder.initiator_port;
  status.persists = reservations->persist;
  status.lost = reservations->lost;
  status.generation = reservations->generation;
  status.registered = static_cast<uint32_t>(reservations->registrations.size());
  const bool anything = status.lost || status.type != "none" || status.registered > 0;
  if (registrations == Registrations::count)
    return anything ? std::optional(std::move(status)) : std::nullopt;
  for (const unit::Registration& each : reservations->registrations) {
    status.registrations.push_back({each.nexus.initiator_port, each.nexus.target_port,
                                    fmt::format("0x{:016x}", each.key), reservations->holds(each.nexus)});
  }
  return anything ? std::optional(std::move(status)) : std::nullopt;
}

// SPC-4 table 139.
std::string words_of_device(uint8_t type) {
  static constexpr std::pair<uint8_t, std::string_view> words[] = {
      {0x00, "disk"},          {0x01, "tape"},      {0x02, "printer"}, {0x03, "processor"},
      {0x04, "worm"},          {0x05, "cd/dvd"},    {0x07, "optical"}, {0x08, "changer"},
      {0x0c, "storage array"}, {0x0d, "enclosure"}, {0x0e, "disk"},    {0x14, "zoned disk"}};
  for (const auto& [number, word] : words) {
    if (number == type) return std::string(word);
  }
  return fmt::format("type {:02X}h", type);
}

rpc::RemoteStatus told(const initiator::RemoteUnit& unit) {
  rpc::RemoteStatus remote{.size_bytes = unit.remote_size_bytes(), .paths = {}};
  for (const initiator::RemotePath& path : unit.remote_paths())
    remote.paths.push_back({path.url, path.state, path.authentication, path.last_error, path.shards,
                            path.commands, path.reconnects, path.losses, path.refused});
  return remote;
}

std::optional<rpc::DeviceStatus> told(block::Passthrough* device) {
  if (device == nullptr) return {};
  const loop::ScsiDevice::Traits& traits = device->traits();
  return rpc::DeviceStatus{words_of_device(traits.device_type), traits.vendor, traits.product,
                           traits.revision, traits.max_transfer_bytes};
}

}  // namespace

bool has_failed(const block::Store& store) {
  std::map<std::string, uint64_t> counters;
  store.collect(counters);
  return std::ranges::any_of(counters, [](const auto& counter) {
    return counter.first.ends_with(".failed") && counter.second != 0;
  });
}

rpc::MediumStatus Engine::medium_status(const rpc::VolumeDocument& volume) const {
  rpc::MediumStatus status;
  status.path = rpc::medium_of(volume);
  const scsi::Domain::Tray tray = domains_[0] ? domains_[0]->tray_of(volume.name) : scsi::Domain::Tray{};
  status.state = tray.open ? "open" : status.path.empty() ? "empty" : "loaded";
  status.prevented = tray.prevented;
  return status;
}

rpc::VolumeStatus Engine::volume_status(const rpc::VolumeDocument& volume, Registrations registrations,
                                        bool failed) const {
  rpc::VolumeStatus status;
  status.name = volume.name;
  status.block_bytes = volume.block_bytes;
  status.physical_block_bytes = volume.physical_block_bytes;
  status.thin = volume.thin;
  status.read_only = volume.read_only;
  status.write_cache = volume.write_cache;
  status.removable = volume.removable;
  status.encrypted = volume.encrypted;
  status.message = volumes_.key_failure(volume.name);
  status.size_bytes = volume.size_bytes;
  if (volume.identity) status.identity = *volume.identity;
  status.store = volume.store;
  if (rpc::is_cdrom(volume)) status.medium = medium_status(volume);
  status.state = "closing";
  const unit::OpenUnit* unit = volumes_.find(volume.name);
  if (unit == nullptr) return status;
  // As it is, not as it was asked for: a host may have switched the cache, a medium may be read only.
  const unit::Geometry geometry = unit->on_shard[0]->geometry();
  status.size_bytes = geometry.size_bytes;
  status.read_only = geometry.read_only;
  status.write_cache = geometry.write_cache;
  status.device = told(unit->on_shard[0]->passthrough());
  if (const auto remote = volumes_.remote_unit(volume.name)) status.remote = told(*remote);
  // While the engine stops, volumes close after the domains are gone.
  if (domains_[0]) status.reservations = told(domains_[0]->reservations_of(volume.name), registrations);
  status.state = failed ? "failed" : volumes_.resizing(volume.name) ? "resizing" : "online";
  return status;
}

}  // namespace ashlar::engine
