#include "agent/exposition.h"

#include <fmt/format.h>

namespace ashlar::agent {
namespace {

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == '"') out += '\\';
    out += c == '\n' ? std::string("\\n") : std::string(1, c);
  }
  return out;
}

}  // namespace

void Exposition::family(const std::string& name, const char* type, const char* help) {
  const auto [entry, fresh] = families_.try_emplace(name);
  if (!fresh) return;
  entry->second.head = fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
  order_.push_back(name);
}

std::string Exposition::labels_text(Labels labels, std::string_view bound) {
  std::string text;
  for (const auto& [name, value] : labels)
    text += fmt::format("{}{}=\"{}\"", text.empty() ? "" : ",", name, escaped(value));
  if (!bound.empty()) text += fmt::format("{}le=\"{}\"", text.empty() ? "" : ",", bound);
  return text.empty() ? "" : "{" + text + "}";
}

void Exposition::value(const std::string& name, Labels labels, double value) {
  // A histogram's sum and count belong to its family.
  std::string family = name;
  for (const std::string_view suffix : {"_sum", "_count"}) {
    if (!families_.contains(family) && name.ends_with(suffix))
      family = name.substr(0, name.size() - suffix.size());
  }
  families_[family].lines += fmt::format("{}{} {}\n", name, labels_text(labels, ""), value);
}

void Exposition::bucket(const std::string& name, Labels labels, const std::string& bound, double cumulative) {
  families_[name].lines += fmt::format("{}_bucket{} {}\n", name, labels_text(labels, bound), cumulative);
}

std::string Exposition::text() const {
  std::string text;
  for (const std::string& name : order_) {
    const Family& family = families_.at(name);
    if (!family.lines.empty()) text += family.head + family.lines;
  }
  return text;
}

}  // namespace ashlar::agent
