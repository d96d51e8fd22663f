// What may stand on any command line, before or after the command.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ashlar::cli {

enum class Format : uint8_t { table, wide, json, yaml, csv, name };

struct Options {
  // How it is shown.
  std::optional<Format> format;  ///< absent: a table; changes then print nothing but what was done
  std::vector<std::string> fields;
  std::string filter, sort;
  bool no_headers = false;
  std::string color = "auto";  ///< "auto", "always", "never"
  // How changes are made.
  bool dry_run = false, yes = false, force = false;
  std::optional<bool> wait;  ///< absent: yes
  std::string comment;
  // Where to.
  std::optional<uint32_t> timeout_seconds;  ///< absent: 60 for an answer, for ever for a job; 0: for ever
  std::string array, url, ca_file, token;
  std::string engine_socket;

  Format shown() const { return format.value_or(Format::table); }
};

/// The arguments of one command as they were typed, by the name that its table has for them: "NAME", "--size".
using Values = std::map<std::string, std::vector<std::string>, std::less<>>;

}  // namespace ashlar::cli
