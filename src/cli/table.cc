#include "cli/table.h"

#include <fmt/format.h>
#include <libsmartcols.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>

#include "base/check.h"

namespace ashlar::cli {
namespace {

struct Unref {
  void operator()(libscols_table* table) const { scols_unref_table(table); }
};

// The code point that begins at `text`, and its length; length 0: not UTF-8 (Unicode 15, table 3-7).
struct CodePoint {
  uint32_t value = 0;
  size_t length = 0;
};
CodePoint first_code_point(std::string_view text) {
  const auto byte = [&text](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return {first, 1};
  const size_t length = first >= 0xf0 && first < 0xf5 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 0;
  if (length == 0 || first >= 0xf5 || text.size() < length) return {};
  uint32_t value = first & (0x7fu >> length);
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0u) != 0x80u) return {};
    value = value << 6 | (byte(i) & 0x3fu);
  }
  const bool too_long = (length == 3 && value < 0x800) || (length == 4 && value < 0x10000);
  const bool no_character = (value >= 0xd800 && value < 0xe000) || value > 0x10ffff;
  return too_long || no_character ? CodePoint{} : CodePoint{value, length};
}

// U+2028 to U+202E and U+2066 to U+2069: line ends, and what turns the writing direction.
bool misleads(uint32_t value) {
  return (value >= 0x2028 && value <= 0x202e) || (value >= 0x2066 && value <= 0x2069);
}

}  // namespace

std::string printable(std::string_view text) {
  std::string shown;
  while (!text.empty()) {
    const CodePoint point = first_code_point(text);
    const size_t length = point.length == 0 ? 1 : point.length;
    if (point.length == 0) {
      shown += fmt::format("\\x{:02x}", static_cast<unsigned char>(text.front()));
    } else if (point.value < 0x20 || (point.value >= 0x7f && point.value < 0xa0)) {
      shown += fmt::format("\\x{:02x}", point.value);
    } else if (misleads(point.value)) {
      shown += fmt::format("\\u{:04x}", point.value);
    } else {
      shown += text.substr(0, length);
    }
    text.remove_prefix(length);
  }
  return shown;
}

std::string csv_cell(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + "\"";
}

void Table::add(std::vector<std::string> cells) {
  CHECK(cells.size() == columns_.size(), "{} cells for {} columns", cells.size(), columns_.size());
  for (std::string& cell : cells) cell = printable(cell);
  rows_.push_back(std::move(cells));
}

std::string Table::print(bool wide, bool headings) const {
  const std::unique_ptr<libscols_table, Unref> table(scols_new_table());
  CHECK(table != nullptr, "no memory for a table");
  scols_table_enable_noencoding(table.get(),
                                1);  // printable() has made the cells harmless; twice is illegible
  scols_table_enable_noheadings(table.get(), headings ? 0 : 1);
  // To a pipe or a file goes all of it; only a terminal has an edge.
  if (isatty(STDOUT_FILENO) == 0) scols_table_set_termforce(table.get(), SCOLS_TERMFORCE_NEVER);
  for (const Column& column : columns_) {
    if (column.wide && !wide) continue;
    const int flags = (column.right ? SCOLS_FL_RIGHT : 0) | (wide ? 0 : SCOLS_FL_TRUNC);
    scols_table_new_column(table.get(), column.title.c_str(), 0, flags);
  }
  for (const std::vector<std::string>& row : rows_) {
    libscols_line* line = scols_table_new_line(table.get(), nullptr);
    CHECK(line != nullptr, "no memory for a table");
    size_t place = 0;
    for (size_t i = 0; i < columns_.size(); ++i) {
      if (columns_[i].wide && !wide) continue;
      scols_line_set_data(line, place++, row[i].empty() ? "-" : row[i].c_str());
    }
  }
  char* text = nullptr;
  if (scols_print_table_to_string(table.get(), &text) != 0 || text == nullptr) return "";
  std::string printed(text);
  std::free(text);
  if (!printed.empty() && !printed.ends_with('\n')) printed += '\n';
  return printed;
}

std::string Table::names() const {
  std::string all;
  for (const std::vector<std::string>& row : rows_) all += row.front() + "\n";
  return all;
}

std::string Table::csv(bool headings) const {
  std::string all;
  const auto line = [&all](const auto& cells, const auto& text_of) {
    for (size_t i = 0; i < cells.size(); ++i) all += (i == 0 ? "" : ",") + csv_cell(text_of(cells[i]));
    all += "\r\n";
  };
  if (headings) line(columns_, [](const Column& column) -> const std::string& { return column.title; });
  for (const std::vector<std::string>& row : rows_) {
    line(row, [](const std::string& cell) -> const std::string& { return cell; });
  }
  return all;
}

std::string print_duration(uint64_t seconds) {
  const uint64_t days = seconds / 86400, hours = seconds / 3600 % 24, minutes = seconds / 60 % 60;
  if (days > 0) return fmt::format("{}d {}h", days, hours);
  if (hours > 0) return fmt::format("{}h {}m", hours, minutes);
  if (minutes > 0) return fmt::format("{}m {}s", minutes, seconds % 60);
  return fmt::format("{}s", seconds);
}

std::string print_latency(uint64_t nanoseconds) {
  const auto scaled = [](double value, const char* unit) {
    return value < 10 ? fmt::format("{:.1f} {}", value, unit) : fmt::format("{:.0f} {}", value, unit);
  };
  const auto value = static_cast<double>(nanoseconds);
  if (nanoseconds < 1000) return fmt::format("{} ns", nanoseconds);
  if (nanoseconds < 1'000'000) return scaled(value / 1e3, "us");
  if (nanoseconds < 1'000'000'000) return scaled(value / 1e6, "ms");
  return scaled(value / 1e9, "s");
}

}  // namespace ashlar::cli
