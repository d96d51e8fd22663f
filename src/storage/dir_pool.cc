// Volumes as files in one folder. Snapshots and clones share blocks, where the file system can.
#include <algorithm>
#include <mutex>

#include "json/sizes.h"
#include "storage/folder_path.h"
#include "storage/pools.h"

namespace ashlar::storage {
namespace {

constexpr int name_tries = 16;
// What XFS keeps for itself when it says that it is full.
constexpr uint64_t full_bytes = 16u << 20;

/// The largest file, with the usual block of 4 KiB.
uint64_t largest_file(const std::string& file_system) {
  if (file_system == "ext4") return (16ull << 40) - 4096;  // 32 bits of block numbers in a file
  if (file_system == "f2fs") return 4ull << 40;
  if (file_system == "vfat") return (4ull << 30) - 1;
  return 1ull << 60;
}

std::string missing_abilities(const std::string& path, const FolderFacts& facts) {
  if (facts.reflink) return "";
  if (facts.read_only) return fmt::format("{} is read-only", path);
  if (facts.file_system == "xfs")
    return fmt::format(
        "{} is XFS made without reflink, which cannot share blocks between files: make it anew with "
        "mkfs.xfs -m reflink=1",
        path);
  return fmt::format("{} is {}, which cannot share blocks between files: use XFS or Btrfs", path,
                     facts.file_system);
}

/// The error of a verb about the folder, told about the field that named it.
Error about_path(Error error) {
  if (error.place != "path") error.message = fmt::format("{}: {}", error.place, error.message);
  error.place = "path";
  if (error.code == ErrorCode::not_found || error.code == ErrorCode::permission_denied)
    error.code = ErrorCode::invalid_argument;
  return error;
}

class DirPool final : public PoolDriver {
 public:
  DirPool(std::string path, FolderFacts facts, Privileged& privileged)
      : path_(std::move(path)), facts_(std::move(facts)), privileged_(privileged) {}

  PoolAbilities abilities() override {
    static_cast<void>(look());
    const FolderFacts facts = known();
    return {.thin = true,
            .thick = true,
            .snapshots = facts.reflink,
            .why_no_snapshots = missing_abilities(path_, facts),
            .resize = true};
  }

  Result<PoolUsage> usage() override {
    const Result<FolderFacts> facts = look();
    PoolUsage usage;
    if (!facts && facts.error().code == ErrorCode::closed) return std::unexpected(facts.error());
    if (!facts) {
      usage.state = "missing";
      usage.message = facts.error().text();
      return usage;
    }
    usage.size_bytes = facts->size_bytes;
    usage.available_bytes = facts->read_only ? 0 : facts->available_bytes;
    usage.used_bytes = facts->size_bytes - std::min(facts->size_bytes, facts->available_bytes);
    usage.state = "online";
    const std::string file_system = known().file_system;
    if (facts->file_system != file_system) {
      // Most often its mount is gone, and what is seen is the folder below.
      usage.state = "missing";
      usage.available_bytes = 0;
      usage.message = fmt::format("{} is {} now and was {}: mount the pool's file system again", path_,
                                  facts->file_system, file_system);
    } else if (facts->read_only) {
      usage.state = "read_only";
      usage.message =
          fmt::format("{} is read-only; after an error the kernel makes it so: see the kernel's log", path_);
    } else if (facts->available_bytes < full_bytes) {
      usage.state = "full";
      usage.message = fmt::format("{} has {} left: delete volumes or snapshots, or make it larger", path_,
                                  json::print_size_rounded(facts->available_bytes));
    }
    return usage;
  }

  Result<std::string> choose_backing(const api::Volume& volume, uint32_t random) override {
    for (int i = 0; i < name_tries; ++i, random += 0x9e3779b9) {
      std::string name = backing_name(volume, random) + std::string(volume_file_ending);
      const Result<FileFacts> there = privileged_.file_facts(path_, name);
      if (there) continue;
      if (there.error().code == ErrorCode::not_found) return name;
      return std::unexpected(there.error());
    }
    return fail(ErrorCode::exhausted, path_, "no free name was found for {} in {} tries", volume.name,
                name_tries);
  }

