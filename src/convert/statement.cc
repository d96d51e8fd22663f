#include "convert/statement.h"

#include <algorithm>
#include <optional>

#include "convert/position.h"

namespace ashlar::convert {
namespace {

constexpr std::string_view white = " \t\r\f\v";

[[nodiscard]] std::unexpected<Error> refusal(size_t line, std::string message) {
  return std::unexpected(
      Error{ErrorCode::invalid_argument, fmt::format("line {}", line), std::move(message)});
}

/// Lines one after the other, counted.
class Lines {
 public:
  explicit Lines(std::string_view text) : rest_(text) {
    if (rest_.starts_with("\xef\xbb\xbf")) rest_.remove_prefix(3);
  }
  std::optional<std::string_view> next() {
    if (rest_.empty()) return std::nullopt;
    const size_t end = std::min(rest_.find('\n'), rest_.size());
    const std::string_view line = rest_.substr(0, end);
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    ++number_;
    return line;
  }
  size_t number() const { return number_; }

 private:
  std::string_view rest_;
  size_t number_ = 0;
};

// Up to a '#' that no '\' escapes; the '\' goes.
std::string without_comment(std::string_view line) {
  std::string out;
  for (size_t at = 0; at < line.size(); ++at) {
    if (line[at] == '#') break;
    if (line[at] == '\\' && at + 1 < line.size() && line[at + 1] == '#') ++at;
    out += line[at];
  }
  return out;
}

std::string unquoted(std::string_view value) {
  if (value.size() >= 2 && value.front() == value.back() && (value.front() == '"' || value.front() == '\''))
    value = value.substr(1, value.size() - 2);
  return std::string(value);
}

/// Blocks that are open, the root first.
class Tree {
 public:
  Tree() { open_.emplace_back(); }
  Result<void> add(Statement statement) {
    TRY(count(statement.line));
    open_.back().children.push_back(std::move(statement));
    return {};
  }
  Result<void> open(Statement statement) {
    TRY(count(statement.line));
    if (open_.size() > max_block_depth)
      return refusal(statement.line, fmt::format("nested deeper than {} levels", max_block_depth));
    open_.push_back(std::move(statement));
    return {};
  }
  /// False: nothing is open.
  bool shut() {
    if (open_.size() == 1) return false;
    Statement shut = std::move(open_.back());
    open_.pop_back();
    open_.back().children.push_back(std::move(shut));
    return true;
  }
  const Statement& innermost() const { return open_.back(); }
  Result<Statement> take() && {
    if (open_.size() > 1) {
      return refusal(open_.back().line, fmt::format("\"{} {}\" begins here and does not end",
                                                    open_.back().key, open_.back().value));
    }
    return std::move(open_.front());
  }

 private:
  Result<void> count(size_t line) {
    if (++statements_ <= max_statements) return {};
    return refusal(line, fmt::format("more than {} statements", max_statements));
  }
  std::vector<Statement> open_;
  size_t statements_ = 0;
};

// `separators`: what may stand between the key and its value.
Statement split(std::string_view text, size_t line, std::string_view separators) {
  text = trimmed(text);
  const size_t end = std::min(text.find_first_of(separators), text.size());
  Statement statement{.key = std::string(text.substr(0, end)), .line = line};
  std::string_view value = trimmed(text.substr(end));
  if (separators.find('=') != std::string_view::npos && value.starts_with('='))
    value = trimmed(value.substr(1));
  statement.value = unquoted(value);
  return statement;
}

Result<void> scst_line(Tree& tree, std::string_view line, size_t number) {
  line = trimmed(line);
  if (line.empty()) return {};
  if (line == "}") {
    if (tree.shut()) return {};
    return refusal(number, "a } that closes nothing");
  }
  const size_t brace = line.find('{');
  const bool opens = line.back() == '{';
  if (opens) return tree.open(split(line.substr(0, line.size() - 1), number, white));
  // "LUN 0 disk1 { read_only 1 }" on one line.
  if (brace != std::string_view::npos && line.back() == '}') {
    TRY(tree.open(split(line.substr(0, brace), number, white)));
    const std::string_view inner = trimmed(line.substr(brace + 1, line.size() - brace - 2));
    if (!inner.empty()) TRY(tree.add(split(inner, number, white)));
    tree.shut();
    return {};
  }
  return tree.add(split(line, number, white));
}

// "<target NAME>", "</target>", "<target NAME/>"
Result<void> tgt_block(Tree& tree, std::string_view line, size_t number) {
  std::string_view inside = trimmed(line.substr(1, line.size() - 2));
  if (inside.starts_with('/')) {
    const std::string_view key = trimmed(inside.substr(1));
    if (tree.innermost().key != key || !tree.shut()) {
      return refusal(number, fmt::format("</{}> stands here, but {} is open", key,
                                         tree.innermost().key.empty() ? std::string("nothing")
                                                                      : "<" + tree.innermost().key + ">"));
    }
    return {};
  }
  const bool empty = inside.ends_with('/') && inside.find_first_of(white) != std::string_view::npos;
  if (empty) inside.remove_suffix(1);
  TRY(tree.open(split(inside, number, white)));
  if (empty) tree.shut();
  return {};
}

// Takes C comments off a line; `inside` says whether one is open.
std::string without_c_comments(std::string_view line, bool& inside) {
  std::string out;
  while (!line.empty()) {
    const std::string_view mark = inside ? "*/" : "/*";
    const size_t at = std::min(line.find(mark), line.size());
    // "include /etc/tgt/*.conf" holds no comment: one begins a line or follows white space.
    const bool opens =
        !inside && at < line.size() && trimmed(line.substr(0, at)).empty() && trimmed(out).empty();
    if (!inside && !opens) return out.append(line);
    if (!inside) out.append(line.substr(0, at));
    if (at == line.size()) break;
    line.remove_prefix(at + 2);
    inside = !inside;
  }
  return out;
}

}  // namespace

std::string_view trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(white);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(white) - begin + 1);
}

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  while (!(text = trimmed(text)).empty()) {
    const size_t end = std::min(text.find_first_of(white), text.size());
    words.emplace_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return words;
}

Result<Statement> read_scst_text(std::string_view text) {
  TRY(check_text(text, "scst.conf"));
  Tree tree;
  Lines lines(text);
  while (const auto line = lines.next()) TRY(scst_line(tree, without_comment(*line), lines.number()));
  return std::move(tree).take();
}

Result<Statement> read_tgt_text(std::string_view text) {
  TRY(check_text(text, "targets.conf"));
  Tree tree;
  Lines lines(text);
  bool in_comment = false;
  std::string continued;
  while (const auto raw = lines.next()) {
    std::string line = continued + without_comment(without_c_comments(*raw, in_comment));
    continued.clear();
    const std::string_view stripped = trimmed(line);
    if (stripped.ends_with('\\')) {
      continued = std::string(stripped.substr(0, stripped.size() - 1));
      continue;
    }
    if (stripped.empty()) continue;
    if (stripped.starts_with("<<"))
      return refusal(lines.number(), "an include: put the other file's text here before the import");
    if (stripped.front() == '<') {
      if (stripped.back() != '>' || stripped.size() < 3)
        return refusal(lines.number(), "a tag that does not end with > on its line");
      TRY(tgt_block(tree, stripped, lines.number()));
    } else {
      TRY(tree.add(split(stripped, lines.number(), " \t=")));
    }
  }
  if (in_comment) return refusal(lines.number(), "a comment begins with /* and does not end");
  if (!trimmed(continued).empty()) TRY(tree.add(split(continued, lines.number(), " \t=")));
  return std::move(tree).take();
}

}  // namespace ashlar::convert
