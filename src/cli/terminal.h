// The person at the other end, or the pipe. Injected, so that tests can be a person.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace ashlar::cli {

/// What the last word of a line may become.
using Completer = std::function<std::vector<std::string>(std::string_view line)>;

class Terminal {
 public:
  virtual ~Terminal() = default;
  virtual bool input_is_tty() const = 0;
  virtual bool output_is_tty() const = 0;
  virtual bool talk_is_tty() const = 0;
  /// A line of standard input without its newline; nothing at the end. At most 1 MiB.
  virtual std::optional<std::string> read_line() = 0;
  /// The same, without showing what is typed; nothing when it was broken off.
  virtual std::optional<std::string> read_hidden() = 0;
  /// All of standard input, 16 MiB at most.
  virtual Result<std::string> read_all() = 0;
  /// A line with editing, history and completion where there is a tty, else as read_line().
  virtual std::optional<std::string> edit_line(const std::string& prompt, const Completer& completer) = 0;
  /// Where edit_line() keeps its history.
  virtual void keep_history(const std::string& path) = 0;
};

std::shared_ptr<Terminal> make_terminal();

}  // namespace ashlar::cli
