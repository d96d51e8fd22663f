#include "engine/volumes.h"

#include <algorithm>
#include <bit>

#include "base/log.h"

namespace ashlar::engine {
namespace {

constexpr loop::Nanoseconds longest_wait_for_owners = loop::seconds(5);

// The document was checked and its identity completed: parsing cannot fail.
unit::Identity identity_of(const rpc::VolumeDocument& volume) {
  const rpc::IdentityDocument& given = *volume.identity;
  unit::Identity identity;
  identity.name = volume.name;
  const Result<NaaName> naa = NaaName::parse(given.naa, "");
  const bool known = naa && parse_hex(given.eui64, identity.eui64, "").has_value();
  const Result<Uuid> uuid = parse_uuid(given.uuid, "");
  CHECK(known && uuid, "volume {} with an incomplete identity", volume.name);
  identity.naa = *naa;
  identity.uuid = *uuid;
  identity.serial = given.serial;
  identity.vendor = given.vendor;
  identity.product = given.product;
  identity.revision = given.revision;
  return identity;
}

unit::Geometry geometry_of(const rpc::VolumeDocument& volume) {
  unit::Geometry geometry;
  geometry.size_bytes = volume.size_bytes;
  geometry.block_bytes = volume.block_bytes;
  geometry.physical_block_exponent =
      static_cast<uint8_t>(std::countr_zero(volume.physical_block_bytes / volume.block_bytes));
  geometry.thin = volume.thin && volume.store.kind != "scsi";
  geometry.read_only = volume.read_only;
  geometry.write_cache = volume.write_cache;
  geometry.removable = volume.removable;
  if (rpc::is_cdrom(volume)) {
    geometry.kind = unit::DeviceKind::cdrom;
    geometry.removable = geometry.read_only = true;
    geometry.thin = false;
  }
  return geometry;
}

block::StoreSpec spec_of(const rpc::StoreDocument& store) {
  block::StoreSpec spec;
  spec.kind = store.kind;
  spec.options = store.options;
  return spec;
}

block::StackSpec stack_of(const rpc::VolumeDocument& volume) {
  block::StackSpec stack;
  stack.name = volume.name;
  stack.store = spec_of(volume.store);
  stack.store.size_bytes = volume.size_bytes;
  stack.store.block_bytes = volume.block_bytes;
  stack.store.thin = volume.thin;
  stack.store.read_only = volume.read_only;
  for (const rpc::StoreDocument& layer : volume.layers) stack.layers.push_back(spec_of(layer));
  return stack;
}

}  // namespace

Volumes::~Volumes() { CHECK(open_.empty(), "{} volumes were left open", open_.size()); }

const unit::OpenUnit* Volumes::find(const std::string& name) const {
  const auto found = open_.find(name);
  return found == open_.end() ? nullptr : &found->second;
}

loop::Task<Result<void>> Volumes::open(rpc::VolumeDocument volume, std::string place) {
  CHECK(!open_.contains(volume.name), "volume {} opened twice", volume.name);
  block::StackSpec stack = stack_of(volume);
  if (volume.encrypted) {
    if (keys_ == nullptr)
      co_return fail(ErrorCode::unsupported, place + ".encrypted",
                     "needs a state folder (--state-dir) for the key of volume '{}'", volume.name);
  }
  stack.wrap = [this, &volume](std::shared_ptr<block::Store> below) {
    return wrap(volume, std::move(below));
  };
  auto opening = block::open_stack(registry_, std::move(stack), std::move(place));
  Result<std::shared_ptr<block::Store>> store = co_await opening;
  if (!store) {
    forget(volume.name);
    co_return std::unexpected(std::move(store).error());
  }
  auto making = unit::open_unit(identity_of(volume), geometry_of(volume), std::move(*store));
  Result<unit::OpenUnit> opened = co_await making;
  if (!opened) {
    forget(volume.name);
    co_return std::unexpected(std::move(opened).error());
  }
  log_info("engine", "volume opened name={} size_bytes={} store={}{}", volume.name,
           opened->shared->size_bytes.load(), volume.store.kind, volume.encrypted ? " encrypted" : "");
  open_.emplace(volume.name, std::move(*opened));
  co_return Result<void>{};
}

// Layers hide what a store is beside a store, so it is noted here.
loop::Task<Result<std::shared_ptr<block::Store>>> Volumes::wrap(rpc::VolumeDocument volume,
                                                                std::shared_ptr<block::Store> below) {
  if (const auto remote = initiator::remote_unit_of(below)) remotes_[volume.name] = remote;
  if (!volume.encrypted) co_return below;
  auto encrypting = encrypt(std::move(volume), std::move(below));
  co_return co_await encrypting;
}

loop::Task<Result<std::shared_ptr<block::Store>>> Volumes::encrypt(rpc::VolumeDocument volume,
                                                                   std::shared_ptr<block::Store> below) {
  const std::string name = volume.name;
  auto encrypting = encrypt_store(*keys_, std::move(volume), std::move(below));
  Result<EncryptedVolume> encrypted = co_await encrypting;
  CO_TRY(encrypted);
  encryptions_[name] = {encrypted->store, std::move(encrypted->failure)};
  co_return std::shared_ptr<block::Store>(std::move(encrypted->store));
}

Result<void> Volumes::share_key(const std::string& name, bool shared) {
  const auto found = encryptions_.find(name);
  CHECK(found != encryptions_.end(), "volume {} is not open, or not encrypted", name);
  const auto store = found->second.store.lock();
  CHECK(store != nullptr, "volume {} is open, and its store is gone", name);
  return store->allow_erase(!shared);
}

std::string Volumes::key_failure(const std::string& name) const {
  const auto found = encryptions_.find(name);
  return found == encryptions_.end() ? "" : found->second.failure;
}

Result<void> Volumes::set_credentials(const std::string& name,
                                      const std::map<std::string, std::string>& options) {
  const auto found = remotes_.find(name);
  const auto remote = found == remotes_.end() ? nullptr : found->second.lock();
  if (remote == nullptr)
    return fail(ErrorCode::unsupported, "store", "volume {} proves itself to nobody", name);
  return remote->set_credentials(options);
}

std::shared_ptr<const initiator::RemoteUnit> Volumes::remote_unit(const std::string& name) const {
  const auto found = remotes_.find(name);
  return found == remotes_.end() ? nullptr : found->second.lock();
}

void Volumes::forget(const std::string& name) {
  encryptions_.erase(name);
  remotes_.erase(name);
}

loop::Task<void> Volumes::close(std::string name) {
  const auto found = open_.find(name);
  CHECK(found != open_.end(), "volume {} is not open", name);
  unit::OpenUnit unit = std::move(found->second);
  open_.erase(found);
  forget(name);
  const std::weak_ptr<unit::UnitShared> owners = unit.shared;
  {
    auto closing = unit::close_unit(std::move(unit));  // its frame owns the unit until it goes
    co_await closing;
  }
  // Sessions hold what they saw until they notice that it is gone.
  const loop::Instant deadline = loop::Loop::current().now() + longest_wait_for_owners;
  while (!owners.expired() && loop::Loop::current().now() < deadline)
    co_await loop::sleep_for(loop::milliseconds(1));
  if (!owners.expired())
    log_warning("engine", "volume {} is closed, but something still holds its store", name);
  log_info("engine", "volume closed name={}", name);
}

loop::Task<Result<void>> Volumes::resize(std::string name, uint64_t bytes) {
  const auto found = open_.find(name);
  CHECK(found != open_.end(), "volume {} is not open", name);
  resizing_ = name;
  auto changing = unit::resize_unit(found->second, bytes);
  Result<void> outcome = co_await changing;
  resizing_.clear();
  if (outcome) log_info("engine", "volume resized name={} size_bytes={}", name, bytes);
  co_return outcome;
}

loop::Task<Result<std::shared_ptr<block::Medium>>> Volumes::open_medium(std::string name, std::string path) {
  const auto found = open_.find(name);
  CHECK(found != open_.end(), "volume {} is not open", name);
  auto opening = unit::open_medium(found->second, std::move(path));
  co_return co_await opening;
}

loop::Task<void> Volumes::change_medium(std::string name, std::shared_ptr<block::Medium> medium) {
  const auto found = open_.find(name);
  CHECK(found != open_.end(), "volume {} is not open", name);
  auto changing = unit::change_medium(found->second, std::move(medium));
  co_await changing;
}

}  // namespace ashlar::engine
