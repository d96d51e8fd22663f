#include "notify/syslog_message.h"

#include <algorithm>

#include "notify/clean_text.h"
#include "notify/time_text.h"

namespace ashlar::notify {
namespace {

constexpr size_t most_bytes = 2048;
constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";  // MSG-UTF8 begins with it (RFC 5424, 6.4)

int severity_of(const Notice& notice) {
  if (notice.state == "cleared") return 5;  // notice
  if (notice.severity == "critical") return 2;
  return notice.severity == "warning" ? 4 : 6;
}

// PRINTUSASCII without blanks, or "-" for nothing (RFC 5424, 6).
std::string header_field(std::string_view text, size_t most) {
  std::string field(text.substr(0, most));
  std::ranges::replace_if(field, [](char each) { return each <= 0x20 || each >= 0x7F; }, '_');
  return field.empty() ? "-" : field;
}

std::string parameter(std::string_view name, std::string_view value, size_t most) {
  return fmt::format(" {}=\"{}\"", name, escape_parameter(clean_line(value, most)));
}

}  // namespace

std::string escape_parameter(std::string_view text) {
  std::string escaped;
  for (const char each : text) {
    if (each == '"' || each == '\\' || each == ']') escaped += '\\';
    escaped += each;
  }
  return escaped;
}

std::string syslog_message(int facility, const Notice& notice) {
  std::string upper = notice.state;
  std::ranges::transform(upper, upper.begin(),
                         [](char each) { return each >= 'a' && each <= 'z' ? char(each - 32) : each; });
  std::string line = fmt::format("<{}>1 {} {} ashlar - {} [ashlar@32473", facility * 8 + severity_of(notice),
                                 is_syslog_time(notice.time) ? notice.time : "-",
                                 header_field(notice.array, 255), header_field(upper, 32));
  line += parameter("rule", notice.rule, 64);
  line += parameter("subject", notice.subject, 160);
  line += parameter("severity", notice.severity, 16);
  line += parameter("state", notice.state, 16);
  line += parameter("value", number_text(notice.value), 32);
  line += parameter("id", notice.id, 240);
  line += "] ";
  line += byte_order_mark;
  return line + clean_line(notice.message, most_bytes - line.size());
}

}  // namespace ashlar::notify
