// The configuration's generations: config/000117.json each, and `current`, which says which one is in force.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "api/configuration.h"
#include "state/file_system.h"

namespace ashlar::state {

struct GenerationInfo {
  uint64_t number = 0;
  std::string time;    ///< RFC 3339 UTC
  std::string author;  ///< user name, "system"
  std::string comment;
  std::string hash;  ///< SHA-256 of the canonical configuration, hex
  bool operator==(const GenerationInfo&) const = default;
};

/// What the storage must do after the commit, at least once: kept in the generation, done again after a power cut.
struct Afterwork {
  /// "delete_storage"; "forget_unit" and "destroy_key", where `backing` is the UUID of a volume that is gone, or the id of its key.
  std::string kind;
  std::string pool, backing;
  bool operator==(const Afterwork&) const = default;
};
/// What was made for a generation that may not come to be, so that it can be taken back after a power cut.
struct Forework {
  std::string kind;  ///< "created_storage"
  std::string pool, backing;
  bool operator==(const Forework&) const = default;
};

struct Generation {
  GenerationInfo info;
  api::Configuration configuration;
  std::vector<Forework> before;
  std::vector<Afterwork> after;
};

struct FoundGenerations;

/// Not thread safe. Life of a change: prepare() -> storage and engine -> commit(), or abandon().
class GenerationStore {
 public:
  static constexpr size_t kept = 200;

  /// `folder` is made when missing. A damaged generation is told in damaged(), moved aside, never used. `files` outlives the
  /// store. When `current` or the generation that it names is damaged, the newest whole one is in force, and damaged() says so.
  /// io_error when there were generations and none is whole: an array must not forget all its volumes by itself. unsupported
  /// when a newer version wrote the one in force.
  static Result<GenerationStore> open(FileSystem& files, std::string folder);

  /// The one in force; number 0 and an empty configuration when there was none.
  const Generation& current() const { return current_; }
  /// A prepared generation that was never committed: a change was cut short, or is under way. The caller takes its `before` back,
  /// then abandon()s it.
  const std::optional<Generation>& unfinished() const { return unfinished_; }
  /// Writes and fsyncs number current+1; `info.number` and `info.hash` are set here. Afterwork that is not done yet is carried
  /// over into it. An error leaves everything as it was (no_space, io_error: refuse changes, alarm); after a power cut it may
  /// still be found as unfinished(). busy while there is an unfinished one.
  Result<GenerationInfo> prepare(Generation next);
  /// Makes the prepared one current: one atomic rename. Afterwards it is in force whatever happens.
  /// After an error the old one is in force, and the prepared one still unfinished(). If the rename was done and only its sync
  /// failed, the old `current` is written back; if that fails too, settled() is false.
  Result<void> commit();
  Result<void> abandon();
  /// False: which of the two a power cut would leave in force is not known. Take nothing back then; settle() first, or restart.
  bool settled() const { return settled_; }
  /// Makes what current() says so on the disk. prepare(), commit() and abandon() begin with it.
  Result<void> settle();
  /// `after` of the current generation is done: do not do it again.
  Result<void> afterwork_done();
  /// Empty while not settled(): nothing may be deleted for a generation that a power cut could take back.
  const std::vector<Afterwork>& afterwork() const;

  /// Those that were in force, newest first; without the unfinished one.
  Result<std::vector<GenerationInfo>> list() const;
  /// One of list(). not_found; io_error when its hash is wrong; unsupported when a newer version wrote it.
  Result<Generation> read(uint64_t number) const;
  /// What open() found wrong, a sentence each. Raise an alarm for it.
  const std::vector<std::string>& damaged() const { return damaged_; }

 private:
  GenerationStore(FileSystem& files, std::string folder) : files_(&files), folder_(std::move(folder)) {}
  std::string path_of(std::string_view name) const { return fmt::format("{}/{}", folder_, name); }
  Result<void> choose(FoundGenerations& found);
  Result<uint64_t> fall_back(const FoundGenerations& found, uint64_t below, std::string_view why);
  Result<void> put_in_force(FoundGenerations& found, uint64_t number);
  Result<Generation> load(uint64_t number) const;
  Result<void> go_back(const Error& cause);
  void adopt();
  void trim();
  Result<void> write_done_mark();
  std::string mark_text() const;

  FileSystem* files_;
  std::string folder_;
  Generation current_;
  std::string current_checksum_;
  std::optional<Generation> unfinished_;
  std::string unfinished_checksum_;
  std::vector<Afterwork> afterwork_;
  std::map<uint64_t, GenerationInfo> kept_;
  std::vector<std::string> damaged_;
  uint64_t instead_of_ = 0;  ///< see CurrentMark
  bool settled_ = true;
  bool drop_afterwork_ =
      false;  ///< of a generation that was perhaps never committed: not to be done, still to be written down
};

}  // namespace ashlar::state
