// Positions in the text of JSON, found by walking over it again: only an error needs one. The text was read by parse_json()
// up to what is looked for, so its syntax is not in question here; the scanner only never runs past the end.
#include <set>

#include "convert/position.h"

namespace ashlar::convert {
namespace {

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  size_t at() const { return at_; }
  bool done() const { return at_ >= text_.size(); }
  char peek() const { return done() ? '\0' : text_[at_]; }
  char next() { return done() ? '\0' : text_[at_++]; }
  void skip_space() {
    while (!done() && (peek() == ' ' || peek() == '\t' || peek() == '\n' || peek() == '\r' || peek() == ',' ||
                       peek() == ':'))
      ++at_;
  }
  /// What stands between the quotes, escapes and all.
  std::string_view string() {
    const size_t begin = ++at_;
    while (!done() && peek() != '"') at_ += peek() == '\\' ? 2 : 1;
    const size_t end = std::min(at_, text_.size());
    at_ = end + 1;
    return text_.substr(begin, end - begin);
  }
  void scalar() {
    while (!done() && std::string_view(" \t\r\n,:]}[{\"").find(peek()) == std::string_view::npos) ++at_;
  }
  void value() {
    size_t depth = 0;
    do {
      skip_space();
      const char c = peek();
      if (c == '"') {
        string();
      } else if (c == '{' || c == '[') {
        ++depth;
        ++at_;
      } else if (c == '}' || c == ']') {
        depth -= depth > 0 ? 1 : 0;
        ++at_;
      } else {
        const size_t before = at_;
        scalar();
        if (at_ == before) return;
      }
    } while (depth > 0 && !done());
  }

 private:
  std::string_view text_;
  size_t at_ = 0;
};

struct Level {
  bool object = false, key_next = false;
  std::set<std::string_view> keys;
};

}  // namespace

Position json_position(std::string_view text, const std::vector<size_t>& steps) {
  Scanner scanner(text);
  scanner.skip_space();
  size_t found = scanner.at();
  for (const size_t step : steps) {
    const bool object = scanner.next() == '{';
    for (size_t i = 0; i <= step; ++i) {
      scanner.skip_space();
      found = scanner.at();
      if (object) scanner.string();
      scanner.skip_space();
      if (i < step) scanner.value();
    }
  }
  return position_at(text, found);
}

Position json_refusal(std::string_view text) {
  Scanner scanner(text);
  std::vector<Level> levels;
  while (!scanner.done()) {
    scanner.skip_space();
    const size_t here = scanner.at();
    const char c = scanner.peek();
    if (c == '{' || c == '[') {
      if (levels.size() >= json::max_json_depth) return position_at(text, here);
      if (!levels.empty()) levels.back().key_next = levels.back().object;
      levels.push_back({.object = c == '{', .key_next = c == '{'});
      scanner.next();
    } else if (c == '}' || c == ']') {
      if (!levels.empty()) levels.pop_back();
      scanner.next();
    } else if (c == '"') {
      const std::string_view word = scanner.string();
      if (levels.empty() || !levels.back().object) continue;
      Level& level = levels.back();
      if (level.key_next) {
        if (!level.keys.insert(word).second || level.keys.size() > json::max_object_members)
          return position_at(text, here);
      }
      level.key_next = !level.key_next;
    } else {
      scanner.scalar();
      if (!levels.empty()) levels.back().key_next = levels.back().object;
      if (scanner.at() == here) scanner.next();
    }
  }
  return {};
}

}  // namespace ashlar::convert
