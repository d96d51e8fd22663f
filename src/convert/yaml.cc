// YAML 1.2 by yaml-cpp's events: its tree of nodes keeps the last of equal keys, knows no bounds and shares what aliases name.
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <istream>
#include <map>
#include <optional>
#include <streambuf>

#include "convert/formats.h"

namespace ashlar::convert {
namespace {

using json::Json;

// Text that aliases may make of a document: 16 MiB of it could name one long string 200,000 times.
constexpr size_t max_expanded_bytes = 64u << 20;

/// Carries our own refusal through yaml-cpp, which knows no other way to stop.
struct Refused {
  Error error;
};

Position position_of_mark(const YAML::Mark& mark) {
  return {static_cast<size_t>(std::max(mark.line, 0)) + 1, static_cast<size_t>(std::max(mark.column, 0)) + 1};
}

[[noreturn]] void refuse(Position position, std::string message,
                         ErrorCode code = ErrorCode::invalid_argument) {
  throw Refused{Error{code, place_text(position), std::move(message)}};
}

bool digits_alone(std::string_view text, std::string_view digits) {
  return !text.empty() && text.find_first_not_of(digits) == std::string_view::npos;
}

// [-+]?[0-9]+ | 0o[0-7]+ | 0x[0-9a-fA-F]+ (YAML 1.2.2, 10.3.2). Empty: not a whole number; an error: one of too many digits.
Result<std::optional<Json>> whole_number(std::string_view text) {
  int base = 10;
  std::string_view digits = text;
  bool negative = false;
  if (text.starts_with("0x") || text.starts_with("0o")) {
    base = text[1] == 'x' ? 16 : 8;
    digits.remove_prefix(2);
  } else if (text.starts_with('-') || text.starts_with('+')) {
    negative = text[0] == '-';
    digits.remove_prefix(1);
  }
  const std::string_view known = base == 16  ? "0123456789abcdefABCDEF"
                                 : base == 8 ? "01234567"
                                             : "0123456789";
  if (!digits_alone(digits, known)) return std::nullopt;
  uint64_t number = 0;
  const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), number, base);
  constexpr uint64_t lowest = uint64_t{1} << 63;  // of an int64_t, without its sign
  if (problem != std::errc() || (negative && number > lowest))
    return fail(ErrorCode::out_of_range, "", "{} is more than 64 bits can count", text);
  if (!negative) return Json(number);
  return Json(static_cast<int64_t>(0 - number));
}

// [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?
Result<std::optional<Json>> broken_number(std::string_view text) {
  std::string_view rest = text;
  if (rest.starts_with('-') || rest.starts_with('+')) rest.remove_prefix(1);
  const bool special = rest == ".inf" || rest == ".Inf" || rest == ".INF" || text == ".nan" ||
                       text == ".NaN" || text == ".NAN";
  if (special) return fail(ErrorCode::invalid_argument, "", "{} is not a number that a field can hold", text);
  const bool begins =
      !rest.empty() &&
      (std::isdigit(static_cast<unsigned char>(rest[0])) ||
       (rest[0] == '.' && rest.size() > 1 && std::isdigit(static_cast<unsigned char>(rest[1]))));
  if (!begins) return std::nullopt;
  double number = 0;
  const auto [end, problem] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
  if (end != rest.data() + rest.size()) return std::nullopt;
  if (problem != std::errc() || !std::isfinite(number))
    return fail(ErrorCode::out_of_range, "", "{} is not a number that a field can hold", text);
  return Json(text[0] == '-' ? -number : number);
}

// A plain scalar by the core schema. "yes", "no", "on" and "off" are words here (YAML 1.2.2, 10.3.2).
Result<Json> core_value(std::string_view text) {
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") return Json(nullptr);
  if (text == "true" || text == "True" || text == "TRUE") return Json(true);
  if (text == "false" || text == "False" || text == "FALSE") return Json(false);
  TRY_ASSIGN(std::optional<Json> whole, whole_number(text));
  if (whole) return std::move(*whole);
  TRY_ASSIGN(std::optional<Json> broken, broken_number(text));
  if (broken) return std::move(*broken);
  return Json(std::string(text));
}

struct Cost {
  size_t nodes = 0, bytes = 0;
};

