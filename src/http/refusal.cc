#include "http/refusal.h"

#include <fmt/format.h>

#include "http/boost_setup.h"

#include <boost/beast/http/status.hpp>

namespace ashlar::http {
namespace {

/// Our own sentences, with a name from the request in them at most.
std::string json_string(std::string_view text) {
  std::string out = "\"";
  for (const char letter : text) {
    const auto byte = static_cast<unsigned char>(letter);
    if (letter == '"' || letter == '\\') {
      out += {'\\', letter};
    } else if (byte < 0x20 || byte >= 0x7f) {
      out += fmt::format("\\u{:04x}", byte);
    } else {
      out += letter;
    }
  }
  return out + '"';
}

}  // namespace

std::string reason_of(int status) {
  const auto known = beast::http::int_to_status(static_cast<unsigned>(status));
  if (known == beast::http::status::unknown) return "Unknown";
  return std::string(beast::http::obsolete_reason(known));
}

Response refusal(int status, const std::string& code, const std::string& detail) {
  Response response;
  response.status = status;
  response.headers = {{"Content-Type", "application/problem+json"}};
  response.body = fmt::format(R"({{"type":"about:blank","title":{},"status":{},"detail":{},"code":{}}})",
                              json_string(reason_of(status)), status, json_string(detail), json_string(code));
  if (status == 503) response.headers.emplace_back("Retry-After", "5");
  return response;
}

}  // namespace ashlar::http
