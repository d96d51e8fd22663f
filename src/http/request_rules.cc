#include "http/request_rules.h"

#include <algorithm>

#include "http/letters.h"

namespace ashlar::http {
namespace {

size_t count_of(const Headers& headers, std::string_view name) {
  return static_cast<size_t>(std::ranges::count_if(
      headers, [&](const auto& header) { return same_without_case(header.first, name); }));
}

bool is_number(std::string_view text) {
  return !text.empty() && text.size() <= 19 &&
         std::ranges::all_of(text, [](char digit) { return digit >= '0' && digit <= '9'; });
}

/// RFC 9112 6.1 to 6.3, at its strictest: one length or one "chunked", never both.
std::optional<Refused> check_framing(unsigned version, const Headers& headers) {
  const size_t lengths = count_of(headers, "Content-Length");
  const size_t encodings = count_of(headers, "Transfer-Encoding");
  if (lengths > 1) return Refused{400, "more than one Content-Length"};
  if (lengths != 0 && encodings != 0) return Refused{400, "both Content-Length and Transfer-Encoding"};
  if (lengths == 1 && !is_number(*find_header(headers, "Content-Length")))
    return Refused{400, "Content-Length is not a number"};
  if (encodings == 0) return std::nullopt;
  if (version < 11) return Refused{400, "Transfer-Encoding needs HTTP/1.1"};
  if (encodings > 1 || !same_without_case(*find_header(headers, "Transfer-Encoding"), "chunked"))
    return Refused{501, "the only Transfer-Encoding that is understood is chunked"};
  return std::nullopt;
}

}  // namespace

std::optional<Refused> check_request_head(unsigned version, std::string_view method, const Headers& headers) {
  if (auto refused = check_framing(version, headers)) return refused;
  if (!std::ranges::all_of(method, [](char letter) { return letter >= 'A' && letter <= 'Z'; }))
    return Refused{501, "a method that is not understood"};
  const size_t hosts = count_of(headers, "Host");
  if (hosts > 1 || (hosts == 0 && version >= 11)) return Refused{400, "exactly one Host header is needed"};
  const std::string* expectation = find_header(headers, "Expect");
  if (expectation != nullptr && !same_without_case(*expectation, "100-continue"))
    return Refused{417, "the only expectation that is understood is 100-continue"};
  return std::nullopt;
}

bool expects_continue(unsigned version, const Headers& headers) {
  return version >= 11 && find_header(headers, "Expect") != nullptr;
}

}  // namespace ashlar::http
