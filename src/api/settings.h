// The settings there are: name, type, default, bounds and a sentence of each. Anything else is refused.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "api/configuration.h"

namespace ashlar::api {

enum class SettingType : uint8_t { text, number, boolean, list };

struct SettingInfo {
  std::string_view name;
  SettingType type;
  std::string_view default_json;    ///< "\"ashlar\"", "24", "true", "[]"
  int64_t lowest = 0, highest = 0;  ///< of numbers
  std::string_view help;
};
std::span<const SettingInfo> setting_infos();
const SettingInfo* find_setting(std::string_view name);

/// What is set, or the default. A bug to ask for a name that does not exist or with the wrong type.
std::string setting_text(const Configuration& configuration, std::string_view name);
int64_t setting_number(const Configuration& configuration, std::string_view name);
bool setting_boolean(const Configuration& configuration, std::string_view name);
std::vector<std::string> setting_list(const Configuration& configuration, std::string_view name);

Result<void> check_setting(const Setting& setting);

}  // namespace ashlar::api
