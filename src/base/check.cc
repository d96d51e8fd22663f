#include "base/check.h"

#include <cstdio>
#include <cstdlib>

#include "base/log.h"

namespace ashlar {

void check_failed(const char* condition, const char* file, int line, const std::string& message) {
  const std::string text = fmt::format("CHECK failed: {} at {}:{}{}{}", condition, file, line,
                                       message.empty() ? "" : ": ", message);
  log_flush();
  std::fprintf(stderr, "%s\n", text.c_str());
  std::fflush(stderr);
  std::abort();
}

}  // namespace ashlar
