// What a folder of generations holds, looked at file by file on the start.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "state/file_system.h"
#include "state/generation_text.h"

namespace ashlar::state {

struct FoundGenerations {
  std::map<uint64_t, GenerationHead> whole;
  std::map<uint64_t, std::string> done;  ///< checksums of the generations whose afterwork is done
  std::optional<CurrentMark> mark;       ///< absent: missing or damaged
  bool any = false;                      ///< there are, or were, generations here
  std::vector<std::string> damaged;      ///< sentences
};

constexpr std::string_view current_name = "current";
/// "000117.json", "000117.done".
std::string generation_name(uint64_t number);
std::string done_name(uint64_t number);

/// Reads and checks all files, moves damaged ones aside to NAME.damaged and sweeps up what a power cut left half-written.
/// An error when a file cannot be read for a reason that may pass: going on without it could bring an old configuration back.
Result<FoundGenerations> find_generations(FileSystem& files, const std::string& folder);

}  // namespace ashlar::state
