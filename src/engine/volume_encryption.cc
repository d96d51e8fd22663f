#include "engine/volume_encryption.h"

#include <algorithm>
#include <vector>

#include "base/log.h"

namespace ashlar::engine {
namespace {

using block::Operation;
using block::Status;

// What a store that cannot tell its extents is judged by: an encrypted volume in use has something at its ends.
constexpr uint64_t looked_at_bytes = 1u << 20;

/// A request that a story waits for.
class Awaited {
 public:
  Awaited() {
    request.owner = this;
    request.done = [](block::Request& done) { static_cast<Awaited*>(done.owner)->over.set(); };
  }
  void submit(block::BlockDevice& device) {
    request.begin();
    device.submit(request);
  }
  block::Request request;
  loop::Event over;
};

loop::Task<bool> no_extents(block::BlockDevice& device) {
  const uint64_t size = device.limits().size_bytes;
  for (uint64_t at = 0; at < size;) {
    Awaited awaited;
    awaited.request.operation = Operation::find_extent;
    awaited.request.offset = at;
    awaited.submit(device);
    co_await awaited.over;
    const bool told = awaited.request.status == Status::ok && awaited.request.extent_length > 0;
    if (!told || awaited.request.extent_allocated) co_return false;
    at += awaited.request.extent_length;
  }
  co_return true;
}

loop::Task<bool> reads_zeroes(block::BlockDevice& device, uint64_t offset, uint64_t bytes) {
  std::vector<uint8_t> data(bytes);
  const iovec part{data.data(), data.size()};
  Awaited awaited;
  awaited.request.operation = Operation::read;
  awaited.request.offset = offset;
  awaited.request.length = bytes;
  awaited.request.parts = {&part, 1};
  awaited.submit(device);
  co_await awaited.over;
  co_return awaited.request.status ==
      Status::ok&& std::ranges::all_of(data, [](uint8_t byte) { return byte == 0; });
}

loop::Task<bool> ends_are_zeroes(block::BlockDevice& device) {
  const block::Limits limits = device.limits();
  const uint64_t bytes = std::min<uint64_t>({looked_at_bytes, limits.size_bytes, limits.max_transfer_bytes});
  if (bytes == 0) co_return true;
  auto first = reads_zeroes(device, 0, bytes);
  if (!co_await first) co_return false;
  auto last = reads_zeroes(device, limits.size_bytes - bytes, bytes);
  co_return co_await last;
}

loop::Task<bool> was_never_written(std::shared_ptr<block::Store> store) {
  const std::unique_ptr<block::BlockDevice> device = store->open_channel(loop::Loop::current());
  auto looking = store->limits().find_extent ? no_extents(*device) : ends_are_zeroes(*device);
  const bool blank = co_await looking;
  device->close();
  co_return blank;
}

}  // namespace

Uuid key_id_of(const rpc::VolumeDocument& volume) {
  const std::string& text = volume.key_id.empty() ? volume.identity->uuid : volume.key_id;
  const Result<Uuid> id = parse_uuid(text, "key_id");
  CHECK(id, "volume {} with a key id that nobody checked", volume.name);
  return *id;
}

loop::Task<Result<EncryptedVolume>> encrypt_store(VolumeKeys& keys, rpc::VolumeDocument volume,
                                                  std::shared_ptr<block::Store> below) {
  const Uuid id = key_id_of(volume);
  auto finding = keys.find(id);
  Result<std::optional<layers::DataKey>> key = co_await finding;
  EncryptedVolume encrypted;
  if (!key) encrypted.failure = fmt::format("its key cannot be used: {}", key.error().text());
  if (key && !*key) {
    auto looking = was_never_written(below);
    if (co_await looking) {
      auto drawing = keys.renew(id);
      const Result<layers::DataKey> drawn = co_await drawing;
      CO_TRY(drawn);
      key = std::optional<layers::DataKey>(*drawn);
    } else {
      encrypted.failure = fmt::format(
          "its key {} is not in the state folder, and it holds data: bring the key back from a backup of "
          "the folder, then start the engine anew",
          uuid_text(id));
    }
  }
  if (!encrypted.failure.empty())
    log_error("engine", "encrypted volume {} fails: {}", volume.name, encrypted.failure);
  layers::EncryptedStore::Renew renew = [&keys, id] { return keys.renew(id); };
  encrypted.store = std::make_shared<layers::EncryptedStore>(std::move(below), key ? *key : std::nullopt,
                                                             std::move(renew), volume.name);
  CO_TRY(encrypted.store->allow_erase(!volume.key_shared));
  co_return encrypted;
}

}  // namespace ashlar::engine
