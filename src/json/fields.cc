#include "json/fields.h"

#include <algorithm>
#include <cstdint>

namespace ashlar::json {
namespace {

// Levenshtein's distance where it is less than `bound`, else `bound`. Names of keys are short, and one longer than 64 bytes is near to
// nothing.
size_t edit_distance(std::string_view a, std::string_view b, size_t bound) {
  constexpr size_t longest = 64;
  if (a.size() > longest) return std::min(a.size(), bound);
  const size_t difference = a.size() < b.size() ? b.size() - a.size() : a.size() - b.size();
  if (difference >= bound) return bound;
  // A row for each letter of `b`, so that what is kept is bounded.
  size_t row[longest + 1];
  for (size_t i = 0; i <= a.size(); ++i) row[i] = i;
  for (size_t j = 1; j <= b.size(); ++j) {
    size_t diagonal = row[0], least = j;
    row[0] = j;
    for (size_t i = 1; i <= a.size(); ++i) {
      size_t now = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[i];
      if (diagonal + 1 < now) now = diagonal + 1;
      if (row[i - 1] + 1 < now) now = row[i - 1] + 1;
      row[i] = now;
      if (now < least) least = now;
    }
    if (least >= bound) return bound;
  }
  return std::min(row[a.size()], bound);
}

}  // namespace

Error wrong_type(const Json& json, const std::string& path, std::string_view wanted) {
  return Error{ErrorCode::invalid_argument, path,
               fmt::format("must be {}, not {}", wanted, json.is_array() ? "a list" : json.type_name())};
}

std::string advice(std::string_view word, const std::vector<std::string_view>& known) {
  if (known.empty()) return "; none is known here";
  std::string_view nearest;
  size_t least = SIZE_MAX;
  for (const std::string_view each : known) {
    const size_t distance = edit_distance(word, each, least);
    if (distance >= least) continue;
    least = distance;
    nearest = each;
  }
  const bool near = least <= std::max<size_t>(2, nearest.size() / 2);
  const std::string hint = near ? fmt::format("; did you mean \"{}\"?", nearest) : ".";
  return fmt::format("{} Known here: {}", hint, fmt::join(known, ", "));
}

Result<void> read_value(const Json& json, const std::string& path, bool& value) {
  if (!json.is_boolean()) return std::unexpected(wrong_type(json, path, "true or false"));
  value = json.get<bool>();
  return {};
}

Result<void> read_value(const Json& json, const std::string& path, double& value) {
  if (!json.is_number()) return std::unexpected(wrong_type(json, path, "a number"));
  value = json.get<double>();
  return {};
}

Result<void> read_value(const Json& json, const std::string& /*path*/, Json& value) {
  value = json;
  return {};
}

Result<void> read_value(const Json& json, const std::string& path, std::string& value) {
  if (!json.is_string()) return std::unexpected(wrong_type(json, path, "a string"));
  value = json.get_ref<const std::string&>();
  return {};
}

Result<void> read_value(const Json& json, const std::string& path, int64_t& value) {
  if (!json.is_number_integer()) return std::unexpected(wrong_type(json, path, "a whole number"));
  if (json.is_number_unsigned() && json.get<uint64_t>() > INT64_MAX) {
    return fail(ErrorCode::out_of_range, path, "{} is more than {}", json.get<uint64_t>(), INT64_MAX);
  }
  value = json.get<int64_t>();
  return {};
}

Result<void> read_value(const Json& json, const std::string& path, uint64_t& value) {
  if (!json.is_number_integer()) return std::unexpected(wrong_type(json, path, "a whole number"));
  if (!json.is_number_unsigned() && json.get<int64_t>() < 0) {
    return fail(ErrorCode::out_of_range, path, "{} is less than 0", json.get<int64_t>());
  }
  value = json.get<uint64_t>();
  return {};
}

Result<void> read_size(const Json& json, const std::string& path, uint64_t& value) {
  if (!json.is_string()) return read_value(json, path, value);
  TRY_ASSIGN(value, parse_size(json.get_ref<const std::string&>(), path));
  return {};
}

Result<void> check_highest(uint64_t number, uint64_t highest, const std::string& path) {
  if (number <= highest) return {};
  return fail(ErrorCode::out_of_range, path, "{} is more than {}", number, highest);
}

const Json* FieldReader::find(const char* name, Need need) {
  known_.emplace_back(name);
  const auto found = object_.find(name);
  if (found != object_.end()) return &*found;
  if (need == Need::required) keep(fail(ErrorCode::invalid_argument, path_of(name), "is missing"));
  return nullptr;
}

Result<void> FieldReader::finish() {
  if (unknown_ == Unknown::refuse) {
    for (const auto& [name, member] : object_.items()) {
      if (std::find(known_.begin(), known_.end(), name) != known_.end()) continue;
      return fail(ErrorCode::invalid_argument, path_of(name), "unknown key{}", advice(name, known_));
    }
  }
  if (error_) return std::unexpected(std::move(*error_));
  return {};
}

}  // namespace ashlar::json
