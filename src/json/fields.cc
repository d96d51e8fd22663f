#include "json/fields.h"

#include <algorithm>
#include <numeric>

namespace ashlar::json {
namespace {

// Levenshtein's distance; names of keys are short, and a key longer than 64 bytes is near to nothing.
size_t edit_distance(std::string_view a, std::string_view b) {
  if (a.size() > 64) return a.size();
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row.back();
}

}  // namespace

Error wrong_type(const Json& json, const std::string& path, std::string_view wanted) {
  return Error{ErrorCode::invalid_argument, path,
               fmt::format("must be {}, not {}", wanted, json.is_array() ? "a list" : json.type_name())};
}

std::string advice(std::string_view word, const std::vector<std::string_view>& known) {
  if (known.empty()) return "; none is known here";
  const auto nearest = std::min_element(known.begin(), known.end(), [word](auto a, auto b) {
    return edit_distance(word, a) < edit_distance(word, b);
  });
  const bool near = edit_distance(word, *nearest) <= std::max<size_t>(2, nearest->size() / 2);
  const std::string hint = near ? fmt::format("; did you mean \"{}\"?", *nearest) : ".";
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
