#include "cli/text_lines.h"

#include <algorithm>

#include "cli/table.h"

namespace ashlar::cli {

std::string printable_lines(std::string_view text) {
  std::string shown;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    // Tabs are harmless, and what is copied may need them.
    while (!line.empty()) {
      const size_t tab = std::min(line.find('\t'), line.size());
      shown += printable(line.substr(0, tab));
      if (tab < line.size()) shown += '\t';
      line.remove_prefix(std::min(tab + 1, line.size()));
    }
    shown += '\n';
  }
  return shown;
}

}  // namespace ashlar::cli
