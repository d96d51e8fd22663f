#include "json/text_writer.h"

#include <algorithm>

namespace ashlar::json {
namespace {

// What stands in a string as it is. The rest (escapes, and whether it is UTF-8 at all) is the library's business.
bool plain(char c) { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\'; }

// Past the end of the string whose opening quote is at `start`: a quote after an even number of backslashes.
size_t end_of_string(std::string_view text, size_t start) {
  for (size_t quote = start;;) {
    quote = text.find('"', quote + 1);
    if (quote == std::string_view::npos) return text.size();
    size_t escapes = 0;
    while (text[quote - 1 - escapes] == '\\') ++escapes;
    if (escapes % 2 == 0) return quote + 1;
  }
}

}  // namespace

void append_quoted(std::string& out, std::string_view text) {
  if (!std::ranges::all_of(text, plain)) {
    out += print_json(Json(text));
    return;
  }
  out += '"';
  out += text;
  out += '"';
}

std::string lay_out(std::string_view compact, size_t indent, size_t depth) {
  std::string out;
  out.reserve(compact.size() * 2);
  const auto new_line = [&] { out.append("\n").append(depth * indent, ' '); };
  for (size_t at = 0; at < compact.size();) {
    const char c = compact[at];
    if (c == '"') {
      const size_t end = end_of_string(compact, at);
      out += compact.substr(at, end - at);
      at = end;
      continue;
    }
    const bool empty = at + 1 < compact.size() && (compact[at + 1] == '}' || compact[at + 1] == ']');
    if ((c == '{' || c == '[') && empty) {
      out += compact.substr(at, 2);
      at += 2;
      continue;
    }
    if (c == '}' || c == ']') {
      --depth;
      new_line();
    }
    out += c;
    if (c == '{' || c == '[') {
      ++depth;
      new_line();
    }
    if (c == ',') new_line();
    if (c == ':') out += ' ';
    ++at;
  }
  return out;
}

}  // namespace ashlar::json
