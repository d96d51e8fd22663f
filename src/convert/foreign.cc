// What is asked of a foreign configuration is taken; the rest is left out by name.
#include <algorithm>
#include <charconv>

#include "convert/draft.h"

namespace ashlar::convert {
namespace {

using api::Json;

constexpr size_t longest_shown = 200;

std::string shortened(std::string text) {
  if (text.size() > longest_shown) {
    text.resize(longest_shown);
    text += "...";
  }
  return text;
}

std::string text_of_json(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  return value.is_null() ? "" : api::print_json(value);
}

bool says_nothing(const Json& value) {
  return value.is_null() || (value.is_structured() && value.empty()) ||
         (value.is_string() && value.get_ref<const std::string&>().empty());
}

}  // namespace

uint64_t number_of(std::string_view text, uint64_t fallback) {
  text = trimmed(text);
  const bool hex = text.starts_with("0x") || text.starts_with("0X");
  if (hex) text.remove_prefix(2);
  uint64_t number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number, hex ? 16 : 10);
  return problem == std::errc() && end == text.data() + text.size() ? number : fallback;
}

std::string shown_pair(std::string_view key, std::string_view value, std::string_view between) {
  std::string lower(key);
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return std::tolower(c); });
  for (const std::string_view word : {"password", "secret", "user", "key", "auth"}) {
    if (lower.find(word) != std::string::npos && !value.empty() && number_of(value, 2) > 1)
      return fmt::format("{}{}{}", key, between, json::redacted);
  }
  return shortened(value.empty() ? std::string(key) : fmt::format("{}{}{}", key, between, value));
}

std::string_view last_part(std::string_view name) {
  const size_t colon = name.rfind(':');
  return colon == std::string_view::npos ? name : name.substr(colon + 1);
}

const Json& ForeignObject::get(std::string_view key) {
  static const Json nothing;
  taken_.emplace(key);
  const auto found = object_.find(key);
  return found == object_.end() ? nothing : *found;
}

std::string ForeignObject::text(std::string_view key) {
  const Json& value = get(key);
  return value.is_structured() ? std::string() : text_of_json(value);
}

uint64_t ForeignObject::number(std::string_view key, uint64_t fallback) {
  const Json& value = get(key);
  if (value.is_number_unsigned()) return value.get<uint64_t>();
  return value.is_string() ? number_of(value.get_ref<const std::string&>(), fallback) : fallback;
}

bool ForeignObject::flag(std::string_view key, bool fallback) {
  const Json& value = get(key);
  if (value.is_boolean()) return value.get<bool>();
  return number(key, fallback ? 1 : 0) != 0;
}

void ForeignObject::leave_rest(std::string_view why) {
  std::string what;
  for (const auto& [key, value] : object_.items()) {
    if (taken_.contains(key) || says_nothing(value)) continue;
    if (!what.empty()) what += ", ";
    what += value.is_structured() ? fmt::format("{} ({})", key, value.size())
                                  : shown_pair(key, text_of_json(value), " ");
  }
  if (!what.empty()) draft_.leave_out(where_, std::move(what), std::string(why));
}

Section::Section(Draft& draft, const Statement& block) : draft_(draft), block_(block) {}

std::vector<const Statement*> Section::all(std::string_view key) {
  taken_.emplace(key);
  std::vector<const Statement*> found;
  for (const Statement& child : block_.children)
    if (child.key == key) found.push_back(&child);
  return found;
}

const Statement* Section::last(std::string_view key) {
  const auto [known, fresh] = last_.try_emplace(std::string(key), nullptr);
  if (!fresh) return known->second;
  const auto found = all(key);
  for (size_t i = 0; i + 1 < found.size(); ++i)
    draft_.leave_out(where_of(*found[i]), shown_pair(key, found[i]->value, " "),
                     "it is said again further down");
  return known->second = found.empty() ? nullptr : found.back();
}

std::string Section::text(std::string_view key) {
  const Statement* statement = last(key);
  return statement == nullptr ? std::string() : statement->value;
}

uint64_t Section::number(std::string_view key, uint64_t fallback) { return number_of(text(key), fallback); }

bool Section::flag(std::string_view key, bool fallback) { return number(key, fallback ? 1 : 0) != 0; }

void Section::leave_rest(std::string_view why) {
  for (const Statement& child : block_.children) {
    if (taken_.contains(child.key)) continue;
    draft_.leave_out(where_of(child), shown_pair(child.key, child.value, " "), std::string(why));
  }
}

}  // namespace ashlar::convert
