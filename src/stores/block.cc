// The block store: a volume on a whole block device.
#include "stores/file_channel.h"
#include "stores/stores.h"

namespace ashlar::stores {

loop::Task<OpenedStore> open_block(block::StoreSpec spec) {
  const std::string path = spec.options.at("path");
  if (path.empty()) co_return fail(ErrorCode::invalid_argument, "path", "is empty");
  loop::OpenOptions options;
  options.writable = !spec.read_only;
  options.block_bytes = spec.block_bytes;
  options.exclusive = !spec.read_only;
  auto opening = loop::Loop::current().open(path, options);
  auto opened = co_await opening;
  CO_TRY_ASSIGN(std::unique_ptr<loop::File> file, std::move(opened));
  const loop::File::Traits& traits = file->traits();
  if (!traits.block_device)
    co_return fail(ErrorCode::invalid_argument, path, "is not a block device: use kind file");
  if (traits.logical_block_bytes > spec.block_bytes) {
    co_return fail(ErrorCode::invalid_argument, path,
                   "the device has blocks of {} bytes: give the volume block_bytes {}, not {}",
                   traits.logical_block_bytes, traits.logical_block_bytes, spec.block_bytes);
  }
  const uint64_t there = file->size() / spec.block_bytes * spec.block_bytes;
  // Smaller is fine: volume managers round up.
  if (spec.size_bytes > there || there == 0) {
    co_return fail(
        ErrorCode::out_of_range, path,
        "the device holds {} bytes, the volume is to have {}: grow the device or shrink the volume", there,
        spec.size_bytes);
  }
  if (spec.size_bytes == 0) spec.size_bytes = there;
  co_return make_file_store(share_file(std::move(file), spec, "stores.block"), false);
}

}  // namespace ashlar::stores
