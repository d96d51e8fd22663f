// A line from a person, by libedit: arrows, history, Tab. One person only: libedit's state is the process's.
#pragma once

#include <optional>
#include <string>

#include "cli/terminal.h"

namespace ashlar::cli {

/// Nothing at the end (Ctrl-D).
std::optional<std::string> edit_line(const std::string& prompt, const Completer& completer);
/// The line has an option that takes a secret, so it must not be kept in a file. Pure.
bool tells_secret(const std::string& line);
/// Reads what was typed before, and writes there (0600, 1000 lines) after each line that tells no secret.
void use_history_file(const std::string& path);

}  // namespace ashlar::cli
