// The third of the readers of a type's fields (see fields.h): JSON text at once, with no tree between. A configuration of a
// thousand volumes is printed at every change, and building a tree of it took ten times as long as the text.
#pragma once

#include <concepts>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "json/fields.h"

namespace ashlar::json {

/// Appends `text` quoted, as print_json() does.
void append_quoted(std::string& out, std::string_view text);

/// Writes one object, byte for byte as print_json(encode(value, secrets)) would.
class TextWriter {
 public:
  TextWriter(std::string& out, Secrets secrets) : out_(out), secrets_(secrets) { out_ += '{'; }

  template <typename T>
  void field(const char* name, const T& value, Need /*need*/ = Need::optional) {
    key(name);
    write(value);
  }
  template <typename T>
  void field(const char* name, const std::optional<T>& value, Need need = Need::optional) {
    if (value) field(name, *value, need);
  }
  void secret(const char* name, const std::string& value) {
    key(name);
    append_quoted(out_, value.empty() || secrets_ == Secrets::show ? std::string_view(value) : redacted);
  }
  void size(const char* name, uint64_t value, Need need = Need::optional) { field(name, value, need); }
  void finish() { out_ += '}'; }

 private:
  void key(std::string_view name) {
    if (!first_) out_ += ',';
    first_ = false;
    append_quoted(out_, name);
    out_ += ':';
  }
  void write(const std::string& value) { append_quoted(out_, value); }
  void write(bool value) { out_ += value ? "true" : "false"; }
  template <std::integral T>
    requires(!std::same_as<T, bool>)
  void write(T value) {
    fmt::format_to(std::back_inserter(out_), "{}", value);
  }
  void write(double value) { out_ += print_json(Json(value)); }
  void write(const Json& value) { out_ += print_json(value); }
  template <typename T>
    requires requires(TextWriter& writer, const T& value) { visit_fields(writer, value); }
  void write(const T& value) {
    TextWriter writer(out_, secrets_);
    visit_fields(writer, value);
    writer.finish();
  }
  template <typename T>
  void write(const std::vector<T>& items) {
    out_ += '[';
    bool first = true;
    for (const T& item : items) {
      if (!first) out_ += ',';
      first = false;
      write(item);
    }
    out_ += ']';
  }
  template <typename T>
  void write(const std::map<std::string, T>& items) {
    TextWriter object(out_, secrets_);
    for (const auto& [name, item] : items) {
      object.key(name);
      object.write(item);
    }
    object.finish();
  }

  std::string& out_;
  Secrets secrets_;
  bool first_ = true;
};

/// One line, as print_json(encode(value, secrets)).
template <typename T>
std::string print_fields(const T& value, Secrets secrets = Secrets::redact) {
  std::string text;
  TextWriter writer(text, secrets);
  visit_fields(writer, value);
  writer.finish();
  return text;
}

/// The same JSON, laid out as print_json(json, indent) does, whose own one-line text `compact` is. `depth` is that of its first
/// line, which is not indented itself.
std::string lay_out(std::string_view compact, size_t indent, size_t depth = 0);

}  // namespace ashlar::json
