// Tables for people, drawn by libsmartcols: as wide as what they hold, cut at the terminal's edge when there is one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ashlar::cli {

class Table {
 public:
  struct Column {
    std::string title;
    bool right = false;  ///< numbers
    bool wide = false;   ///< shown with `-o wide` only
  };
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
  /// One cell a column, wide ones included. Control characters are shown as "\x1b": names come from hosts.
  void add(std::vector<std::string> cells);
  bool empty() const { return rows_.empty(); }
  /// With a newline at the end; empty cells are shown as "-".
  std::string print(bool wide, bool headings = true) const;
  /// The first column alone, a line each.
  std::string names() const;
  /// RFC 4180, wide columns too.
  std::string csv(bool headings = true) const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

/// "1d 2h", "3m 5s".
std::string print_duration(uint64_t seconds);
/// "850 ns", "12 us", "1.4 ms", "2.1 s".
std::string print_latency(uint64_t nanoseconds);
/// Nothing that a terminal would obey: controls (C0, DEL, C1), bytes that are not UTF-8 and what turns the writing direction
/// are shown as "\x1b" or "\u202e".
std::string printable(std::string_view text);
/// One cell of RFC 4180: in quotes when it must be.
std::string csv_cell(std::string_view text);

}  // namespace ashlar::cli
