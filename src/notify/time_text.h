// Points in time as protocols write them. All are UTC.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ashlar::notify {

std::string time_text(int64_t seconds);  ///< RFC 3339: "2026-01-02T03:04:05Z"
std::string mail_date(int64_t seconds);  ///< RFC 5322, 3.3: "Fri, 02 Jan 2026 03:04:05 +0000"
/// A TIMESTAMP of RFC 5424, 6.2.3: RFC 3339 with upper case T and Z and at most six digits of a second.
bool is_syslog_time(std::string_view text);

}  // namespace ashlar::notify
