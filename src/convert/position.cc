#include "convert/position.h"

#include <algorithm>
#include <charconv>

namespace ashlar::convert {
namespace {

using json::Json;

// Does `path` go on after `name` as a path does? Keys that people wrote may hold dots and brackets themselves.
bool continues_after(std::string_view path, std::string_view name) {
  if (!path.starts_with(name)) return false;
  return path.size() == name.size() || path[name.size()] == '.' || path[name.size()] == '[';
}

// Index of the member that `path` begins with, the longest one; takes it off the path.
bool step_into_object(const Json& object, std::string_view& path, size_t& index) {
  size_t at = 0, best = 0;
  bool found = false;
  for (const auto& [name, member] : object.items()) {
    if (continues_after(path, name) && (!found || name.size() > best)) {
      found = true;
      best = name.size();
      index = at;
    }
    ++at;
  }
  if (!found) return false;
  path.remove_prefix(best);
  if (path.starts_with('.')) path.remove_prefix(1);
  return true;
}

bool step_into_array(const Json& array, std::string_view& path, size_t& index) {
  if (!path.starts_with('[')) return false;
  const auto [end, problem] = std::from_chars(path.data() + 1, path.data() + path.size(), index);
  if (problem != std::errc() || end == path.data() + path.size() || *end != ']') return false;
  path.remove_prefix(static_cast<size_t>(end - path.data()) + 1);
  if (path.starts_with('.')) path.remove_prefix(1);
  return index < array.size();
}

}  // namespace

std::string place_text(Position position) {
  return fmt::format("line {}, column {}", position.line, position.column);
}

Position position_at(std::string_view text, size_t offset) {
  const std::string_view before = text.substr(0, std::min(offset, text.size()));
  const size_t newline = before.rfind('\n');
  return {static_cast<size_t>(std::count(before.begin(), before.end(), '\n')) + 1,
          newline == std::string_view::npos ? before.size() + 1 : before.size() - newline};
}

std::vector<size_t> steps_of(const Json& root, std::string_view path) {
  std::vector<size_t> steps;
  const Json* here = &root;
  while (!path.empty()) {
    size_t index = 0;
    if (here->is_object() && step_into_object(*here, path, index)) {
      here = &std::next(here->begin(), static_cast<std::ptrdiff_t>(index)).value();
    } else if (here->is_array() && step_into_array(*here, path, index)) {
      here = &(*here)[index];
    } else {
      break;
    }
    steps.push_back(index);
  }
  return steps;
}

Position position_of(const Place& root, const std::vector<size_t>& steps) {
  const Place* here = &root;
  for (const size_t step : steps) {
    if (step >= here->children.size()) break;
    here = &here->children[step];
  }
  return here->position;
}

size_t utf8_length(std::string_view text) {
  const auto byte = [&text](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  const auto follows = [&byte](size_t i) { return (byte(i) & 0xc0) == 0x80; };
  const unsigned first = byte(0), second = byte(1);
  if (text.empty()) return 0;
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return follows(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    const bool overlong = first == 0xe0 && second < 0xa0, surrogate = first == 0xed && second > 0x9f;
    return follows(1) && follows(2) && !overlong && !surrogate ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const bool overlong = first == 0xf0 && second < 0x90, beyond = first == 0xf4 && second > 0x8f;
    return follows(1) && follows(2) && follows(3) && !overlong && !beyond ? 4 : 0;
  }
  return 0;
}

Result<void> check_text(std::string_view text, std::string_view format) {
  if (text.size() > max_text_bytes) {
    return fail(ErrorCode::out_of_range, "", "{} bytes of {}; at most {} are read", text.size(), format,
                max_text_bytes);
  }
  for (size_t at = 0; at < text.size();) {
    const size_t length = utf8_length(text.substr(at));
    if (length == 0) {
      return fail(ErrorCode::invalid_argument, place_text(position_at(text, at)),
                  "this is not UTF-8: save the file in that encoding");
    }
    at += length;
  }
  return {};
}

}  // namespace ashlar::convert
