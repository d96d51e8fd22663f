// A generation as the text of its file, and the text of `current`. Every byte is under a checksum, so that damage is told from
// what a newer version wrote.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "state/generations.h"

namespace ashlar::state {

/// All but the configuration; it stands before it in the file, so that listing 200 files parses little.
struct GenerationHead {
  GenerationInfo info;
  std::vector<Forework> before;
  std::vector<Afterwork> after;
  std::string checksum;  ///< SHA-256 of the file after its first line but one
  bool operator==(const GenerationHead&) const = default;
};

/// Pretty JSON. `generation.info.hash` is set by it. out_of_range when it would be too long to be read again.
Result<std::string> print_generation(Generation& generation);

/// io_error: damaged. unsupported: whole, but a newer version wrote it. `place` is the file's name.
Result<GenerationHead> parse_generation_head(std::string_view text, const std::string& place);
Result<Generation> parse_generation(std::string_view text, const std::string& place);

/// What `current` says: number 0 when no generation is in force.
struct CurrentMark {
  uint64_t number = 0;
  std::string hash;
  uint64_t instead_of =
      0;  ///< the damaged one that `number` stands in for: generations after it were never in force
  bool operator==(const CurrentMark&) const = default;
};
std::string print_mark(const CurrentMark& mark);
Result<CurrentMark> parse_mark(std::string_view text, const std::string& place);

}  // namespace ashlar::state
