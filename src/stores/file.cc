// The file store: a volume in a regular file, thin (sparse) or thick (space reserved).
#include "stores/file_channel.h"
#include "stores/stores.h"

namespace ashlar::stores {
namespace {

// The document and the file must agree: a volume that silently changed its size has lost its end, or never had it.
Result<void> check_size(const loop::File& file, const block::StoreSpec& spec, const std::string& path) {
  const uint64_t there = file.size();
  if (there == 0 && spec.size_bytes == 0) {
    return fail(ErrorCode::invalid_argument, path, "the file is new or empty: give the volume a size");
  }
  if (there == 0 && (spec.read_only || !spec.create)) {
    return fail(ErrorCode::invalid_argument, path, "the file is empty and may not be made larger ({})",
                spec.read_only ? "read_only" : "create is off");
  }
  if (there != 0 && spec.size_bytes != 0 && there != spec.size_bytes) {
    return fail(
        ErrorCode::invalid_argument, path,
        "the file has {} bytes, the volume is to have {}: give the volume size {} (then resize it), or move the file away",
        there, spec.size_bytes, there);
  }
  if (there % spec.block_bytes != 0) {
    return fail(ErrorCode::invalid_argument, path,
                "the file has {} bytes, not a multiple of the block size {}", there, spec.block_bytes);
  }
  return {};
}

Result<void> check_kind(const loop::File::Traits& traits, const block::StoreSpec& spec,
                        const std::string& path) {
  if (traits.block_device)
    return fail(ErrorCode::invalid_argument, path, "is a block device: use kind block");
  if (traits.offset_alignment > spec.block_bytes) {
    return fail(ErrorCode::unsupported, path,
                "its file system asks for blocks of {} bytes, the volume has {}", traits.offset_alignment,
                spec.block_bytes);
  }
  return {};
}

}  // namespace

loop::Task<OpenedStore> open_file(block::StoreSpec spec) {
  const std::string path = spec.options.at("path");
  if (path.empty()) co_return fail(ErrorCode::invalid_argument, "path", "is empty");
  if (const auto create = spec.options.find("create"); create != spec.options.end()) {
    if (create->second != "true" && create->second != "false")
      co_return fail(ErrorCode::invalid_argument, "create", "'{}' is neither true nor false", create->second);
    spec.create = create->second == "true";
  }
  loop::OpenOptions options;
  options.writable = !spec.read_only;
  options.create = spec.create && !spec.read_only;
  options.block_bytes = spec.block_bytes;
  options.exclusive = !spec.read_only;
  auto opening = loop::Loop::current().open(path, options);
  auto opened = co_await opening;
  CO_TRY_ASSIGN(std::unique_ptr<loop::File> file, std::move(opened));
  CO_TRY(check_kind(file->traits(), spec, path));
  CO_TRY(check_size(*file, spec, path));
  const bool is_new = file->size() == 0;
  if (!is_new) spec.size_bytes = file->size();
  // A thick file of the right size may still have holes: a start that was cut off, or a volume that used to be thin.
  if (is_new || (!spec.thin && !spec.read_only)) {
    auto resizing = file->resize(spec.size_bytes, !spec.thin);
    Result<void> resized = co_await resizing;
    if (!resized && is_new) {
      auto undoing = file->resize(0, false);
      co_await undoing;  // best effort: the error to tell is the first
    }
    CO_TRY(std::move(resized));
  }
  co_return make_file_store(share_file(std::move(file), spec, "stores.file"), true);
}

}  // namespace ashlar::stores