class Builder final : public YAML::EventHandler {
 public:
  Located take() && { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (done_)
      refuse(position_of_mark(mark), "a second document begins here, or text that belongs to none: keep one");
  }
  void OnDocumentEnd() override { done_ = true; }
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    scalar(mark, anchor, "", Json(nullptr));
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    const Position position = position_of_mark(mark);
    if (expects_key()) {
      check_tag(tag, {"str", "int", "float", "bool", "null"}, position);
      return scalar(mark, anchor, value, Json(value));
    }
    const bool text = tag == "!" || tag == "tag:yaml.org,2002:str";
    if (!text) check_tag(tag, {"int", "float", "bool", "null"}, position);
    Result<Json> json = text ? Json(value) : core_value(value);
    if (!json) refuse(position, json.error().message, json.error().code);
    scalar(mark, anchor, value, std::move(*json));
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const Position position = position_of_mark(mark);
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) refuse(position, "this alias stands within what it names");
    if (expects_key()) refuse(position, "an alias cannot be a key: write the key out");
    charge(found->second.cost, position);
    put(found->second.json, Place{position, found->second.place.children}, found->second.cost);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    open(mark, tag, anchor, Json::array());
  }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    open(mark, tag, anchor, Json::object());
  }
  void OnSequenceEnd() override { shut(); }
  void OnMapEnd() override { shut(); }

 private:
  struct Anchored {
    Json json;
    Place place;
    Cost cost;
  };
  struct Open {
    Anchored so_far;
    YAML::anchor_t anchor = 0;
    std::optional<std::string> key;  ///< whose value comes next
    Position key_position;
  };

  bool expects_key() const {
    return !open_.empty() && open_.back().so_far.json.is_object() && !open_.back().key;
  }
  static void check_tag(const std::string& tag, std::vector<std::string_view> known, Position position) {
    if (tag.empty() || tag == "?" || tag == "!") return;
    constexpr std::string_view prefix = "tag:yaml.org,2002:";
    if (tag.starts_with(prefix)) {
      for (const std::string_view each : known)
        if (std::string_view(tag).substr(prefix.size()) == each) return;
    }
    refuse(position, fmt::format("the tag {} is not known here: leave it out", tag));
  }
  void charge(const Cost& cost, Position position) {
    total_.nodes += cost.nodes;
    total_.bytes += cost.bytes;
    if (total_.nodes > max_nodes) {
      refuse(position, fmt::format("more than {} values, those that aliases stand for among them", max_nodes),
             ErrorCode::out_of_range);
    }
    if (total_.bytes > max_expanded_bytes) {
      refuse(position, fmt::format("more than {} bytes, when aliases are filled in", max_expanded_bytes),
             ErrorCode::out_of_range);
    }
  }
  void remember(YAML::anchor_t anchor, const Anchored& what) {
    if (anchor == 0) return;
    charge(what.cost, what.place.position);  // it is kept a second time
    anchors_[anchor] = what;
  }
  void scalar(const YAML::Mark& mark, YAML::anchor_t anchor, const std::string& text, Json json) {
    const Position position = position_of_mark(mark);
    const bool is_key = expects_key();
    const Cost cost{is_key ? 0u : 1u, text.size()};
    charge(cost, position);
    if (is_key) return key(position, text);
    remember(anchor, {json, Place{position, {}}, cost});
    put(std::move(json), Place{position, {}}, cost);
  }
  void key(Position position, const std::string& name) {
    const Json& object = open_.back().so_far.json;
    if (object.contains(name))
      refuse(position, fmt::format("the key \"{}\" stands twice in one object", name));
    if (object.size() >= max_members)
      refuse(position, fmt::format("an object has more than {} members", max_members),
             ErrorCode::out_of_range);
    open_.back().key = name;
    open_.back().key_position = position;
  }
  void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, Json container) {
    const Position position = position_of_mark(mark);
    check_tag(tag, {container.is_array() ? "seq" : "map"}, position);
    if (expects_key()) refuse(position, "a key must be a word, not a list or an object");
    if (open_.size() >= max_depth) {
      refuse(position, fmt::format("nested deeper than {} levels", max_depth), ErrorCode::out_of_range);
    }
    charge({1, 0}, position);
    open_.push_back({{std::move(container), Place{position, {}}, {1, 0}}, anchor, std::nullopt, {}});
  }
  void shut() {
    Open shut = std::move(open_.back());
    open_.pop_back();
    remember(shut.anchor, shut.so_far);
    put(std::move(shut.so_far.json), std::move(shut.so_far.place), shut.so_far.cost);
  }
  void put(Json json, Place place, const Cost& cost) {
    if (open_.empty()) {
      root_ = {std::move(json), std::move(place)};
      return;
    }
    Open& holder = open_.back();
    holder.so_far.cost.nodes += cost.nodes;
    holder.so_far.cost.bytes += cost.bytes;
    if (holder.so_far.json.is_array()) {
      holder.so_far.json.push_back(std::move(json));
    } else {
      holder.so_far.json[*holder.key] = std::move(json);
      place.position = holder.key_position;
      holder.key.reset();
    }
    holder.so_far.place.children.push_back(std::move(place));
  }

  Located root_;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, Anchored> anchors_;
  Cost total_;
  bool done_ = false;
};

/// The text as a stream, without a copy of it.
class TextBuffer final : public std::streambuf {
 public:
  explicit TextBuffer(std::string_view text) {
    char* begin = const_cast<char*>(text.data());  // read only: nothing is put back
    setg(begin, begin, begin + text.size());
  }
};

// YAML 1.2.2, 5.1: yaml-cpp would take one of these for the end of the text.
Result<void> check_printable(std::string_view text) {
  const auto odd = std::ranges::find_if(
      text, [](unsigned char c) { return (c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f; });
  if (odd == text.end()) return {};
  return fail(ErrorCode::invalid_argument,
              place_text(position_at(text, static_cast<size_t>(odd - text.begin()))),
              "a control character: write it as \"\\x{:02x}\" in double quotes", *odd);
}

}  // namespace

Result<Located> read_yaml(std::string_view text) {
  TRY(check_text(text, "YAML"));
  TRY(check_printable(text));
  try {
    TextBuffer buffer(text);
    std::istream stream(&buffer);
    YAML::Parser parser(stream);
    Builder builder;
    while (parser.HandleNextDocument(builder)) {
    }
    return std::move(builder).take();
  } catch (const Refused& refused) {
    return std::unexpected(refused.error);
  } catch (const YAML::Exception& problem) {
    return fail(ErrorCode::invalid_argument, place_text(position_of_mark(problem.mark)),
                "this is not YAML: {}", problem.msg);
  } catch (const std::exception& problem) {
    return fail(ErrorCode::invalid_argument, "", "this is not YAML: {}", problem.what());
  }
}

}  // namespace ashlar::convert
