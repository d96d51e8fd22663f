// CmdSN, ExpCmdSN, MaxCmdSN of one session: which command is next, which one waits, which one is ignored (RFC 7143 4.2.2.1).
// Pure: no socket, no clock.
#pragma once

#include <cstdint>

namespace ashlar::iscsi {

/// Serial number arithmetic of RFC 1982 on 32 bits: a is before b.
constexpr bool serial_before(uint32_t a, uint32_t b) { return static_cast<int32_t>(a - b) < 0; }

class CommandWindow {
 public:
  /// `first` is the CmdSN of the login; `depth` the commands that a session may have outstanding (>= 1).
  CommandWindow(uint32_t first, uint32_t depth)
      : expected_(first), maximum_(first + depth - 1), depth_(depth) {}

  enum class Verdict : uint8_t {
    execute,  ///< it is the next one (ExpCmdSN has advanced), or immediate
    park,     ///< in the window, but earlier ones are missing: keep it until they are there
    ignore,   ///< outside the window, or seen before: drop it silently (RFC 7143 4.2.2.1)
  };
  Verdict receive(uint32_t command_sequence, bool immediate) {
    if (immediate) return Verdict::execute;
    if (serial_before(command_sequence, expected_) || serial_before(maximum_, command_sequence))
      return Verdict::ignore;
    if (command_sequence != expected_) return Verdict::park;
    ++expected_;
    return Verdict::execute;
  }

  uint32_t expected() const { return expected_; }
  /// Opens the window as far as `outstanding` commands allow. MaxCmdSN never goes back (RFC 7143 4.2.2.1): with depth 4,
  /// ExpCmdSN 10 and 1 outstanding it becomes 12.
  uint32_t maximum(uint32_t outstanding) {
    const uint32_t room = outstanding < depth_ ? depth_ - outstanding : 0;
    const uint32_t wished = expected_ + room - 1;
    if (serial_before(maximum_, wished)) maximum_ = wished;
    return maximum_;
  }

 private:
  uint32_t expected_;
  uint32_t maximum_;
  uint32_t depth_;
};

}  // namespace ashlar::iscsi