  Result<void> create(const api::Volume& volume) override {
    return privileged_.create_file(path_, volume.backing, volume.size_bytes, !volume.thin);
  }
  Result<void> clone(const std::string& from, const std::string& to) override {
    return privileged_.clone_file(path_, from, to);
  }
  Result<void> remove(const std::string& backing) override { return privileged_.remove_file(path_, backing); }

  Result<void> check_room(uint64_t more_bytes, bool thin) override {
    TRY_ASSIGN(const FolderFacts facts, privileged_.folder_facts(path_));
    if (more_bytes > largest_file(facts.file_system))
      return fail(ErrorCode::out_of_range, "size_bytes", "{} is more than a file on {} can have ({})",
                  json::print_size_rounded(more_bytes), facts.file_system,
                  json::print_size_rounded(largest_file(facts.file_system)));
    if (thin || more_bytes <= facts.available_bytes) return {};
    return fail(ErrorCode::no_space, path_, "{} are wanted and {} are left: {} are missing",
                json::print_size_rounded(more_bytes), json::print_size_rounded(facts.available_bytes),
                json::print_size_rounded(more_bytes - facts.available_bytes));
  }

  EngineStore engine_store(const api::Volume& volume) override {
    if (api::is_cdrom(volume)) {
      EngineStore drive{"cdrom", {}};
      if (!volume.medium.empty()) drive.options["path"] = path_ + "/" + volume.medium;
      return drive;
    }
    // The pool makes files, the engine never: when the pool's mount is away, a new file below it would be an empty disk.
    return {"file", {{"path", path_ + "/" + volume.backing}, {"create", "false"}}};
  }

  Result<FoundBacking> find(const std::string& backing) override {
    TRY_ASSIGN(const FileFacts facts, privileged_.file_facts(path_, backing));
    return FoundBacking{facts.name, facts.size_bytes, facts.allocated_bytes};
  }

  Result<std::vector<FoundBacking>> list() override {
    TRY_ASSIGN(const std::vector<FileFacts> files, privileged_.list_files(path_));
    std::vector<FoundBacking> found;
    for (const FileFacts& file : files) {
      if (check_volume_file_name(file.name))
        found.push_back({file.name, file.size_bytes, file.allocated_bytes});
    }
    return found;
  }

 private:
  FolderFacts known() const {
    const std::lock_guard lock(mutex_);
    return facts_;
  }
  // Opened while the pool's file system was not mounted, it knows the folder below: the mount that comes is the pool's own.
  Result<FolderFacts> look() {
    TRY_ASSIGN(const FolderFacts now, privileged_.folder_facts(path_));
    const std::lock_guard lock(mutex_);
    if (now.mount_root && !facts_.mount_root) facts_ = now;
    return now;
  }

  std::string path_;
  mutable std::mutex mutex_;
  FolderFacts facts_;  // when it was opened
  Privileged& privileged_;
};

}  // namespace

Result<std::unique_ptr<PoolDriver>> open_dir_pool(const api::Pool& pool, Privileged& privileged) {
  TRY(check_no_devices(pool));
  if (pool.path.empty())
    return fail(ErrorCode::invalid_argument, "path", "is missing: the folder for the volumes' files");
  if (Result<void> allowed = privileged.allow_folder(pool.path); !allowed)
    return std::unexpected(about_path(std::move(allowed).error()));
  Result<FolderFacts> facts = privileged.folder_facts(pool.path);
  if (!facts) return std::unexpected(about_path(std::move(facts).error()));
  return std::make_unique<DirPool>(pool.path, std::move(*facts), privileged);
}

}  // namespace ashlar::storage
