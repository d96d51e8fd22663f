// The configuration's generations: config/000117.json each, and `current`, which says which one is in force.
#pragma once

#include <cstdint>
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
  std::string kind;  ///< "delete_storage"
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

/// Not thread safe. Life of a change: prepare() -> storage and engine -> commit(), or abandon().
class GenerationStore {
 public:
  static constexpr size_t kept = 200;

  /// `folder` is made when missing. A damaged generation is told in damaged(), moved aside, never used.
  static Result<GenerationStore> open(FileSystem& files, std::string folder);

  /// The one in force; number 0 and an empty configuration when there was none.
  const Generation& current() const;
  /// A prepared generation that was never committed: a change was cut short. The caller takes its `before` back, then
  /// abandon()s it.
  const std::optional<Generation>& unfinished() const;
  /// Writes and fsyncs number current+1. An error leaves everything as it was (no_space, io_error: refuse changes, alarm).
  Result<GenerationInfo> prepare(Generation next);
  /// Makes the prepared one current: one atomic rename. Afterwards it is in force whatever happens.
  Result<void> commit();
  Result<void> abandon();
  /// `after` of the current generation is done: do not do it again.
  Result<void> afterwork_done();
  const std::vector<Afterwork>& afterwork() const;

  /// Newest first.
  Result<std::vector<GenerationInfo>> list() const;
  /// not_found; io_error when its hash is wrong.
  Result<Generation> read(uint64_t number) const;
  const std::vector<std::string>& damaged() const;
};

}  // namespace ashlar::state
