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

}  // namespace

std::string printable(std::string_view text) {
  std::string shown;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      shown += fmt::format("\\x{:02x}", byte);
    } else {
      shown += c;
    }
  }
  return shown;
}

void Table::add(std::vector<std::string> cells) {
  CHECK(cells.size() == columns_.size(), "{} cells for {} columns", cells.size(), columns_.size());
  for (std::string& cell : cells) cell = printable(cell);
  rows_.push_back(std::move(cells));
}

std::string Table::print(bool wide) const {
  const std::unique_ptr<libscols_table, Unref> table(scols_new_table());
  CHECK(table != nullptr, "no memory for a table");
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
