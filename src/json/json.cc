#include "json/json.h"

#include <algorithm>
#include <vector>

namespace ashlar::json {
namespace {

// Builds the tree by events: the library's own builder keeps the last of two equal keys and knows no bounds.
class Builder final : public nlohmann::json_sax<Json> {
 public:
  explicit Builder(std::string_view text) : text_(text) {}

  bool null() override { return place(Json(nullptr)); }
  bool boolean(bool value) override { return place(Json(value)); }
  bool number_integer(number_integer_t value) override { return place(Json(value)); }
  bool number_unsigned(number_unsigned_t value) override { return place(Json(value)); }
  bool number_float(number_float_t value, const string_t& /*text*/) override { return place(Json(value)); }
  bool string(string_t& value) override { return place(Json(std::move(value))); }
  bool binary(binary_t& /*value*/) override { return refuse("binary data is not JSON"); }
  bool start_object(size_t /*elements*/) override { return open(Json::object()); }
  bool start_array(size_t /*elements*/) override { return open(Json::array()); }
  bool end_object() override { return shut(); }
  bool end_array() override { return shut(); }

  bool key(string_t& name) override {
    Json& object = *open_.back();
    if (object.contains(name)) return refuse(fmt::format("the key \"{}\" stands twice in one object", name));
    if (object.size() >= max_object_members)
      return refuse(fmt::format("an object has more than {} members", max_object_members));
    key_ = std::move(name);
    return true;
  }

  bool parse_error(size_t position, const std::string& /*token*/, const Json::exception& problem) override {
    const std::string_view before = text_.substr(0, std::min(position == 0 ? 0 : position - 1, text_.size()));
    const auto line = 1 + std::count(before.begin(), before.end(), '\n');
    const size_t line_start = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
    std::string_view what = problem.what();
    if (const size_t colon = what.find(": "); colon != std::string_view::npos) what.remove_prefix(colon + 2);
    // The text itself stays out of messages, which are logged and kept: it may be a password.
    for (const std::string_view echo : {"; last read: ", " parsing '"})
      what = what.substr(0, what.find(echo));
    error_ = Error{ErrorCode::invalid_argument,
                   fmt::format("line {}, column {}", line, before.size() - line_start + 1),
                   fmt::format("this is not JSON: {}", what)};
    return false;
  }

  Result<Json> take() && {
    if (!error_.message.empty()) return std::unexpected(std::move(error_));
    return std::move(root_);
  }

 private:
  bool refuse(std::string message) {
    error_ = Error{ErrorCode::invalid_argument, "", std::move(message)};
    return false;
  }
  Json* put(Json value) {
    if (open_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    Json& holder = *open_.back();
    if (holder.is_array()) {
      holder.push_back(std::move(value));
      return &holder.back();
    }
    // Appended, not looked up a second time: key() has seen that it is new.
    auto& members = holder.get_ref<Json::object_t&>();
    return &members.emplace_back(std::move(key_), std::move(value)).second;
  }
  bool place(Json value) {
    put(std::move(value));
    return true;
  }
  bool open(Json container) {
    if (open_.size() >= max_json_depth)
      return refuse(fmt::format("nested deeper than {} levels", max_json_depth));
    open_.push_back(put(std::move(container)));
    return true;
  }
  bool shut() {
    open_.pop_back();
    return true;
  }

  std::string_view text_;
  Json root_;
  std::vector<Json*> open_;  // parents do not move while a child is open: only the innermost container grows
  std::string key_;
  Error error_;
};

}  // namespace

Result<Json> parse_json(std::string_view text) {
  if (text.size() > max_json_bytes) {
    return fail(ErrorCode::out_of_range, "", "{} bytes of JSON; at most {} are read", text.size(),
                max_json_bytes);
  }
  Builder builder(text);
  Json::sax_parse(text.begin(), text.end(), &builder);
  return std::move(builder).take();
}

std::string print_json(const Json& json, int indent) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

}  // namespace ashlar::json
