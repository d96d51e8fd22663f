#include "cli/line_editor.h"

#include <editline/readline.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

namespace ashlar::cli {
namespace {

constexpr int most_history_lines = 1000;

// libedit calls back without a context.
struct Editor {
  const Completer* completer = nullptr;
  std::vector<std::string> found;
  size_t next = 0;
  std::string history_path;
};
Editor& editor() {
  static Editor one;
  return one;
}

// libedit asks again with a growing `state` until it is told null; it frees what it gets.
char* next_candidate(const char* /*word*/, int state) {
  Editor& here = editor();
  if (state == 0) {
    here.next = 0;
    here.found.clear();
    const std::string line(rl_line_buffer, static_cast<size_t>(rl_point));
    if (here.completer != nullptr) here.found = (*here.completer)(line);
  }
  return here.next < here.found.size() ? ::strdup(here.found[here.next++].c_str()) : nullptr;
}

}  // namespace

bool tells_secret(const std::string& line) {
  return line.contains("secret") || line.contains("password") || line.contains("-key");
}

std::optional<std::string> edit_line(const std::string& prompt, const Completer& completer) {
  editor().completer = &completer;
  rl_completion_entry_function = next_candidate;
  rl_basic_word_break_characters = " \t";  // names have '@', ':' and '/' in them
  char* typed = ::readline(prompt.c_str());
  editor().completer = nullptr;
  if (typed == nullptr) return std::nullopt;
  std::string line(typed);
  std::free(typed);
  if (!line.empty() && !tells_secret(line)) {
    ::add_history(line.c_str());
    if (!editor().history_path.empty()) ::write_history(editor().history_path.c_str());
  }
  return line;
}

void use_history_file(const std::string& path) {
  // Made by us first, so that it is ours alone from the beginning.
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) return;
  ::close(file);
  ::using_history();
  ::stifle_history(most_history_lines);
  ::read_history(path.c_str());
  editor().history_path = path;
}

}  // namespace ashlar::cli
