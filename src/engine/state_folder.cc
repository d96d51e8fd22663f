#include "engine/state_folder.h"

#include <filesystem>
#include <vector>

#include "engine/unit_records.h"
#include "engine/volume_keys.h"

namespace ashlar::engine {

Result<void> make_state_folder(const std::string& folder) {
  std::vector<std::string> all = {folder, fmt::format("{}/{}", folder, VolumeKeys::folder)};
  for (const char* each : UnitRecords::folders) all.push_back(fmt::format("{}/{}", folder, each));
  for (const std::string& each : all) {
    std::error_code problem;
    std::filesystem::create_directories(each, problem);
    if (problem) return fail(ErrorCode::io_error, each, "cannot be made: {}", problem.message());
  }
  return {};
}

}  // namespace ashlar::engine
