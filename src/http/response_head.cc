#include "http/response_head.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>

#include "http/letters.h"
#include "http/refusal.h"

namespace ashlar::http {
namespace {

struct Fixed {
  std::string_view name, value;
};
/// No handler may say otherwise.
constexpr std::array<Fixed, 3> always = {{
    {"Strict-Transport-Security", "max-age=31536000; includeSubDomains"},
    {"X-Content-Type-Options", "nosniff"},
    {"X-Frame-Options", "DENY"},
}};
/// Sent unless the handler set its own.
constexpr std::array<Fixed, 2> defaults = {{
    {"Cache-Control", "no-store"},
    {"Content-Security-Policy", "default-src 'none'"},
}};
constexpr std::array<std::string_view, 5> framing_headers = {"Content-Length", "Transfer-Encoding",
                                                             "Connection", "Keep-Alive", "Date"};

bool belongs_to_server(std::string_view name) {
  return std::ranges::any_of(framing_headers, [&](auto ours) { return same_without_case(ours, name); }) ||
         std::ranges::any_of(always, [&](const Fixed& ours) { return same_without_case(ours.name, name); });
}

/// RFC 9110 5.6.7, which no locale may change.
std::string date_text() {
  static constexpr std::array<const char*, 7> days = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::array<const char*, 12> months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::tm now = fmt::gmtime(std::time(nullptr));
  return fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} GMT", days[static_cast<size_t>(now.tm_wday)],
                     now.tm_mday, months[static_cast<size_t>(now.tm_mon)], now.tm_year + 1900, now.tm_hour,
                     now.tm_min, now.tm_sec);
}

Result<void> check_headers(const Response& response) {
  if (response.status < 200 || response.status > 599)
    return fail(ErrorCode::invalid_argument, "status", "{} is not the status of an answer", response.status);
  for (const auto& [name, value] : response.headers) {
    if (!is_token(name) || !is_header_value(value))
      return fail(ErrorCode::invalid_argument, "headers", "\"{}\" cannot be sent as a header", name);
  }
  return {};
}

void add(std::string& head, std::string_view name, std::string_view value) {
  fmt::format_to(std::back_inserter(head), "{}: {}\r\n", name, value);
}

}  // namespace

bool may_have_body(int status) { return status >= 200 && status != 204 && status != 304; }

Result<std::string> response_head(const Response& response, HeadOptions options) {
  TRY(check_headers(response));
  std::string head = fmt::format("HTTP/1.1 {} {}\r\n", response.status, reason_of(response.status));
  add(head, "Date", date_text());
  for (const auto& [name, value] : response.headers) {
    if (!belongs_to_server(name)) add(head, name, value);
  }
  for (const Fixed& header : always) add(head, header.name, header.value);
  for (const Fixed& header : defaults) {
    if (find_header(response.headers, header.name) == nullptr) add(head, header.name, header.value);
  }
  if (may_have_body(response.status)) {
    if (options.framing == Framing::length) add(head, "Content-Length", std::to_string(response.body.size()));
    if (options.framing == Framing::chunked) add(head, "Transfer-Encoding", "chunked");
  }
  if (options.close) add(head, "Connection", "close");
  head += "\r\n";
  return head;
}

}  // namespace ashlar::http
