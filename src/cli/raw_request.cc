// `ashlar api METHOD PATH`: for what has no command yet, and to see what commands see.
#include <algorithm>

#include "cli/output.h"
#include "cli/program_commands.h"
#include "cli/text_lines.h"
#include "cli/yaml.h"

namespace ashlar::cli {
namespace {

// "/volumes" is of the API; "/api", "/metrics" and the like are as they are.
std::string target_of(std::string path) {
  if (!path.starts_with('/')) path = "/" + path;
  const bool whole = path.starts_with("/api") || path.starts_with("/metrics");
  return whole ? path : "/api/v1" + path;
}

Result<std::string> body_text(Invocation& invocation) {
  const std::string typed = invocation.text("-d,--body");
  return typed.starts_with('@') ? invocation.read_input(typed.substr(1)) : Result<std::string>(typed);
}

}  // namespace

Result<void> raw_request(Invocation& invocation) {
  std::string method = invocation.text("METHOD");
  for (char& c : method) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  const std::string path = invocation.text("PATH");
  const bool odd = std::ranges::any_of(path, [](char c) { return c <= ' ' || c == 0x7f; });
  if (odd) return invocation.usage("PATH", "blanks and controls must be percent-encoded");
  http::Headers headers;
  const auto typed = invocation.values.find("--header");
  for (const std::string& header :
       typed == invocation.values.end() ? std::vector<std::string>{} : typed->second) {
    const size_t colon = header.find(':');
    if (colon == std::string::npos || header.find_first_of("\r\n") != std::string::npos) {
      return invocation.usage("--header", "is not of the form NAME: VALUE");
    }
    const size_t begin = std::min(header.find_first_not_of(' ', colon + 1), header.size());
    headers.emplace_back(header.substr(0, colon), header.substr(begin));
  }
  TRY_ASSIGN(std::string body, body_text(invocation));
  if (!body.empty() && http::find_header(headers, "Content-Type") == nullptr) {
    headers.emplace_back("Content-Type",
                         method == "PATCH" ? "application/merge-patch+json" : "application/json");
  }
  TRY_ASSIGN(const Answer answer, invocation.exchange(method, target_of(path), headers, std::move(body)));
  if (answer.body.is_null()) {
    const bool seen = invocation.world.terminal->output_is_tty();
    invocation.data(seen ? printable_lines(answer.text) : answer.text);
  } else if (!show_as_data(invocation, answer.body)) {
    invocation.data(print_safe_json(answer.body, 2) + "\n");
  }
  if (answer.status >= 400) return std::unexpected(error_of(answer));
  return {};
}

}  // namespace ashlar::cli
