#include "cli/terminal.h"

#include <termios.h>
#include <unistd.h>

#include <cerrno>

#include "cli/line_editor.h"

namespace ashlar::cli {
namespace {

constexpr size_t most_line_bytes = 1u << 20;
constexpr size_t most_input_bytes = 16u << 20;
constexpr char interrupt = 0x03, end_of_transmission = 0x04, backspace = 0x08, erase = 0x7f;

// Takes the keys one by one while it lives: Ctrl-C comes as a key, so that the echo is never left off.
class Hidden {
 public:
  Hidden() {
    changed_ = ::tcgetattr(STDIN_FILENO, &before_) == 0;
    if (!changed_) return;
    termios hidden = before_;
    hidden.c_lflag &= static_cast<tcflag_t>(~(ECHO | ICANON | ISIG));
    hidden.c_cc[VMIN] = 1;
    hidden.c_cc[VTIME] = 0;
    changed_ = ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden) == 0;
  }
  ~Hidden() {
    if (changed_) ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
  }
  Hidden(const Hidden&) = delete;
  Hidden& operator=(const Hidden&) = delete;
  bool works() const { return changed_; }

 private:
  termios before_{};
  bool changed_ = false;
};

std::optional<char> read_byte() {
  char byte = 0;
  while (true) {
    const ssize_t got = ::read(STDIN_FILENO, &byte, 1);
    if (got == 1) return byte;
    if (got == 0 || errno != EINTR) return std::nullopt;
  }
}

class RealTerminal final : public Terminal {
 public:
  bool input_is_tty() const override { return ::isatty(STDIN_FILENO) == 1; }
  bool output_is_tty() const override { return ::isatty(STDOUT_FILENO) == 1; }
  bool talk_is_tty() const override { return ::isatty(STDERR_FILENO) == 1; }

  // Byte by byte: what comes after the line belongs to somebody else.
  std::optional<std::string> read_line() override {
    std::string line;
    while (line.size() < most_line_bytes) {
      const std::optional<char> byte = read_byte();
      if (!byte && line.empty()) return std::nullopt;
      if (!byte || *byte == '\n') break;
      line += *byte;
    }
    if (line.ends_with('\r')) line.pop_back();
    return line;
  }

  std::optional<std::string> read_hidden() override {
    const Hidden hidden;
    if (!hidden.works()) return std::nullopt;
    std::string typed;
    while (typed.size() < most_line_bytes) {
      const std::optional<char> key = read_byte();
      if (!key || *key == interrupt || *key == end_of_transmission) return std::nullopt;
      if (*key == '\n' || *key == '\r') return typed;
      if (*key == backspace || *key == erase) {
        if (!typed.empty()) typed.pop_back();
      } else {
        typed += *key;
      }
    }
    return typed;
  }

  Result<std::string> read_all() override {
    std::string text;
    char chunk[1 << 16];
    while (true) {
      const ssize_t got = ::read(STDIN_FILENO, chunk, sizeof chunk);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return std::unexpected(error_of_errno(errno, "standard input", "cannot be read"));
      if (got == 0) return text;
      text.append(chunk, static_cast<size_t>(got));
      if (text.size() > most_input_bytes) {
        return fail(ErrorCode::out_of_range, "standard input", "more than {} bytes are not taken",
                    most_input_bytes);
      }
    }
  }

  std::optional<std::string> edit_line(const std::string& prompt, const Completer& completer) override {
    return input_is_tty() ? cli::edit_line(prompt, completer) : read_line();
  }
  void keep_history(const std::string& path) override {
    if (input_is_tty()) use_history_file(path);
  }
};

}  // namespace

std::shared_ptr<Terminal> make_terminal() { return std::make_shared<RealTerminal>(); }

}  // namespace ashlar::cli
